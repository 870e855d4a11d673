import type { BlobStore, BoundedBlobStore } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'

/** How long one answer of the volume counts. Milliseconds. */
const FRESH_MS = 500

/**
 * Refuses new bytes before the volume is full: the database lies there too, and must go on (deletes, logins, pulls).
 * A store without a notion of space never refuses. @throws `storage_full`
 */
export function refuseWhenFull(blobs: BlobStore, minFreeBytes: number, now: () => number): () => Promise<void> {
  if (!isBounded(blobs)) return async () => {}
  let asked = Number.NEGATIVE_INFINITY
  let freeBytes = Number.POSITIVE_INFINITY
  return async () => {
    if (now() - asked > FRESH_MS) {
      asked = now()
      freeBytes = (await blobs.space()).freeBytes
    }
    if (freeBytes >= minFreeBytes) return
    throw new DomainError(
      'storage_full',
      `the registry's disk is almost full: ${mebibytes(freeBytes)} MiB free, new uploads need ${mebibytes(minFreeBytes)} MiB; pulls and deletes work. Ask the operator to make space`,
      { headers: { 'retry-after': '60' } },
    )
  }
}

function isBounded(blobs: BlobStore): blobs is BoundedBlobStore {
  return 'space' in blobs
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024))
}
