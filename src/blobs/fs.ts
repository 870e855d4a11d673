import type { FileHandle } from 'node:fs/promises'
import { link, mkdir, open, readdir, rm, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BufferPool, CHUNK_BYTES } from '../domain/buffer-pool.ts'
import type { ErrorKind } from '../domain/error.ts'
import { DomainError } from '../domain/error.ts'
import type {
  BlobStore,
  BoundedBlobStore,
  LinkingBlobStore,
  ListableBlobStore,
  ObjectId,
  ObjectWriter,
  SnapshotKeepingBlobStore,
} from './blob-store.ts'
import { FsSnapshots } from './fs-snapshots.ts'
import { assertObjectId, assertRange } from './object-id.ts'
import { SyncedDirectory } from './synced-directory.ts'

export interface FsBlobStoreOptions {
  /** Made when absent; its parent must exist. */
  readonly directory: string
  /** false: nothing is fsynced. For tests only. */
  readonly sync?: boolean
}

export type FsBlobStore = ListableBlobStore &
  BoundedBlobStore &
  SnapshotKeepingBlobStore &
  LinkingBlobStore &
  AsyncDisposable

/** Read buffers kept for the next reader. */
const IDLE_BYTES = 16 * CHUNK_BYTES
/** While this much is lent to readers nobody reads ahead: a thousand slow clients would hold two megabytes each. */
const READ_AHEAD_BELOW_BYTES = 64 * CHUNK_BYTES

/**
 * Objects as files `objects/<two digits>/<thirty digits>` (0600, directories 0700), written in place: ids are random and
 * nobody knows one before its row says `stored`, so a temporary name and a rename would buy nothing.
 */
export async function openFsBlobStore({ directory, sync = true }: FsBlobStoreOptions): Promise<FsBlobStore> {
  const objects = join(directory, 'objects')
  await mkdir(objects, { recursive: true, mode: 0o700 })
  const present = new Set(await readdir(objects))
  const shards = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'))
  const missing = shards.filter((shard) => !present.has(shard))
  await Promise.all(missing.map((shard) => mkdir(join(objects, shard), { recursive: true, mode: 0o700 })))
  if (sync && missing.length > 0) for (const path of [objects, directory]) await syncOnce(path)
  const acts = { translate: storageError, absent }
  return new Files(objects, sync, new FsSnapshots(join(directory, 'meta'), acts))
}

