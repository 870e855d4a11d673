import type { SnapshotStore } from './snapshot-store.ts'

/** A random 128-bit name, 32 lower-case hexadecimal digits. Never a digest; never used twice (docs/garbage-collection.md). */
export type ObjectId = string & { readonly objectId: unique symbol }

/** One object being written, by one writer, once. After `close` or `discard` only `discard` may be called, and does nothing. */
export interface ObjectWriter {
  /**
   * Appends `chunks`. Not called again before the promise settles; the writer may keep the buffers only until then.
   * After an error only `discard` makes sense.
   * @throws `storage_full` when the disk or bucket is full, `unavailable` when the store does not answer.
   */
  write(chunks: readonly Uint8Array[]): Promise<void>
  /**
   * Resolves once the object is durable (file and directory fsynced) and visible to `read`. When it throws, the object
   * was discarded. @throws as `write`.
   */
  close(): Promise<void>
  /** Gives up: the object never becomes visible; what was stored is removed as far as that can be done at once. Never throws. */
  discard(): Promise<void>
}

/**
 * Immutable objects by random id. Knows nothing of digests, repositories, encryption or users: the bytes are ciphertext.
 * An interrupted process leaves at most objects nobody refers to; the collector and `check` deal with them.
 * Every method may throw `unavailable` when the store does not answer, and TypeError for an id that is none.
 */
export interface BlobStore {
  /**
   * Opens a new object. @throws TypeError, here or at `close`, when the id exists already (ids are random: that is a
   * programmer's mistake; a store that cannot tell cheaply does not).
   */
  create(id: ObjectId): Promise<ObjectWriter>
  /**
   * Bytes `start` (inclusive) to `end` (exclusive), in order; an empty range gives no chunk. Chunks are at most
   * `chunkBytes` long and all but the last exactly that (default 1 MiB); a chunk is borrowed: its buffer is reused once
   * the next one is asked for. Stopping the iteration releases everything. Holds at most two chunks of memory.
   * @throws `not_found` when absent; a short object ends in `unavailable`, never silently; RangeError for no range.
   */
  read(id: ObjectId, start: number, end: number, chunkBytes?: number): AsyncIterable<Uint8Array>
  /** Removes the object durably; one that is absent is no error. */
  delete(id: ObjectId): Promise<void>
  /** Size in bytes, or null when absent. */
  size(id: ObjectId): Promise<number | null>
}

/** For `check`: what lies in the store, whoever put it there. */
export interface ListableBlobStore extends BlobStore {
  /**
   * All objects in any order, with the store's own time (milliseconds UTC) of their last change. May include what other
   * processes are writing, and names that are no object ids: those can be reported, not read or deleted.
   */
  list(): AsyncIterable<{ id: string; size: number; modifiedAt: number }>
}

/** Free and total bytes of the volume, for the low-disk watermark; a store without that notion does not implement it. */
export interface BoundedBlobStore extends BlobStore {
  space(): Promise<{ freeBytes: number; totalBytes: number }>
}

/** Keeps copies of the metadata beside the objects, under `meta/`. */
export interface SnapshotKeepingBlobStore extends BlobStore {
  readonly snapshots: SnapshotStore
}

/** Files: one on the same file system need not be copied. */
export interface LinkingBlobStore extends BlobStore {
  /**
   * Makes `source`'s object one of this store too, sharing its bytes on the disk; durable once resolved. False when that
   * cannot be done (another file system, no files): then copy. @throws `not_found` when the source has no such object.
   */
  link(source: BlobStore, id: ObjectId): Promise<boolean>
}
