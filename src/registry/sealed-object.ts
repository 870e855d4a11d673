import type { ObjectId, ObjectWriter } from '../blobs/blob-store.ts'
import { freeBytes } from '../domain/free-bytes.ts'
import { StreamSealer } from '../encryption/tink-stream.ts'

/** Ciphertext waits until this much is there (or the object ends): one write call per megabyte. */
const WRITE_BYTES = 512 * 1024
const WORTH_FREEING_BYTES = 4 * 1024

/** One object being filled: plaintext in, ciphertext written behind, while the next bytes arrive. */
export class SealedObject {
  readonly id: ObjectId
  /** Of `performance.now()`. */
  readonly openedAt: number
  readonly #writer: ObjectWriter
  readonly #sealer: StreamSealer
  #backlog: Uint8Array[] = []
  #backlogBytes = 0
  #writing: Promise<void> | null = null
  #closed = false
  #failure: { readonly error: unknown } | null = null

  constructor(id: ObjectId, key: Uint8Array, writer: ObjectWriter, openedAt: number) {
    this.id = id
    this.openedAt = openedAt
    this.#writer = writer
    this.#sealer = new StreamSealer(key, id)
  }

  /** Plaintext bytes so far. */
  get size(): number {
    return this.#sealer.plaintextBytes
  }

  /**
   * One segment is being written and the next one waits already: the client is asked to pause. Measured with 4 MiB of
   * patience instead: a third less throughput, for the memory of ten uploads no longer fits what V8 lets grow unasked.
   */
  get congested(): boolean {
    return this.#backlogBytes > 0 || this.#failure !== null
  }

  push(chunk: Uint8Array): void {
    this.#sealer.push(chunk)
    this.#take(this.#sealer.drain())
    if (this.#backlogBytes >= WRITE_BYTES) this.#writing ??= this.#write()
  }

  /** Resolves when nothing waits any more. @throws what writing threw (`storage_full`, `unavailable`). */
  async drained(): Promise<void> {
    await this.#writing
    if (this.#failure) throw this.#failure.error
  }

  /** Durable once resolved. */
  async finish(): Promise<void> {
    await this.drained()
    this.#take(this.#sealer.finish())
    await this.#writeOut(this.#backlog)
    this.#backlog = []
    this.#closed = true
    await this.#writer.close()
  }

  /** Lets go of what is open; an object that was closed stays in the store for the caller to remove. */
  async discard(): Promise<void> {
    await this.#writing
    if (!this.#closed) await this.#writer.discard()
    this.#closed = true
  }

  #take(chunks: Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#backlog.push(chunk)
      this.#backlogBytes += chunk.byteLength
    }
  }

  /** The ciphertext is nobody's afterwards: its memory serves the next piece. */
  async #writeOut(batch: readonly Uint8Array[]): Promise<void> {
    await this.#writer.write(batch)
    for (const chunk of batch) if (chunk.length >= WORTH_FREEING_BYTES) freeBytes(chunk)
  }

  /** Never rejects: the failure is kept for whoever asks next. */
  async #write(): Promise<void> {
    try {
      while (this.#backlogBytes >= WRITE_BYTES) {
        const batch = this.#backlog
        this.#backlog = []
        this.#backlogBytes = 0
        await this.#writeOut(batch)
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#writing = null
    }
  }
}
