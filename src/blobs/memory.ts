import { CHUNK_BYTES } from '../domain/buffer-pool.ts'
import { DomainError } from '../domain/error.ts'
import type {
  BoundedBlobStore,
  ListableBlobStore,
  ObjectId,
  ObjectWriter,
  SnapshotKeepingBlobStore,
} from './blob-store.ts'
import { assertObjectId, assertRange } from './object-id.ts'
import type { SnapshotName, SnapshotStore } from './snapshot-store.ts'
import { assertSnapshotName } from './snapshot-store.ts'

export interface MemoryBlobStoreOptions {
  readonly now?: () => number
  /** Bytes the store can hold: beyond it writing is `storage_full`. */
  readonly capacity?: number
}

export type MemoryBlobStore = ListableBlobStore & BoundedBlobStore & SnapshotKeepingBlobStore

/** A whole blob store for tests; strict where others are merely allowed to be. */
export function createMemoryBlobStore(options: MemoryBlobStoreOptions = {}): MemoryBlobStore {
  return new Memory(options)
}

class Memory implements MemoryBlobStore {
  readonly snapshots: SnapshotStore = new MemorySnapshots()
  readonly #now: () => number
  readonly #capacity: number
  readonly #objects = new Map<string, { bytes: Buffer; modifiedAt: number }>()
  readonly #unfinished = new Set<string>()
  #usedBytes = 0

  constructor({ now = Date.now, capacity = 2 ** 40 }: MemoryBlobStoreOptions) {
    this.#now = now
    this.#capacity = capacity
  }

  async create(id: ObjectId): Promise<ObjectWriter> {
    assertObjectId(id)
    if (this.#objects.has(id) || this.#unfinished.has(id)) throw new TypeError(`object ${id} exists already`)
    this.#unfinished.add(id)
    const pieces: Buffer[] = []
    let bytes = 0
    const end = (): boolean => this.#unfinished.delete(id)
    const assertOpen = (): void => {
      if (!this.#unfinished.has(id)) throw new TypeError('the object is closed')
    }
    return {
      write: async (chunks) => {
        assertOpen()
        for (const chunk of chunks) {
          this.#reserve(chunk.length)
          bytes += chunk.length
          pieces.push(Buffer.from(chunk))
        }
      },
      close: async () => {
        assertOpen()
        end()
        this.#objects.set(id, { bytes: Buffer.concat(pieces), modifiedAt: this.#now() })
      },
      discard: async () => {
        if (end()) this.#usedBytes -= bytes
      },
    }
  }

  async *read(id: ObjectId, start: number, end: number, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer, void, void> {
    assertObjectId(id)
    assertRange(start, end, chunkBytes)
    const object = this.#objects.get(id)
    if (object === undefined) throw new DomainError('not_found', `there is no object ${id}`)
    for (let at = start; at < end; at += chunkBytes) {
      const until = Math.min(end, at + chunkBytes)
      if (until > object.bytes.length)
        throw new DomainError('unavailable', 'a stored object is shorter than it should be')
      const borrowed = Buffer.from(object.bytes.subarray(at, until))
      yield borrowed
      // Who kept the chunk instead of copying it shall see it.
      borrowed.fill(0xdb)
    }
  }

  async delete(id: ObjectId): Promise<void> {
    assertObjectId(id)
    this.#usedBytes -= this.#objects.get(id)?.bytes.length ?? 0
    this.#objects.delete(id)
  }

  async size(id: ObjectId): Promise<number | null> {
    assertObjectId(id)
    return this.#objects.get(id)?.bytes.length ?? null
  }

  async *list(): AsyncGenerator<{ id: string; size: number; modifiedAt: number }, void, void> {
    for (const [id, { bytes, modifiedAt }] of this.#objects) yield { id, size: bytes.length, modifiedAt }
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    return { freeBytes: this.#capacity - this.#usedBytes, totalBytes: this.#capacity }
  }

  #reserve(bytes: number): void {
    if (this.#usedBytes + bytes > this.#capacity)
      throw new DomainError('storage_full', 'the storage of this server is full')
    this.#usedBytes += bytes
  }
}

class MemorySnapshots implements SnapshotStore {
  readonly #closed = new Map<SnapshotName, Buffer>()

  async create(name: SnapshotName): Promise<ObjectWriter> {
    assertSnapshotName(name)
    const pieces: Buffer[] = []
    return {
      write: async (chunks) => void pieces.push(...chunks.map((chunk) => Buffer.from(chunk))),
      close: async () => void this.#closed.set(name, Buffer.concat(pieces)),
      discard: async () => {},
    }
  }

  async *read(name: SnapshotName, start: number, end: number, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer> {
    const bytes = this.#closed.get(name)
    if (bytes === undefined) throw new DomainError('not_found', `there is no object ${name}`)
    for (let at = start; at < end; at += chunkBytes) yield bytes.subarray(at, Math.min(end, at + chunkBytes))
  }

  async delete(name: SnapshotName): Promise<void> {
    this.#closed.delete(name)
  }

  async *list(): AsyncGenerator<{ name: SnapshotName; size: number }> {
    for (const [name, bytes] of this.#closed) yield { name, size: bytes.length }
  }
}
