import { setImmediate as turn } from 'node:timers/promises'
import type { Transaction } from './metadata-store.ts'
import { pause } from './retry.ts'
import { isBusy, translate, whileBusy } from './sqlite-error.ts'
import { TransactionRun } from './transaction-run.ts'

/** What a batch needs of the connection that writes. */
export interface BatchConnection {
  /** SQLite may have rolled back by itself. */
  readonly isInTransaction: boolean
  /** Throws while another process writes. */
  begin(): void
  commit(): void
  /** Never throws: what could not be rolled back is met again by `begin`. */
  rollback(): void
  setMark(): void
  keepSinceMark(): void
  undoSinceMark(): void
  transaction(run: TransactionRun): Transaction
}

export interface Terms {
  readonly durable: boolean
  readonly patienceMs: number
}

interface Waiting {
  readonly fn: (sql: Transaction) => Promise<unknown>
  readonly durable: boolean
  readonly deadline: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Running {
  readonly one: Waiting
  outcome: { readonly result: unknown } | { readonly error: unknown } | null
}

/** While a batch is open other processes cannot write, and this one answers nobody. */
const MAX_BATCH = 50
const MAX_BATCH_MS = 5

/**
 * The transactions of this process, first come first served: SQLite has one writer, and waiting for it here is fair and
 * cheap. One begins at once when nothing runs; those that come meanwhile join it, each behind a mark to which it alone
 * is undone, and one COMMIT and one fsync serve all. Each page is then written once and not for each of them.
 *
 * None hears of its result, or of its error, before the COMMIT: what the one sees of the others must be true. When that
 * fails, or SQLite gives up the whole, all run again, each alone, and so meets only its own failure.
 */
export class Batches {
  readonly #connection: BatchConnection
  readonly #makeDurable: () => Promise<void>
  readonly #maxMs: number
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | null = null
  /** How many of the first that wait run alone. */
  #alone = 0
  isWriting = false

  /** @param makeDurable all that is committed; must not be an unhandled rejection. */
  constructor(connection: BatchConnection, makeDurable: () => Promise<void>, maxMs = MAX_BATCH_MS) {
    this.#connection = connection
    this.#makeDurable = makeDurable
    this.#maxMs = maxMs
  }

  add<T>(fn: (sql: Transaction) => Promise<T>, { durable, patienceMs }: Terms): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.push({ fn, durable, deadline: performance.now() + patienceMs, resolve, reject })
    this.#running ??= Promise.resolve().then(() => this.#runAll()) // no callback runs inside the call
    return promise as Promise<T>
  }

  /** Settles when all that came so far have run; what is durable may still be waited for. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #runAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.isWriting = true
      await this.#runBatch(next)
      this.isWriting = false
      if (this.#waiting.length > 0) await turn() // answers go out, more come in
    }
    this.#running = null
  }

  async #runBatch(first: Waiting): Promise<void> {
    const most = this.#alone > 0 ? 1 : MAX_BATCH
    this.#alone = Math.max(0, this.#alone - 1)
    try {
      await whileBusy(() => this.#connection.begin(), first.deadline)
    } catch (error) {
      first.reject(translate(error, 'writing'))
      return
    }
    const batch: Running[] = []
    try {
      await this.#fill(batch, first, most)
      if (isFailed(batch[0])) this.#connection.rollback()
      else await whileBusy(() => this.#connection.commit(), first.deadline)
    } catch (error) {
      this.#connection.rollback()
      await this.#lost(batch, error)
      return
    }
    this.#settle(batch)
  }

  /** The first needs no mark: none joins before it has succeeded. @throws when the whole is lost */
  async #fill(batch: Running[], first: Waiting, most: number): Promise<void> {
    const end = performance.now() + this.#maxMs
    let one: Waiting | undefined = first
    while (one !== undefined) {
      const running: Running = { one, outcome: null }
      batch.push(running)
      if (one === first) await this.#run(running)
      else await this.#runBehindMark(running)
      if (isFailed(batch[0]) || batch.length >= most || performance.now() > end) return
      one = this.#waiting.shift()
    }
  }

  async #run(running: Running): Promise<void> {
    const run = new TransactionRun()
    const sql = this.#connection.transaction(run)
    try {
      const result = await run.over(() => running.one.fn(sql))
      if (run.failure !== undefined) throw run.failure.error
      running.outcome = { result }
    } catch (error) {
      if (isBusy(run.failure?.error)) throw run.failure?.error
      running.outcome = { error }
    }
  }

  async #runBehindMark(running: Running): Promise<void> {
    this.#connection.setMark()
    await this.#run(running)
    if (!isFailed(running)) this.#connection.keepSinceMark()
    else if (this.#connection.isInTransaction) this.#connection.undoSinceMark()
    else throw running.outcome.error // a full disk had SQLite roll back everything
  }

  async #lost(batch: readonly Running[], error: unknown): Promise<void> {
    const [first] = batch
    const isOver = batch.length === 1 && (!isBusy(error) || performance.now() > (first?.one.deadline ?? 0))
    if (isOver) {
      first?.one.reject(translate(error, 'writing'))
      return
    }
    this.#waiting.unshift(...batch.map(({ one }) => one))
    this.#alone += batch.length
    if (isBusy(error)) await pause(4)
  }

  #settle(batch: readonly Running[]): void {
    const isDurable = batch.some((running) => running.one.durable && !isFailed(running))
    const stored = isDurable ? this.#makeDurable() : null // begun here, so that closing waits for it
    for (const { one, outcome } of batch) {
      if (outcome === null) one.reject(new TypeError('A transaction without an end'))
      else if ('error' in outcome) one.reject(translate(outcome.error, 'writing'))
      else if (one.durable)
        stored?.then(() => one.resolve(outcome.result), one.reject) // while the next ones run
      else one.resolve(outcome.result)
    }
  }
}

function isFailed(running: Running | undefined): running is Running & { outcome: { readonly error: unknown } } {
  return running?.outcome != null && 'error' in running.outcome
}