async function syncOnce(path: string): Promise<void> {
  const directory = new SyncedDirectory(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

class Files implements FsBlobStore {
  readonly snapshots: FsSnapshots
  readonly #objects: string
  readonly #durable: boolean
  readonly #directories = new Map<string, SyncedDirectory>()
  readonly #pool = new BufferPool(IDLE_BYTES)
  /** Written by this process and not closed: in place already, but not there yet for our readers. */
  readonly #unfinished = new Set<string>()

  constructor(objects: string, durable: boolean, snapshots: FsSnapshots) {
    this.snapshots = snapshots
    this.#objects = objects
    this.#durable = durable
  }

  async create(id: ObjectId): Promise<ObjectWriter> {
    const path = this.#path(id)
    if (this.#unfinished.has(id)) throw new TypeError(`object ${id} exists already`)
    this.#unfinished.add(id)
    try {
      const file = await open(path, 'wx', 0o600)
      return new FileWriter(file, path, {
        sync: () => this.#sync(id, file),
        ended: () => this.#unfinished.delete(id),
      })
    } catch (error) {
      this.#unfinished.delete(id)
      if (codeOf(error) === 'EEXIST') throw new TypeError(`object ${id} exists already`, { cause: error })
      throw storageError(error)
    }
  }

  async *read(id: ObjectId, start: number, end: number, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer, void, void> {
    assertRange(start, end, chunkBytes)
    const file = await this.#openForReading(id)
    try {
      yield* this.#chunks({ id, file }, start, end, chunkBytes)
    } finally {
      await file.close()
    }
  }

  /** Reads one chunk ahead: the disk works while the consumer does. */
  async *#chunks(source: Source, start: number, end: number, chunkBytes: number): AsyncGenerator<Buffer, void, void> {
    let ahead: Promise<Loan> | null = null
    try {
      for (let at = start; at < end; ) {
        const loan: Loan = await (ahead ?? this.#load(source, at, Math.min(end, at + chunkBytes)))
        ahead = null
        at += loan.bytes.length
        if (at < end && this.#pool.lentBytes < READ_AHEAD_BELOW_BYTES) {
          ahead = this.#load(source, at, Math.min(end, at + chunkBytes))
          // Its failure is told when it is asked for, if ever.
          ahead.catch(() => {})
        }
        try {
          yield loan.bytes
        } finally {
          this.#pool.giveBack(loan.buffer)
        }
      }
    } finally {
      // The kernel may still be writing into it.
      const unused = await ahead?.catch(() => null)
      if (unused) this.#pool.giveBack(unused.buffer)
    }
  }

  async #load(source: Source, start: number, end: number): Promise<Loan> {
    const buffer = this.#pool.take(end - start)
    const bytes = buffer.length === end - start ? buffer : buffer.subarray(0, end - start)
    try {
      await readFully(source, bytes, start)
      return { buffer, bytes }
    } catch (error) {
      this.#pool.giveBack(buffer)
      throw storageError(error)
    }
  }

  async link(source: BlobStore, id: ObjectId): Promise<boolean> {
    if (!(source instanceof Files)) return false
    try {
      await link(source.#path(id), this.#path(id))
      if (this.#durable) await this.#directory(id).sync()
      return true
    } catch (error) {
      if (NO_LINKS.has(codeOf(error) ?? '')) return false
      throw codeOf(error) === 'ENOENT' ? absent(id, error) : storageError(error)
    }
  }

  async delete(id: ObjectId): Promise<void> {
    try {
      await unlink(this.#path(id)).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error
      })
      // Also when it was gone: a writer that gave up unlinks without waiting for the disk, and the file could come back.
      if (this.#durable) await this.#directory(id).sync()
    } catch (error) {
      throw storageError(error)
    }
  }

  async size(id: ObjectId): Promise<number | null> {
    const path = this.#path(id)
    if (this.#unfinished.has(id)) return null
    try {
      return (await stat(path)).size
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw storageError(error)
    }
  }

  async *list(): AsyncGenerator<{ id: string; size: number; modifiedAt: number }, void, void> {
    for (const shard of await readdir(this.#objects)) {
      const names = await readdir(join(this.#objects, shard)).catch(ignoreAbsent)
      for (const name of names ?? []) {
        // One that vanished since is no longer there to be listed.
        const facts = await stat(join(this.#objects, shard, name)).catch(ignoreAbsent)
        if (facts === null || this.#unfinished.has(shard + name)) continue
        yield { id: shard + name, size: facts.size, modifiedAt: facts.mtimeMs }
      }
    }
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#objects)
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    } catch (error) {
      throw storageError(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const directories = [...this.#directories.values()]
    this.#directories.clear()
    await Promise.all(directories.map((directory) => directory.close()))
  }

  #path(id: ObjectId): string {
    assertObjectId(id)
    return join(this.#objects, id.slice(0, 2), id.slice(2))
  }

  async #openForReading(id: ObjectId): Promise<FileHandle> {
    const path = this.#path(id)
    if (this.#unfinished.has(id)) throw absent(id)
    try {
      return await open(path, 'r')
    } catch (error) {
      throw codeOf(error) === 'ENOENT' ? absent(id, error) : storageError(error)
    }
  }

  /** Both at once: on a journalling file system they end up in one commit. */
  async #sync(id: ObjectId, file: FileHandle): Promise<void> {
    if (this.#durable) await Promise.all([file.datasync(), this.#directory(id).sync()])
  }

  #directory(id: ObjectId): SyncedDirectory {
    const shard = id.slice(0, 2)
    const known = this.#directories.get(shard)
    if (known) return known
    const directory = new SyncedDirectory(join(this.#objects, shard))
    this.#directories.set(shard, directory)
    return directory
  }
}

interface Source {
  readonly id: ObjectId
  readonly file: FileHandle
}

interface Loan {
  /** The whole buffer as the pool gave it. */
  readonly buffer: Buffer
  /** What was read into it. */
  readonly bytes: Buffer
}

class FileWriter implements ObjectWriter {
  readonly #file: FileHandle
  readonly #path: string
  readonly #store: { sync: () => Promise<void>; ended: () => void }
  #open = true

  constructor(file: FileHandle, path: string, store: { sync: () => Promise<void>; ended: () => void }) {
    this.#file = file
    this.#path = path
    this.#store = store
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen()
    try {
      await writeFully(this.#file, chunks)
    } catch (error) {
      throw storageError(error)
    }
  }

  async close(): Promise<void> {
    this.#assertOpen()
    try {
      await this.#store.sync()
      await this.#file.close()
    } catch (error) {
      // After a failed fsync the kernel may have dropped the pages and say "done" to the next one: never ask twice.
      await this.discard()
      throw storageError(error)
    }
    this.#open = false
    this.#store.ended()
  }

  async discard(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#file.close().catch(() => {})
    await rm(this.#path, { force: true }).catch(() => {})
    this.#store.ended()
  }

  #assertOpen(): void {
    if (!this.#open) throw new TypeError('the object is closed')
  }
}

async function writeFully(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0)
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest)
    rest = after(rest, bytesWritten)
  }
}

/** What remains of `chunks` behind the first `bytes`: a disk that fills up, or a signal, ends a write half-way. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  let index = 0
  for (const chunk of chunks) {
    if (skip < chunk.length) break
    skip -= chunk.length
    index += 1
  }
  const rest = chunks.slice(index)
  const cut = rest[0]
  if (cut !== undefined && skip > 0) rest[0] = cut.subarray(skip)
  return rest
}

async function readFully({ id, file }: Source, target: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < target.length; ) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, position + filled)
    if (bytesRead === 0) throw tooShort(id, position + filled)
    filled += bytesRead
  }
}

/** Another file system, one without links, or too many of them. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES'])

const KINDS: Readonly<Record<string, ErrorKind>> = {
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
  EFBIG: 'storage_full',
  EIO: 'unavailable',
  EROFS: 'unavailable',
  ESTALE: 'unavailable',
  ETIMEDOUT: 'unavailable',
  EMFILE: 'unavailable',
  ENFILE: 'unavailable',
  ENOMEM: 'unavailable',
}

const RETRY = { headers: { 'retry-after': '10' } }

/** The error a caller can act on, where there is one. */
function storageError(error: unknown): unknown {
  const kind = KINDS[codeOf(error) ?? '']
  if (kind === undefined) return error
  const message =
    kind === 'storage_full' ? 'the storage of this server is full' : 'the storage does not answer just now'
  return new DomainError(kind, message, { cause: error, ...RETRY })
}

function absent(id: string, cause?: unknown): DomainError {
  return new DomainError('not_found', `there is no object ${id}`, { cause })
}

function tooShort(id: string, bytes: number): DomainError {
  const cause = new Error(`object ${id} ends after ${bytes} bytes`)
  return new DomainError('unavailable', 'a stored object is shorter than it should be', { cause, ...RETRY })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function ignoreAbsent(error: unknown): null {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null
  throw error
}
