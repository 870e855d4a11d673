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
  /** false: only by its digest. */
  readonly takesTags?: boolean
}

/** @throws `not_found`, alike for what is foreign and what never was. */
export async function requireSubject(sql: Reader, actor: Actor, place: ArtifactPlace): Promise<ScanSubject> {
  const registry = await findRegistry(sql, actor, place.registryId)
  const repository = registry && (await findRepository(sql, registry.id, place.repository))
  const takesTag = isTag(place.digest) && place.takesTags !== false
  const subject = takesTag
    ? repository && (await taggedIn(sql, registry.id, repository.name, place.digest))
    : repository && (await scanSubjectAt(sql, repository.id, place.digest))
  if (subject) return subject
  const [what, within] = !registry
    ? [`registry ${place.registryId}`, '']
    : !repository
      ? [`repository "${place.repository}"`, ' in this registry']
      : [takesTag ? `tag "${place.digest}"` : `artifact ${place.digest}`, ' in this repository']
  throw new DomainError('not_found', `${what.slice(0, 100)} does not exist${within}`)
}

async function taggedIn(sql: Reader, registryId: number, name: string, tag: string): Promise<ScanSubject | null> {
  const tagged = await findManifestByTag(sql, registryId, name, tag)
  return tagged && (await scanSubject(sql, tagged.id))
}

function isTag(reference: string): boolean {
  return !reference.includes(':')
}
