/** Some part of a file, by its offsets in the file. */
export interface Bytes {
  readonly size: number
  /** Valid until the file is done with. @returns null when it lies outside, or was not kept */
  read(offset: number, length: number): Buffer | null
}

/**
 * What is held of one file at a time. Fat jars and programs are mostly smaller and are held whole; of larger ones only the parts that
 * are needed. With Node itself, inflating and one nested jar this stays below the 256 MB that a worker may take.
 */
export const HELD_BYTES = 80 * 1024 * 1024
/** Smaller files get memory of their own. */
const SMALL_BYTES = 1024 * 1024

/** Memory lent to one large file after the other: the garbage of many would otherwise add up before it is collected. */
export class Holder {
  #spare: Buffer | null = null

  /** `release` must be called when the bytes are not needed any more; whoever forgets costs memory, nothing else. */
  take(size: number): { readonly buffer: Buffer; readonly release: () => void } {
    if (size <= SMALL_BYTES) return { buffer: Buffer.allocUnsafe(size), release: () => {} }
    const whole = this.#spare ?? Buffer.allocUnsafeSlow(HELD_BYTES)
    this.#spare = null
    const release = (): void => {
      this.#spare = whole
    }
    return { buffer: whole.subarray(0, Math.min(size, HELD_BYTES)), release }
  }
}

/** Each is an object: a file made of nothing but signatures has millions. */
const MAX_PARTS = 500_000

/** Parts of a file, in the order of their offsets, one after the other in one buffer. */
export class KeptBytes implements Bytes {
  readonly size: number
  readonly #buffer: Buffer
  /** File offset, place in the buffer, length. */
  readonly #parts: { readonly offset: number; readonly at: number; length: number }[] = []
  #filled = 0

  constructor(size: number, buffer: Buffer) {
    this.size = size
    this.#buffer = buffer
  }

  /** What finds no room is left out, and read as null later. */
  keep(offset: number, chunk: Uint8Array): void {
    const last = this.#parts.at(-1)
    // Of what is there already only the rest is new.
    const known = last ? Math.max(0, last.offset + last.length - offset) : 0
    const fresh = chunk.subarray(known, known + this.#buffer.length - this.#filled)
    if (fresh.length === 0) return
    const start = offset + known
    this.#buffer.set(fresh, this.#filled)
    if (last && last.offset + last.length === start) last.length += fresh.length
    else if (this.#parts.length === MAX_PARTS) return
    else this.#parts.push({ offset: start, at: this.#filled, length: fresh.length })
    this.#filled += fresh.length
  }

  read(offset: number, length: number): Buffer | null {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) return null
    let [low, high] = [0, this.#parts.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#parts[middle]?.offset ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    const part = this.#parts[low - 1]
    if (part === undefined || offset + length > part.offset + part.length) return null
    const at = part.at + offset - part.offset
    return this.#buffer.subarray(at, at + length)
  }
}

/** A whole small file. */
export function wholeBytes(buffer: Buffer): Bytes {
  return {
    size: buffer.length,
    read: (offset, length) =>
      offset >= 0 && length >= 0 && offset + length <= buffer.length ? buffer.subarray(offset, offset + length) : null,
  }
}

/** A file within a file, as it lies there. */
export function partOf(bytes: Bytes, start: number, size: number): Bytes {
  return {
    size,
    read: (offset, length) =>
      offset >= 0 && length >= 0 && offset + length <= size ? bytes.read(start + offset, length) : null,
  }
}
