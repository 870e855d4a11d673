import type { Hash } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ObjectId } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'
import type { DataKey } from '../encryption/keyring.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertObject, markDeleting, markStored } from '../metadata/tables/objects.ts'
import type { UploadRow } from '../metadata/tables/uploads.ts'
import { appendObject, fenceUpload, holdUpload } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { SealedObject } from './sealed-object.ts'
import { fencedOff, uploadUnknown } from './upload-session.ts'

/** How a body ended: by itself, or because the client went away. */
export type Ending = 'complete' | 'interrupted'

/**
 * Writes the bytes of one request into objects of one session. An object is written once by one writer: its row is
 * committed before its first byte, a full one is closed and committed while the next is filled, and everything a writer
 * commits carries its generation, so that a newer writer fences it off (design.md 5 and 6).
 */
export class UploadWriter {
  readonly #deps: RegistryDeps
  readonly #upload: UploadRow
  readonly #key: DataKey
  readonly #hash: Hash | null
  readonly generation: number
  #object: SealedObject | null = null
  #closing: Promise<void> = Promise.resolve()
  #received = 0

  private constructor(deps: RegistryDeps, upload: UploadRow, key: DataKey, generation: number, hash: Hash | null) {
    this.#deps = deps
    this.#upload = upload
    this.#key = key
    this.#hash = hash
    this.generation = generation
  }

  /** Takes the session over. */
  static async open(deps: RegistryDeps, upload: UploadRow, hash: Hash | null): Promise<UploadWriter> {
    const key = await deps.keyring.current(upload.registry_id)
    const generation = await deps.metadata.transact((sql) => fenceUpload(sql, upload.id), { durable: false })
    if (generation === null) throw uploadUnknown(upload.id)
    return new UploadWriter(deps, upload, key, generation, hash)
  }

  /** Bytes of this request. */
  get received(): number {
    return this.#received
  }

  /** Reads `stream` to its end, or to the client's. @throws what the store throws. */
  async receive(stream: Readable, most: number): Promise<Ending> {
    return await new Promise<Ending>((resolve, reject) => {
      let busy = false
      let ending: Ending | null = null
      const settle = (): void => {
        if (ending && !busy) resolve(ending)
      }
      const end = (how: Ending): void => {
        ending ??= how
        settle()
      }
      const fail = (error: unknown): void => {
        stream.removeAllListeners('data')
        reject(error)
      }
      const onData = (chunk: Buffer): void => {
        if (this.#received + chunk.length > most) {
          fail(tooMuch(most))
          return
        }
        this.#received += chunk.length
        this.#hash?.update(chunk)
        const pause = this.#store(chunk)
        if (!pause) return
        busy = true
        stream.pause()
        pause.then(() => {
          busy = false
          stream.resume()
          settle()
        }, fail)
      }
      if (stream.readableEnded) return resolve('complete')
      if (stream.destroyed) return resolve('interrupted')
      stream.on('end', () => end('complete'))
      stream.on('close', () => end('interrupted'))
      stream.on('error', () => end('interrupted'))
      stream.on('data', onData)
    })
  }

  /** Stores a chunk; a promise when the stream must wait. */
  #store(chunk: Uint8Array): Promise<void> | null {
    const object = this.#object
    const { objectBytes, objectAgeMs } = this.#deps.limits
    if (!object || object.size + chunk.length > objectBytes || Date.now() - object.openedAt > objectAgeMs)
      return this.#storeAcross(chunk)
    object.push(chunk)
    return object.congested ? object.drained() : null
  }

  async #storeAcross(chunk: Uint8Array): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      this.#object ??= await this.#openObject()
      const object = this.#object
      const room = this.#deps.limits.objectBytes - object.size
      object.push(rest.length > room ? rest.subarray(0, room) : rest)
      rest = rest.subarray(Math.min(room, rest.length))
      if (rest.length > 0 || room === 0 || Date.now() - object.openedAt > this.#deps.limits.objectAgeMs)
        await this.#rollOver(object)
    }
  }

  /** The full object is finished behind while the next one fills; at most one waits. */
  async #rollOver(object: SealedObject): Promise<void> {
    await this.#closing
    this.#object = null
    const closing = this.#finishAndCommit(object)
    closing.catch(() => {}) // reported by the next `await this.#closing`
    this.#closing = closing
  }

  async #finishAndCommit(object: SealedObject): Promise<void> {
    await object.finish()
    await this.#deps.metadata.transact((sql) => this.#commit(sql, object), { durable: false })
  }

  async #hold(sql: Transaction): Promise<UploadRow> {
    const upload = await holdUpload(sql, this.#upload.id, this.generation)
    if (!upload) throw fencedOff(this.#upload.size)
    return upload
  }

  async #commit(sql: Transaction, object: SealedObject): Promise<UploadRow> {
    const upload = await this.#hold(sql)
    if (!(await markStored(sql, object.id, object.size))) throw fencedOff(upload.size)
    return await appendObject(sql, upload, { id: object.id, size: object.size })
  }

  async #openObject(): Promise<SealedObject> {
    const id = randomBytes(16).toString('hex') as ObjectId
    const { metadata, blobs, limits } = this.#deps
    await metadata.transact(
      async (sql) => {
        const upload = await this.#hold(sql)
        await insertObject(sql, {
          id,
          registryId: upload.registry_id,
          dataKeyId: this.#key.id,
          uploadId: upload.id,
          leaseUntil: sql.now() + limits.objectLeaseMs,
        })
      },
      { durable: false },
    )
    return new SealedObject(id, this.#key.objects, await blobs.create(id), Date.now())
  }

  /** All objects durable in the store. The last one still wants its rows: `commitLast` inside the caller's transaction. */
  async finish(): Promise<void> {
    await this.#closing
    await this.#object?.finish()
  }

  /** The session's row as this writer leaves it, held. @throws when fenced off. */
  async commitLast(sql: Transaction): Promise<UploadRow> {
    return this.#object ? await this.#commit(sql, this.#object) : await this.#hold(sql)
  }

  /** The last object's rows are committed: `commitLast` has nothing to add any more. */
  committed(): void {
    this.#object = null
  }

  /** Gives up the object being written; what was committed before stays part of the session. Never throws. */
  async abandon(): Promise<void> {
    await this.#closing.catch(() => {})
    const object = this.#object
    if (!object) return
    await object.discard()
    await this.#deps.metadata.transact((sql) => markDeleting(sql, object.id), { durable: false }).catch(() => {}) // its lease ends by itself
  }
}

function tooMuch(most: number): DomainError {
  return new DomainError('size_invalid', `the body has more than the ${most} bytes that its Content-Range announces`)
}
