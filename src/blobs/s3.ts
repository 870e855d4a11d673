import type { Writable } from 'node:stream'
import { PassThrough, Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { BufferPool, CHUNK_BYTES } from '../domain/buffer-pool.ts'
import { DomainError } from '../domain/error.ts'
import type { ListableBlobStore, ObjectId, ObjectWriter, SnapshotKeepingBlobStore } from './blob-store.ts'
import { assertObjectId, assertRange } from './object-id.ts'
import type { SnapshotName, SnapshotStore } from './snapshot-store.ts'
import { assertSnapshotName, isSnapshotName } from './snapshot-store.ts'

export interface S3BlobStoreOptions {
  readonly bucket: string
  /** Absent: Amazon's own for the region. */
  readonly endpoint?: string | null
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The bucket in the path instead of the host name. */
  readonly forcePathStyle: boolean
  /** Before every key, such as `entrepot/`: several installations may share a bucket. */
  readonly prefix?: string
}

export type S3BlobStore = ListableBlobStore & SnapshotKeepingBlobStore & AsyncDisposable

/** Objects up to this size are one request, larger ones are sent in parts of it. */
const PART_BYTES = 8 * CHUNK_BYTES
/** Parts of one object under way at once; each is held in memory until it has arrived. */
const PARTS_AT_ONCE = 2
const IDLE_BYTES = 16 * CHUNK_BYTES
/** Every pull under way holds a connection; the SDK's 50 would make the fifty-first wait for a slow client. */
const CONNECTIONS = 512
const CONNECT_MS = 5_000
/** Without an answer, or without a byte. A pull by a client this slow goes on in a new request. */
const SILENCE_MS = 60_000
/** Tries of one request by the SDK, with back-off; and of a read that breaks off without a byte of progress. */
const TRIES = 4

/** Objects as `<prefix>objects/<id>`, snapshots as `<prefix>meta/<name>`, in any S3. Makes no request; `size` of any id tells whether it answers. */
export async function openS3BlobStore(options: S3BlobStoreOptions): Promise<S3BlobStore> {
  const agent = { keepAlive: true, maxSockets: CONNECTIONS }
  const client = new S3Client({
    ...(options.endpoint ? { endpoint: options.endpoint } : {}),
    region: options.region,
    forcePathStyle: options.forcePathStyle,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    maxAttempts: TRIES,
    // The SDK's new default adds checksums in trailers, which many other S3s refuse. Our own tags verify every byte.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
      socketTimeout: SILENCE_MS,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
  const { bucket, prefix = '' } = options
  return Object.assign(
    new Bucket<ObjectId>(client, { bucket, prefix: `${prefix}objects/`, assertName: assertObjectId }),
    {
      snapshots: snapshotsOf(new Bucket(client, { bucket, prefix: `${prefix}meta/`, assertName: assertSnapshotName })),
    },
  )
}

function snapshotsOf(bucket: Bucket<SnapshotName>): SnapshotStore {
  return {
    create: (name) => bucket.create(name),
    read: (name, start, end, chunkBytes) => bucket.read(name, start, end, chunkBytes),
    delete: (name) => bucket.delete(name),
    list: async function* () {
      for await (const { id, size } of bucket.list()) if (isSnapshotName(id)) yield { name: id, size }
    },
  }
}

interface Area {
  readonly bucket: string
  /** Before every name. */
  readonly prefix: string
  /** @throws TypeError */
  readonly assertName: (name: string) => void
}

class Bucket<Name extends string> implements AsyncDisposable {
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #assertName: (name: string) => void
  readonly #pool = new BufferPool(IDLE_BYTES)

  constructor(client: S3Client, { bucket, prefix, assertName }: Area) {
    this.#client = client
    this.#bucket = bucket
    this.#prefix = prefix
    this.#assertName = assertName
  }

  async create(id: Name): Promise<ObjectWriter> {
    return new UploadWriter(this.#client, this.#place(id))
  }

  async *read(id: Name, start: number, end: number, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer, void, void> {
    assertRange(start, end, chunkBytes)
    if (start === end) {
      if ((await this.size(id)) === null) throw absent(id)
      return
    }
    const buffer = this.#pool.take(Math.min(chunkBytes, end - start))
    try {
      let filled = 0
      let left = end - start
      for await (const piece of this.#bytes(id, start, end)) {
        for (let used = 0; used < piece.length; ) {
          const copied = piece.copy(buffer, filled, used, used + Math.min(piece.length - used, chunkBytes - filled))
          used += copied
          filled += copied
          left -= copied
          if (filled < chunkBytes && left > 0) continue
          yield buffer.subarray(0, filled)
          filled = 0
        }
      }
    } finally {
      this.#pool.giveBack(buffer)
    }
  }

  async delete(id: Name): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand(this.#place(id)))
    } catch (error) {
      if (!isAbsent(error)) throw storageError(error)
    }
  }

  async size(id: Name): Promise<number | null> {
    try {
      const head = await this.#client.send(new HeadObjectCommand(this.#place(id)))
      return head.ContentLength ?? 0
    } catch (error) {
      if (!isAbsent(error)) throw storageError(error)
    }
    await this.#assertBucket()
    return null
  }

  async *list(): AsyncGenerator<{ id: string; size: number; modifiedAt: number }, void, void> {
    try {
      const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: this.#prefix })
      for await (const { Contents = [] } of pages) {
        for (const { Key = '', Size = 0, LastModified } of Contents) {
          yield { id: Key.slice(this.#prefix.length), size: Size, modifiedAt: LastModified?.getTime() ?? 0 }
        }
      }
    } catch (error) {
      throw storageError(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
  }

  #place(id: Name): Place {
    this.#assertName(id)
    return { Bucket: this.#bucket, Key: this.#prefix + id }
  }

  /** A HEAD answers alike for an absent object and an absent bucket; with the latter nothing is known to be gone. */
  async #assertBucket(): Promise<void> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }))
    } catch (error) {
      throw storageError(error)
    }
  }

  /**
   * The bytes in whatever pieces they come. Objects never change, so what breaks off goes on where it stopped: a
   * connection may be cut because the server restarts, or because our own client is slow.
   */
  async *#bytes(id: Name, start: number, end: number): AsyncGenerator<Buffer, void, void> {
    let failures = 0
    for (let at = start; at < end; ) {
      const before = at
      try {
        for await (const piece of exactly(await this.#get(id, at, end), end - at)) {
          at += piece.length
          yield piece
        }
      } catch (error) {
        failures = at === before ? failures + 1 : 0
        if (error instanceof DomainError || failures >= TRIES) throw storageError(error)
      }
    }
  }

  /** @throws DomainError: it makes no sense to ask again, the SDK has done that. */
  async #get(id: Name, start: number, end: number): Promise<AsyncIterable<Buffer>> {
    const range = `${start}-${end - 1}`
    try {
      const answer = await this.#client.send(new GetObjectCommand({ ...this.#place(id), Range: `bytes=${range}` }))
      if (!(answer.Body instanceof Readable)) throw new TypeError('the answer has no body')
      if (answer.ContentRange?.startsWith(`bytes ${range}/`) === true) return answer.Body
      answer.Body.destroy()
      throw tooShort(id, `bytes ${range} gave ${answer.ContentRange ?? 'everything'}`)
    } catch (error) {
      if (isAbsent(error)) throw absent(id, error)
      throw statusOf(error) === 416 ? tooShort(id, error) : storageError(error)
    }
  }
}

async function* exactly(body: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer, void, void> {
  let left = bytes
  for await (const piece of body) {
    left -= piece.length
    if (left < 0) throw new Error('the answer is longer than it says')
    yield piece
  }
  if (left > 0) throw new Error(`the answer lacks ${left} bytes`)
}

interface Place {
  readonly Bucket: string
  readonly Key: string
}

class UploadWriter implements ObjectWriter {
  readonly #client: S3Client
  readonly #place: Place
  readonly #body = new PassThrough({ highWaterMark: CHUNK_BYTES })
  readonly #done: Promise<unknown>
  #failure: { readonly error: unknown } | null = null
  #open = true

  constructor(client: S3Client, place: Place) {
    this.#client = client
    this.#place = place
    const upload = new Upload({
      client,
      params: { ...place, Body: this.#body, ContentType: 'application/octet-stream' },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    })
    // Destroying the body ends the upload, which then removes its parts.
    this.#body.on('error', () => {})
    this.#done = upload.done()
    this.#done.catch((error: unknown) => {
      this.#failure = { error }
      this.#body.destroy()
    })
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen()
    this.#assertWorking()
    // The part is sent later, and sent again when that fails: it must not be the caller's buffer.
    const copy = Buffer.concat(chunks)
    if (copy.length === 0 || this.#body.write(copy)) return
    // A failed upload destroys the body, which ends this waiting too.
    await drainedOrClosed(this.#body)
    this.#assertWorking()
  }

  async close(): Promise<void> {
    this.#assertOpen()
    this.#open = false
    this.#body.end()
    try {
      await this.#done
    } catch (error) {
      await this.#remove()
      throw storageError(error)
    }
  }

  async discard(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#body.destroy(new Error('discarded'))
    await this.#done.catch(() => {})
  }

  /** A request without an answer may have been obeyed. */
  async #remove(): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#place)).catch(() => {})
  }

  #assertOpen(): void {
    if (!this.#open) throw new TypeError('the object is closed')
  }

  #assertWorking(): void {
    if (this.#failure !== null) throw storageError(this.#failure.error)
  }
}

function drainedOrClosed(stream: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const settle = (): void => {
    stream.off('drain', settle).off('close', settle)
    resolve()
  }
  stream.on('drain', settle).on('close', settle)
  return promise
}

const RETRY = { 'retry-after': '10' }
/** As AWS, MinIO and Ceph say it. */
const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'StorageFull', 'EntityTooLarge'])

/** The error a caller can act on: whatever a bucket refuses, somebody must set right, and clients come again. */
function storageError(error: unknown): unknown {
  if (error instanceof DomainError || error instanceof TypeError || error instanceof RangeError) return error
  const isFull = (error instanceof Error && FULL.has(error.name)) || statusOf(error) === 507
  if (isFull)
    return new DomainError('storage_full', 'the storage of this server is full', { cause: error, headers: RETRY })
  return new DomainError('unavailable', 'the storage does not answer just now', { cause: error, headers: RETRY })
}

/** Not a missing bucket: that is no reason to tell anybody that a blob is gone. */
function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && !(error instanceof Error && error.name === 'NoSuchBucket')
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
}

function absent(id: string, cause?: unknown): DomainError {
  return new DomainError('not_found', `there is no object ${id}`, { cause })
}

function tooShort(id: string, cause: unknown): DomainError {
  const reason = new Error(`object ${id} is shorter than it should be`, { cause })
  return new DomainError('unavailable', 'a stored object is shorter than it should be', {
    cause: reason,
    headers: RETRY,
  })
}
