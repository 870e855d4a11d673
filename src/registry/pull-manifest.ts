import type { Digest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Reference } from '../domain/reference.ts'
import type { ManifestRow } from '../metadata/tables/manifests.ts'
import { renewManifestLease } from '../metadata/tables/manifests.ts'
import type { RegistryDeps } from './deps.ts'
import type { Caller, Manifest, ManifestFacts, Place } from './registry.ts'

export async function pullManifest(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  reference: Reference,
  count: boolean,
): Promise<Manifest> {
  return await deps.metadata.read(async (sql) => {
    const row = await deps.seen.find(sql, caller, place, reference)
    if (!row) throw manifestUnknown(place, reference)
    const bytes = deps.manifests.peek(row.id) ?? (await deps.manifests.load(sql, place.registryId, row))
    if (count) countPull(deps, place, row, sql.now())
    return { ...factsOf(row), bytes }
  })
}

function countPull(deps: RegistryDeps, { registryId }: Place, row: ManifestRow, now: number): void {
  deps.pulls.add(row.id, row.repository_id, now)
  deps.days.add('pulls', registryId, row.repository_id, now)
}

export async function statManifest(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  reference: Reference,
): Promise<ManifestFacts | null> {
  const seen = await deps.metadata.read(async (sql) => {
    const row = await deps.seen.find(sql, caller, place, reference)
    return row ? { row, renew: caller.mayPush && row.lease_until - sql.now() < deps.limits.renewLeaseBelowMs } : null
  })
  if (!seen) return null
  if (!seen.renew) return factsOf(seen.row)
  const { id } = seen.row
  const renewed = await deps.metadata.transact((sql) => renewManifestLease(sql, id, sql.now() + deps.limits.leaseMs))
  return renewed ? factsOf(seen.row) : null
}

export function manifestUnknown(place: Place, reference: Reference): DomainError {
  const what = reference.kind === 'tag' ? `tag "${reference.tag}"` : `manifest ${reference.digest}`
  return new DomainError('manifest_unknown', `${what} is not in repository "${place.repository}"`)
}

function factsOf(row: ManifestRow): ManifestFacts {
  return { digest: row.digest as Digest, mediaType: row.media_type, size: row.size }
}
