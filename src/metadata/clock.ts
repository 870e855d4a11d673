import { unavailable } from './retry.ts'

/** What the database said at one moment. */
export interface Reading {
  readonly epoch: number
  /** Milliseconds UTC by the database's clock. */
  readonly now: number
}

const POLL_EVERY_MS = 300
const VALID_FOR_MS = 1_000

/** A time of the database's that goes on by this process's steady clock; late by at most the way of the answer. */
export function clockFrom(now: number): () => number {
  const receivedAt = performance.now()
  return () => now + Math.trunc(performance.now() - receivedAt)
}

/**
 * The auth epoch and the database's clock, asked for every 300 ms. What was asked for more than a second ago is not
 * told any more: a revocation must be known everywhere within one second.
 */
export class Poll implements Disposable {
  readonly #ask: () => Promise<Reading>
  #timer: NodeJS.Timeout | undefined
  #epoch = 0
  #askedAt = Number.NEGATIVE_INFINITY
  #failure: unknown
  #now: () => number = Date.now

  constructor(ask: () => Promise<Reading>) {
    this.#ask = ask
  }

  /** The first answer is waited for. */
  async start(): Promise<void> {
    await this.#once()
    this.#schedule()
  }

  epoch(): number {
    if (performance.now() - this.#askedAt > VALID_FOR_MS) {
      throw unavailable('The metadata database has not answered for a second. Try again in a moment.', this.#failure)
    }
    return this.#epoch
  }

  now(): number {
    return this.#now()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#once()
        .catch((error: unknown) => {
          this.#failure = error
        })
        .finally(() => {
          if (this.#timer !== undefined) this.#schedule()
        })
    }, POLL_EVERY_MS).unref()
  }

  async #once(): Promise<void> {
    const askedAt = performance.now()
    const { epoch, now } = await this.#ask()
    this.#askedAt = askedAt
    this.#epoch = epoch
    this.#now = clockFrom(now)
  }
}
