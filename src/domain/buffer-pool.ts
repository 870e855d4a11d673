import { freeBytes } from './free-bytes.ts'

/** What a store reads at once: one ciphertext segment. */
export const CHUNK_BYTES = 1024 * 1024
/** Below this a fresh buffer is cheaper than a megabyte kept. */
const SMALL_BYTES = 64 * 1024

/** Nobody read for so long: the next burst can pay for fresh ones. */
const REST_MS = 1_000

/**
 * Buffers for reading, used again: fresh megabytes cost more than decrypting them (measured: page faults and their
 * collection). What is lent is counted; what lies here is bounded, and goes back to the system when nobody reads. One pool is for
 * ciphertext or for plaintext, never for both.
 */
export class BufferPool {
  readonly #idle: Buffer[] = []
  readonly #maxIdle: number
  #lentBytes = 0
  #rest: NodeJS.Timeout | null = null
  #usedOfLate = false

  constructor(maxIdleBytes: number) {
    this.#maxIdle = Math.floor(maxIdleBytes / CHUNK_BYTES)
  }

  get lentBytes(): number {
    return this.#lentBytes
  }

  /** A buffer of at least `bytes`; it holds what its last user left in it. */
  take(bytes: number): Buffer {
    const buffer = this.#find(bytes)
    this.#lentBytes += buffer.length
    return buffer
  }

  /** `take` gave `buffer`, and somebody may still look at it: it is left to V8. */
  forget(buffer: Buffer): void {
    this.#lentBytes -= buffer.length
  }

  /** `buffer` must be one that `take` gave and nobody uses any more. */
  giveBack(buffer: Buffer): void {
    this.#lentBytes -= buffer.length
    if (buffer.length !== CHUNK_BYTES || this.#idle.length >= this.#maxIdle) return
    this.#idle.push(buffer)
    this.#usedOfLate = true
    this.#rest ??= setTimeout(() => this.#atRest(), REST_MS).unref()
  }

  #atRest(): void {
    this.#rest = null
    if (this.#usedOfLate) this.#rest = setTimeout(() => this.#atRest(), REST_MS).unref()
    else this.#release()
    this.#usedOfLate = false
  }

  /** Without waiting for V8, which collects nothing while nothing happens. */
  #release(): void {
    for (const buffer of this.#idle.splice(0)) freeBytes(buffer)
  }

  #find(bytes: number): Buffer {
    if (bytes <= SMALL_BYTES || bytes > CHUNK_BYTES) return Buffer.allocUnsafeSlow(bytes)
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }
}
