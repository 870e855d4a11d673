import { DomainError } from '../domain/error.ts'
import { artifactSummary } from '../metadata/tables/artifact-lists.ts'
import type { Actor, ContentsDeps } from './deps.ts'
import { foundArtifact, requireRegistry, requireRepository, shorten } from './find.ts'

/** Nothing is scanned yet: an artifact that is there has no findings anybody knows of. @throws `not_found` */
export async function requireArtifact(
  { metadata }: ContentsDeps,
  actor: Actor,
  place: { readonly registryId: string; readonly repository: string; readonly digest: string },
): Promise<void> {
  await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, place.registryId)
    const { id } = await requireRepository(sql, registry.id, place.repository)
    foundArtifact(await artifactSummary(sql, id, place.digest, 0), place.digest)
  })
}

/** There are no advisories yet. @throws `not_found` */
export function unknownVulnerability(id: string): never {
  throw new DomainError('not_found', `vulnerability "${shorten(id)}" is not known here`)
}
