import { randomUUID } from 'node:crypto'
import { DomainError } from '../domain/error.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { deleteHold, insertHold, renewHold } from '../metadata/tables/backup-holds.ts'

/** A killed backup keeps bytes from being removed for this long. */
export const HOLD_MS = 15 * 60_000
const RENEW_MS = 60_000

/** Keeps the bytes that a backup still has to copy (docs/garbage-collection.md, 11). Renews itself until disposed. */
export class Hold implements AsyncDisposable {
  readonly #metadata: MetadataStore
  readonly #id = randomUUID()
  #timer: NodeJS.Timeout | null = null
  #isLost = false

  private constructor(metadata: MetadataStore) {
    this.#metadata = metadata
  }

  /** Before the snapshot is taken: committed when resolved. */
  static async take(metadata: MetadataStore): Promise<Hold> {
    const hold = new Hold(metadata)
    await metadata.transact((sql) => insertHold(sql, hold.#id, HOLD_MS))
    hold.#timer = setInterval(() => {
      void hold.#renew().catch(() => {}) // a database that is away for a moment; `confirm` decides
    }, RENEW_MS)
    hold.#timer.unref()
    return hold
  }

  /** @throws `unavailable` when it has ended at any time since it was taken: bytes may be gone. */
  async confirm(): Promise<void> {
    await this.#renew()
    if (!this.#isLost) return
    throw new DomainError(
      'unavailable',
      `the backup stood still for longer than ${HOLD_MS / 60_000} minutes, and what it was to copy may have been removed ` +
        'meanwhile: run it again, it goes on with what is there',
    )
  }

  async #renew(): Promise<void> {
    if (!(await this.#metadata.transact((sql) => renewHold(sql, this.#id, HOLD_MS)))) this.#isLost = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#metadata.transact((sql) => deleteHold(sql, this.#id)).catch(() => {}) // it ends by itself
  }
}
