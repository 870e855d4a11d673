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
 * The auth epoch and the database's clock, asked for every 300 ms as a rule. What was asked for more than a second ago is not
 * told any more: a revocation must be known everywhere within one second. A process that was held up itself (a busy
 * machine, a suspended one) asks anew, rather than blame the database.
 */
export class Poll implements Disposable {
  readonly #ask: () => Promise<Reading>
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #epoch = 0
  #askedAt = Number.NEGATIVE_INFINITY
  #now: () => number = Date.now
  #asking: Promise<number> | null = null

  constructor(ask: () => Promise<Reading>, everyMs = POLL_EVERY_MS) {
    this.#ask = ask
    this.#everyMs = everyMs
  }

  /** The first answer is waited for. */
  async start(): Promise<void> {
    await this.#once()
    this.#schedule()
  }

  /** A promise only when it must be asked for. @throws `unavailable` when that fails. */
  epoch(): number | Promise<number> {
    return this.#isFresh() ? this.#epoch : this.#anew()
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
      void settled(this.#once()).finally(() => {
        if (this.#timer !== undefined) this.#schedule()
      })
    }, this.#everyMs).unref()
  }

  #isFresh(): boolean {
    return performance.now() - this.#askedAt <= VALID_FOR_MS
  }

  /** An answer on its way may be too old when it arrives; one that is asked for from now on is not, however long it takes. */
  async #anew(): Promise<number> {
    if (this.#asking !== null) await settled(this.#asking)
    if (this.#isFresh()) return this.#epoch
    try {
      return await this.#once()
    } catch (error) {
      throw unavailable('The metadata database has not answered for a second. Try again in a moment.', error)
    }
  }

  /** One question at a time, however many wait for its answer. */
  #once(): Promise<number> {
    this.#asking ??= this.#read().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #read(): Promise<number> {
    const askedAt = performance.now()
    const { epoch, now } = await this.#ask()
    this.#askedAt = askedAt
    this.#epoch = epoch
    this.#now = clockFrom(now)
    return epoch
  }
}

async function settled(asked: Promise<unknown>): Promise<void> {
  try {
    await asked
  } catch {
    // whoever needs the answer asks for it
  }
}
