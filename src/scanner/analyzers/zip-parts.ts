import type { KeptBytes } from './held-bytes.ts'

/** What is needed of an entry: all of it, where it starts, or nothing. */
export type Wants = (name: string, isStored: boolean) => 'content' | 'header' | null

/** A central header with its name, extra field and comment. */
const LONGEST_HEADER = 46 + 3 * 65_535
const UNKNOWN_SIZE = 64 * 1024
/** The directory's names are no longer, either. */
const MAX_NAME = 4096
/** Names cost the most: 120 MB that are signatures every four bytes have thirty million. Real archives have some ten megabytes of them. */
const MAX_NAMES_BYTES = 64 * 1024 * 1024

/**
 * Of an archive too large to be held: keeps, while it streams by, the entries that are wanted and all directories, found by their
 * signatures. Nested archives that are only stored are found the same way, at any depth. The directory decides afterwards: an entry it
 * names and that was not kept is a problem, so what is overlooked here is never silent.
 */
export class ZipParts {
  readonly #kept: KeptBytes
  readonly #wants: Wants
  /** What a header that may not be whole yet needs of the last chunk. */
  #carry = Buffer.alloc(0)
  #offset = 0
  #keepUntil = 0
  /** An entry whose size is not known before its end. */
  #isOpen = false
  #namesBytes = 0

  constructor(kept: KeptBytes, wants: Wants) {
    this.#kept = kept
    this.#wants = wants
  }

  push(chunk: Uint8Array): void {
    this.#take(Buffer.concat([this.#carry, chunk]), chunk.length, false)
  }

  end(): void {
    this.#take(this.#carry, 0, true)
  }

  #take(data: Buffer, added: number, isEnd: boolean): void {
    this.#offset += added
    const from = this.#offset - data.length
    let done = 0
    let rest = isEnd ? data.length : Math.max(0, data.length - 3)
    for (let at = data.indexOf('PK'); at >= 0 && at + 4 <= data.length; at = data.indexOf('PK', at + 2)) {
      const kind = data.readUInt16LE(at + 2)
      if (!SIGNATURES.has(kind)) continue
      const length = lengthOf(data, at, kind) ?? LONGEST_HEADER
      this.#keep(data, from, done, at)
      done = at
      if (at + length > data.length) {
        rest = isEnd ? data.length : at
        break
      }
      this.#note(data, from, at, kind, length)
    }
    this.#keep(data, from, done, rest)
    this.#carry = Buffer.from(data.subarray(rest))
  }

  #note(data: Buffer, from: number, at: number, kind: number, length: number): void {
    if (this.#isOpen) {
      this.#isOpen = false
      this.#keepUntil = from + at
    }
    const until = from + at + length
    if (kind !== 0x0403) this.#keepUntil = Math.max(this.#keepUntil, until)
    else {
      const wanted = this.#wanted(data, at)
      if (wanted === null) return
      if (wanted === 'header') this.#keepUntil = Math.max(this.#keepUntil, until)
      else if ((data.readUInt16LE(at + 6) & 8) === 0)
        this.#keepUntil = Math.max(this.#keepUntil, until + data.readUInt32LE(at + 18))
      else {
        this.#isOpen = true
        this.#keepUntil = Math.max(this.#keepUntil, until + UNKNOWN_SIZE)
      }
    }
  }

  #wanted(data: Buffer, at: number): ReturnType<Wants> {
    const length = data.readUInt16LE(at + 26)
    if (length > MAX_NAME || this.#namesBytes > MAX_NAMES_BYTES) return null
    this.#namesBytes += length
    const name = data.toString('utf8', at + 30, Math.min(data.length, at + 30 + length))
    return this.#wants(name, data.readUInt16LE(at + 8) === 0)
  }

  #keep(data: Buffer, from: number, start: number, end: number): void {
    const until = this.#isOpen ? end : Math.min(end, this.#keepUntil - from)
    if (until > start) this.#kept.keep(from + start, data.subarray(start, until))
  }
}

/** Local header, central header, end, and the end's 64-bit forms. */
const SIGNATURES: ReadonlySet<number> = new Set([0x0403, 0x0201, 0x0605, 0x0606, 0x0706, 0x0807])

/** Of the header alone; null: more bytes are needed to tell. */
function lengthOf(data: Buffer, at: number, kind: number): number | null {
  const left = data.length - at
  if (kind === 0x0403) return left < 30 ? null : 30 + data.readUInt16LE(at + 26) + data.readUInt16LE(at + 28)
  if (kind === 0x0201) {
    return left < 46 ? null : 46 + data.readUInt16LE(at + 28) + data.readUInt16LE(at + 30) + data.readUInt16LE(at + 32)
  }
  if (kind === 0x0605) return left < 22 ? null : 22 + Math.min(1024, data.readUInt16LE(at + 20))
  if (kind === 0x0606) return 56
  return kind === 0x0706 ? 20 : 4
}
