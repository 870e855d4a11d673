import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { findManifestByTag } from '../metadata/tables/manifests.ts'
import { findRegistry } from '../metadata/tables/registries.ts'
import { findRepository } from '../metadata/tables/repositories.ts'
import type { ScanSubject } from '../metadata/tables/scans.ts'
import { scanSubject, scanSubjectAt } from '../metadata/tables/scans.ts'
import type { Actor } from './deps.ts'

export interface ArtifactPlace {
  /** The public one. */
  readonly registryId: string
  readonly repository: string
  /** Its digest, or a tag as it points now: only digests have a colon. */
  readonly digest: string
}

/** @throws `not_found`, alike for what is foreign and what never was. */
export async function requireSubject(sql: Reader, actor: Actor, place: ArtifactPlace): Promise<ScanSubject> {
  const registry = await findRegistry(sql, actor, place.registryId)
  const repository = registry && (await findRepository(sql, registry.id, place.repository))
  const subject = repository && (await subjectIn(sql, registry.id, repository, place.digest))
  if (subject) return subject
  const [what, within] = !registry
    ? [`registry ${place.registryId}`, '']
    : !repository
      ? [`repository "${place.repository}"`, ' in this registry']
      : [isTag(place.digest) ? `tag "${place.digest}"` : `artifact ${place.digest}`, ' in this repository']
  throw new DomainError('not_found', `${what.slice(0, 100)} does not exist${within}`)
}

async function subjectIn(
  sql: Reader,
  registryId: number,
  { id, name }: { readonly id: number; readonly name: string },
  reference: string,
): Promise<ScanSubject | null> {
  if (!isTag(reference)) return await scanSubjectAt(sql, id, reference)
  const tagged = await findManifestByTag(sql, registryId, name, reference)
  return tagged && (await scanSubject(sql, tagged.id))
}

function isTag(reference: string): boolean {
  return !reference.includes(':')
}
