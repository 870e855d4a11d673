import type { Digest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import type { LinkedBlob } from '../metadata/tables/blobs.ts'
import { blobParts, findLinkedBlob, findLinks, holdBlob, lockLink, renewLinkLease } from '../metadata/tables/blobs.ts'
import { ensureRepository, holdRegistry } from '../metadata/tables/repositories.ts'
import { markUsageStale } from '../metadata/tables/usage.ts'
import type { Part } from './blob-reader.ts'
import type { RegistryDeps } from './deps.ts'
import { leaseLink } from './finish-upload.ts'
import { Lru } from './lru.ts'
import type { Caller, OpenedBlob, Place } from './registry.ts'

/** HEAD. Whoever may push and is told "present" holds a lease from then on (docs/garbage-collection.md). */
export async function statBlob(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  digest: Digest,
): Promise<{ digest: Digest; size: number } | null> {
  const seen = await deps.metadata.read(async (sql) => {
    const blob = await findLinkedBlob(sql, place.registryId, place.repository, digest)
    return blob ? { blob, renew: caller.mayPush && blob.lease_until - sql.now() < deps.limits.renewLeaseBelowMs } : null
  })
  if (!seen) return null
  const { link_id, size } = seen.blob
  if (!seen.renew) return { digest, size }
  const renewed = await deps.metadata.transact((sql) => renewLinkLease(sql, link_id, sql.now() + deps.limits.leaseMs))
  return renewed ? { digest, size } : null
}

/** Where a blob's bytes lie; immutable by blob id, so it may be cached. */
export class BlobParts {
  readonly #parts = new Lru<number, readonly Part[]>(100_000)

  async of(deps: RegistryDeps, blob: LinkedBlob): Promise<readonly Part[]> {
    const known = this.#parts.get(blob.blob_id)
    if (known) return known
    const parts = await deps.metadata.read((sql) => blobParts(sql, blob.blob_id))
    this.#parts.set(blob.blob_id, parts, 1 + parts.length)
    return parts
  }

  peek(blob: LinkedBlob): readonly Part[] | undefined {
    return this.#parts.get(blob.blob_id)
  }
}

export async function openBlob(
  deps: RegistryDeps,
  known: BlobParts,
  place: Place,
  digest: Digest,
): Promise<OpenedBlob> {
  const blob = await deps.metadata.read((sql) => findLinkedBlob(sql, place.registryId, place.repository, digest))
  if (!blob) throw new DomainError('blob_unknown', `blob ${digest} is not in repository "${place.repository}"`)
  const parts = known.peek(blob) ?? (await known.of(deps, blob))
  return {
    digest,
    size: blob.size,
    read: (start, end) => deps.reader.read(parts, start, end),
    peek: (start, end) => deps.reader.peek(parts, start, end),
  }
}

/** Repositories looked at for a mount without `from`. */
const MOST_SOURCES = 200

/** Source: distribution-spec 1.1, "Mounting a blob from another repository"; without `from`: any the caller may pull. */
export async function mountBlob(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  digest: Digest,
  from: RepositoryName | null,
): Promise<boolean> {
  return await deps.metadata.transact(async (sql) => {
    if (!(await holdRegistry(sql, place.registryId))) throw new DomainError('name_unknown', 'the registry was deleted')
    if (!(await mayMount(sql, place, caller, digest, from))) return false
    const repository = await ensureRepository(sql, place.registryId, place.repository, caller.name)
    const linked = await lockLink(sql, repository.id, digest)
    const blob = await holdBlob(sql, place.registryId, digest)
    if (!blob) throw new DomainError('unavailable', `blob ${digest} was removed just now; push it`)
    const { registryId } = place
    await leaseLink(sql, deps, { registryId, repositoryId: repository.id, digest, blobId: blob.id }, linked !== null)
    await markUsageStale(sql, registryId)
    return true
  })
}

/**
 * Is there a live link in a repository that the caller may pull? Its row needs no lock: the blob, held below, keeps the
 * bytes, and a deletion of the source is simply earlier or later.
 */
async function mayMount(
  sql: Transaction,
  place: Place,
  caller: Caller,
  digest: Digest,
  from: RepositoryName | null,
): Promise<boolean> {
  if (from !== null) return caller.mayPull(from) && (await findLinkedBlob(sql, place.registryId, from, digest)) !== null
  const links = await findLinks(sql, place.registryId, digest, MOST_SOURCES)
  return links.some((link) => caller.mayPull(link.repository as RepositoryName))
}
