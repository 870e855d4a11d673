import type { Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { DomainError } from '../domain/error.ts'
import type { DataKey } from '../encryption/keyring.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { markStored } from '../metadata/tables/objects.ts'
import type { UploadRow } from '../metadata/tables/uploads.ts'
import { appendObject, fenceUpload, findUpload, holdUpload } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { giveUp, openSealedObject } from './open-object.ts'
import type { Room } from './room.ts'
import { endIfDenied, withRoom } from './room.ts'
import type { SealedObject } from './sealed-object.ts'
import { fencedOff, uploadUnknown } from './upload-session.ts'

/** How a body ended: by itself, or because the client went away. */
export type Ending = 'complete' | 'interrupted'

/** What becomes of a body: stored; only hashed, because the registry has these bytes; or there is none. */
export type Use = 'store' | 'hash' | 'nothing'

/** What a body is written with. */
export interface Writing {
  readonly hash: Hash | null
  readonly use: Use
  /** Of the body; null: nobody knows. */
  readonly length: number | null
  readonly room: Room | null
}

interface Given extends Writing {
  readonly key: DataKey
  readonly generation: number
  readonly object: SealedObject | null
  /** Of the session, as far as its reservation goes. */
  readonly allowed: number
}

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
  readonly use: Use
  readonly room: Room | null
  readonly #length: number | null
  #object: SealedObject | null
  /** Offset of the object's first byte in the session, how many it may have, and how far the reservation goes. */
  #start: number
  #most: number
  #allowed: number
  #closing: Promise<void> = Promise.resolve()
  #received = 0
  /** Bytes of the session as far as this writer knows: what its hash covers ends here, or a wrong blob could be made. */
  #size: number

  private constructor(deps: RegistryDeps, upload: UploadRow, given: Given) {
    this.#deps = deps
    this.#upload = upload
    this.#key = given.key
    this.#hash = given.hash
    this.#object = given.object
    this.#size = upload.size
    this.generation = given.generation
    this.use = given.use
    this.room = given.room
    this.#length = given.length
    this.#allowed = given.allowed
    this.#start = upload.size
    this.#most = Math.min(deps.limits.objectBytes, given.allowed - upload.size)
  }

  /** Takes the session over as it was seen; the first object's row is committed with that. */
  static async open(deps: RegistryDeps, upload: UploadRow, writing: Writing): Promise<UploadWriter> {
    const key = await deps.keyring.current(upload.registry_id)
    let allowed = Number.POSITIVE_INFINITY
    if (writing.use !== 'store') {
      const generation = await takeOver(deps, upload)
      return new UploadWriter(deps, upload, { ...writing, key, generation, object: null, allowed })
    }
    const { room, length } = writing
    let generation: number | null = null
    const open = () =>
      openSealedObject(deps, upload, key, async (sql) => {
        generation = await fenceUpload(sql, upload)
        if (generation === null) throw fencedOff(upload.size)
        if (room) allowed = await room.reserve(sql, upload.id, wanted(upload.size, upload.size, length, deps))
      })
    const object = await withRoom(room, open).catch(async (error: unknown) => {
      await endIfDenied(deps, error, upload.id, upload.generation)
      throw generation === null && isFenced(error) ? await changedSince(deps, upload) : error
    })
    return new UploadWriter(deps, upload, { ...writing, key, generation: generation ?? Number.NaN, object, allowed })
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
        stream.off('data', onData)
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
    if (this.use === 'hash') return null
    const object = this.#object
    const { objectAgeMs } = this.#deps.limits
    if (!object || object.size + chunk.length > this.#most || performance.now() - object.openedAt > objectAgeMs)
      return this.#storeAcross(chunk)
    object.push(chunk)
    return object.congested ? object.drained() : null
  }

  async #storeAcross(chunk: Uint8Array): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      this.#object ??= await this.#openObject()
      const object = this.#object
      const room = this.#most - object.size
      object.push(rest.length > room ? rest.subarray(0, room) : rest)
      rest = rest.subarray(Math.min(room, rest.length))
      if (rest.length > 0 || room === 0 || performance.now() - object.openedAt > this.#deps.limits.objectAgeMs)
        await this.#rollOver(object)
    }
  }

  /** The full object is finished behind while the next one fills; at most one waits. */
  async #rollOver(object: SealedObject): Promise<void> {
    await this.#closing
    this.#object = null
    this.#start += object.size
    const closing = this.#finishAndCommit(object)
    closing.catch(() => {}) // reported by the next `await this.#closing`
    this.#closing = closing
  }

  async #finishAndCommit(object: SealedObject): Promise<void> {
    try {
      await object.finish()
      await this.#deps.metadata.transact((sql) => this.#commit(sql, object), { durable: false })
      this.#size += object.size
    } catch (error) {
      await giveUp(this.#deps, object)
      throw error
    }
  }

  async #hold(sql: Transaction): Promise<UploadRow> {
    const upload = await holdUpload(sql, this.#upload.id, this.generation)
    if (upload?.size !== this.#size) throw fencedOff(upload?.size ?? this.#size)
    return upload
  }

  async #commit(sql: Transaction, object: SealedObject): Promise<UploadRow> {
    const upload = await this.#hold(sql)
    if (!(await markStored(sql, object.id, object.size))) throw fencedOff(upload.size)
    return await appendObject(sql, upload, { id: object.id, size: object.size })
  }

  async #openObject(): Promise<SealedObject> {
    const { room } = this
    const upload = this.#upload
    const want = wanted(this.#start, upload.size, this.#length, this.#deps)
    if (this.#start >= want.total) throw tooMuch(want.total)
    let allowed = this.#allowed
    // The row's size is checked when the object is committed: one that rolls over meanwhile is not in it yet.
    const open = () =>
      openSealedObject(this.#deps, upload, this.#key, async (sql) => {
        if (!(await holdUpload(sql, upload.id, this.generation))) throw fencedOff(this.#size)
        if (room && this.#allowed < want.total) allowed = await room.reserve(sql, upload.id, want)
      })
    const object = await withRoom(room, open)
    this.#allowed = allowed
    this.#most = Math.min(this.#deps.limits.objectBytes, allowed - this.#start)
    return object
  }

  /** All objects durable in the store. The last one still wants its rows: `commitLast` inside the caller's transaction. */
  async finish(): Promise<void> {
    await this.#closing
    if (this.#object?.size === 0) await this.#dropEmpty(this.#object)
    await this.#object?.finish()
  }

  /** Zero bytes make no object: the body that was announced, or might have come, did not. */
  async #dropEmpty(object: SealedObject): Promise<void> {
    this.#object = null
    await giveUp(this.#deps, object)
  }

  /** The session's row as this writer leaves it, held. @throws when fenced off. */
  async commitLast(sql: Transaction): Promise<UploadRow> {
    return this.#object ? await this.#commit(sql, this.#object) : await this.#hold(sql)
  }

  /** The session held, and the last object stored but in no list: the caller makes it part of a blob. @throws when fenced off. */
  async storeLast(sql: Transaction): Promise<{ upload: UploadRow; last: { id: string; size: number } | null }> {
    const upload = await this.#hold(sql)
    const object = this.#object
    if (!object) return { upload, last: null }
    if (!(await markStored(sql, object.id, object.size))) throw fencedOff(upload.size)
    return { upload, last: { id: object.id, size: object.size } }
  }

  /** The last object's rows are committed: `commitLast` has nothing to add any more, `abandon` nothing to give up. */
  committed(): void {
    this.#size += this.#object?.size ?? 0
    this.#object = null
  }

  /** Gives up what is not committed; what was stays part of the session. Never throws. */
  async abandon(): Promise<void> {
    await this.#closing.catch(() => {})
    if (this.#object) await giveUp(this.#deps, this.#object)
  }
}

/** Of the whole session: what Content-Length tells, else another object's worth, or as much of it as there is. */
function wanted(start: number, size: number, length: number | null, { limits }: RegistryDeps) {
  if (length !== null) return { total: size + length, least: size + length }
  return { total: start + limits.objectBytes, least: start + 1 }
}

/** Fences older writers off. @throws `range_invalid` when the session is not as it was seen, `blob_upload_unknown` when it is gone. */
export async function takeOver(deps: RegistryDeps, seen: UploadRow): Promise<number> {
  const generation = await deps.metadata.transact((sql) => fenceUpload(sql, seen), { durable: false })
  if (generation === null) throw await changedSince(deps, seen)
  return generation
}

/** Why a session could not be taken over. */
async function changedSince(deps: RegistryDeps, seen: UploadRow): Promise<DomainError> {
  const now = await deps.metadata.read((sql) => findUpload(sql, seen.id))
  return now?.state === 'open' ? fencedOff(now.size) : uploadUnknown(seen.id)
}

function isFenced(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'range_invalid'
}

function tooMuch(most: number): DomainError {
  return new DomainError('size_invalid', `the body has more than the ${most} bytes that were announced`)
}
