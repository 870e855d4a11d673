/** A random 128-bit name, 32 lower-case hexadecimal digits. Never a digest; never used twice (docs/garbage-collection.md). */
export type ObjectId = string & { readonly objectId: unique symbol }

/** One object being written, by one writer, once. After `close` or `discard` nothing else may be called. */
export interface ObjectWriter {
  /**
   * Appends `chunks`. Not called again before the promise settles; the writer may keep the buffers only until then.
   * @throws `storage_full` when the disk or bucket is full, `unavailable` when the store does not answer.
   */
  write(chunks: readonly Uint8Array[]): Promise<void>
  /** Resolves once the object is durable (file and directory fsynced) and visible to `read`. */
  close(): Promise<void>
  /** Gives up: the object never becomes visible; what was stored is removed as far as that can be done at once. Never throws. */
  discard(): Promise<void>
}

/**
 * Immutable objects by random id. Knows nothing of digests, repositories, encryption or users: the bytes are ciphertext.
 * An interrupted process leaves at most objects nobody refers to; the collector and `check` deal with them.
 */
export interface BlobStore {
  /** Opens a new object. @throws TypeError when the id exists already (ids are random: that is a programmer's mistake). */
  create(id: ObjectId): Promise<ObjectWriter>
  /**
   * Bytes `start` (inclusive) to `end` (exclusive), in order. Chunks are at most `chunkBytes` long and all but the last
   * exactly that (default 1 MiB); a chunk is borrowed: its buffer is reused once the next one is asked for.
   * Stopping the iteration releases everything. @throws `not_found`; a short object ends in `unavailable`, never silently.
   */
  read(id: ObjectId, start: number, end: number, chunkBytes?: number): AsyncIterable<Uint8Array>
  /** Removes the object durably; one that is absent is no error. */
  delete(id: ObjectId): Promise<void>
  /** Size in bytes, or null when absent. */
  size(id: ObjectId): Promise<number | null>
}

/** For `check`: what lies in the store, whoever put it there. */
export interface ListableBlobStore extends BlobStore {
  /** All objects in any order, with the store's own time (milliseconds UTC) of their last change. */
  list(): AsyncIterable<{ id: string; size: number; modifiedAt: number }>
}

/** Free and total bytes of the volume, for the low-disk watermark; a store without that notion does not implement it. */
export interface BoundedBlobStore extends BlobStore {
  space(): Promise<{ freeBytes: number; totalBytes: number }>
}
