import type { BlobStore, ObjectId } from '../blobs/blob-store.ts'
import { BufferPool, CHUNK_BYTES } from '../domain/buffer-pool.ts'
import { DomainError } from '../domain/error.ts'
import type { Keyring } from '../encryption/keyring.ts'
import {
  HEADER_BYTES,
  SEGMENT_BYTES,
  StreamOpener,
  sealedSize,
  segmentPlain,
  segmentsOf,
} from '../encryption/tink-stream.ts'
import { Lru } from './lru.ts'

/** One object's place in a blob (or upload): plaintext bytes `start` to `start + size`. */
export interface Part {
  readonly object_id: string
  readonly start: number
  readonly size: number
  readonly data_key_id: number
}

const OPENERS = 10_000
/** Of decrypted segments, kept for the next reader. */
const IDLE_BYTES = 16 * CHUNK_BYTES

export interface Reading {
  /** false: read once, and not to be kept in memory. */
  readonly cache?: boolean
  /** A chunk stays what it is when the next one was asked for. Without it most chunks lie in buffers that are used again. */
  readonly own?: boolean
}

type How = Required<Reading>

export interface CacheFigures {
  hits: number
  misses: number
  bytes: number
}

/**
 * Reads plaintext out of encrypted objects. Decrypted segments of what is read again and again stay in memory
 * (byte-bounded; design.md 5); every chunk handed out was authenticated, and is shared or lent: do not write to it.
 */
export class BlobReader {
  readonly #blobs: BlobStore
  readonly #keyring: Keyring
  readonly #segments: Lru<string, Uint8Array>
  readonly #openers = new Lru<string, StreamOpener>(OPENERS)
  /** Seen once: admitted to the cache when seen again, so that one large pull does not drive out what is hot. */
  readonly #seen = new Lru<string, true>(50_000)
  readonly #largestCached: number
  readonly #pool = new BufferPool(IDLE_BYTES)
  readonly figures: CacheFigures = { hits: 0, misses: 0, bytes: 0 }

  constructor(blobs: BlobStore, keyring: Keyring, cacheBytes: number) {
    this.#blobs = blobs
    this.#keyring = keyring
    this.#segments = new Lru(cacheBytes)
    this.#largestCached = cacheBytes / 4
  }

  /**
   * Plaintext bytes `start` to `end` (exclusive) of the parts laid end to end. A chunk is the reader's until it asks for the next one.
   * @throws `unavailable` when bytes are damaged or gone.
   */
  async *read(
    parts: readonly Part[],
    start: number,
    end: number,
    { cache = true, own = false }: Reading = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const whole = parts.reduce((bytes, part) => bytes + part.size, 0)
    const how = { cache: cache && whole <= this.#largestCached, own }
    for (const part of parts) {
      const from = Math.max(start, part.start) - part.start
      const to = Math.min(end, part.start + part.size) - part.start
      if (from < to) yield* this.#readPart(part, from, to, how)
    }
  }

  /** All of `start` to `end` if it is in memory, without waiting for anything. */
  peek(parts: readonly Part[], start: number, end: number): Uint8Array[] | null {
    const chunks: Uint8Array[] = []
    for (const part of parts) {
      const from = Math.max(start, part.start) - part.start
      const to = Math.min(end, part.start + part.size) - part.start
      if (from >= to) continue
      const { first, end: beyond } = segmentsOf(from, to, part.size)
      for (let index = first; index < beyond; index += 1) {
        const plain = this.#segments.get(segmentKey(part, index))
        if (!plain) return null
        chunks.push(slice(plain, index, part.size, from, to))
      }
    }
    this.figures.hits += chunks.length
    return chunks
  }

  async *#readPart(part: Part, from: number, to: number, how: How): AsyncGenerator<Uint8Array, void, undefined> {
    const { first, end } = segmentsOf(from, to, part.size)
    let index = first
    while (index < end) {
      const cached = how.cache ? this.#segments.get(segmentKey(part, index)) : undefined
      if (cached) {
        this.figures.hits += 1
        yield slice(cached, index, part.size, from, to)
        index += 1
        continue
      }
      const beyond = how.cache ? this.#missingUntil(part, index, end) : end
      for await (const plain of this.#decrypt(part, index, beyond, how)) {
        yield slice(plain, index, part.size, from, to)
        index += 1
      }
    }
  }

  #missingUntil(part: Part, index: number, end: number): number {
    let beyond = index + 1
    while (beyond < end && !this.#segments.get(segmentKey(part, beyond))) beyond += 1
    return beyond
  }

  async *#decrypt(part: Part, first: number, end: number, how: How): AsyncGenerator<Uint8Array, void, undefined> {
    const id = part.object_id as ObjectId
    let opener = this.#openers.get(id)
    if (!opener && first > 0) opener = await this.#openHeader(part)
    const sealedEnd = Math.min(end * SEGMENT_BYTES, sealedSize(part.size))
    let index = first
    for await (const sealed of this.#source(id, first * SEGMENT_BYTES, sealedEnd)) {
      opener ??= await this.#opener(part, sealed)
      this.figures.misses += 1
      if (how.cache && this.#isWanted(segmentKey(part, index))) yield this.#kept(opener, part, index, sealed)
      else if (how.own) yield this.#open(opener, part, index, sealed)
      else yield* this.#lent(opener, part, index, sealed)
      index += 1
    }
    if (index !== end) throw damaged(part, 'it ends early')
  }

  #kept(opener: StreamOpener, part: Part, index: number, sealed: Uint8Array): Uint8Array {
    const plain = this.#open(opener, part, index, sealed)
    this.#segments.set(segmentKey(part, index), plain, plain.byteLength)
    this.figures.bytes = this.#segments.weight
    return plain
  }

  *#lent(opener: StreamOpener, part: Part, index: number, sealed: Uint8Array): Generator<Uint8Array, void, undefined> {
    const buffer = this.#pool.take(sealed.length)
    let isTaken = false
    try {
      yield this.#open(opener, part, index, sealed, buffer)
      isTaken = true
    } finally {
      // Who left in the middle may have left a socket with it: nobody else's bytes may come into it.
      if (isTaken) this.#pool.giveBack(buffer)
      else this.#pool.forget(buffer)
    }
  }

  /** Asked for the second time: then it stays in memory. */
  #isWanted(key: string): boolean {
    if (this.#seen.get(key)) return true
    this.#seen.set(key, true, 1)
    return false
  }

  async *#source(id: ObjectId, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#blobs.read(id, start, end, SEGMENT_BYTES)
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'not_found')
        throw damaged({ object_id: id }, 'it is missing', error)
      throw error
    }
  }

  #open(opener: StreamOpener, part: Part, index: number, sealed: Uint8Array, target?: Buffer): Uint8Array {
    try {
      return opener.open(index, sealed, target)
    } catch (error) {
      this.#openers.delete(part.object_id) // its header may be what is wrong: read it again the next time
      throw damaged(part, 'it does not verify', error)
    }
  }

  async #openHeader(part: Part): Promise<StreamOpener> {
    for await (const header of this.#source(part.object_id as ObjectId, 0, HEADER_BYTES))
      return await this.#opener(part, Buffer.from(header))
    throw damaged(part, 'it is empty')
  }

  async #opener(part: Part, header: Uint8Array): Promise<StreamOpener> {
    const key = await this.#keyring.byId(part.data_key_id)
    try {
      const opener = StreamOpener.fromHeader(key.objects, part.object_id, header, part.size)
      this.#openers.set(part.object_id, opener, 1)
      return opener
    } catch (error) {
      throw damaged(part, 'its header is wrong', error)
    }
  }
}

function segmentKey(part: { object_id: string }, index: number): string {
  return `${part.object_id}.${index}`
}

function slice(plain: Uint8Array, index: number, size: number, from: number, to: number): Uint8Array {
  const bounds = segmentPlain(index, size)
  const start = Math.max(from, bounds.start) - bounds.start
  const end = Math.min(to, bounds.end) - bounds.start
  return start === 0 && end === plain.byteLength ? plain : plain.subarray(start, end)
}

function damaged(part: { object_id: string }, how: string, cause?: unknown): DomainError {
  return new DomainError(
    'unavailable',
    'the stored bytes of this blob are damaged; the operator can tell more with "entrepot check"',
    {
      cause: new Error(`object ${part.object_id}: ${how}`, { cause }),
    },
  )
}
