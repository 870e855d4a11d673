import { AsyncLocalStorage } from 'node:async_hooks'

const current = new AsyncLocalStorage<TransactionRun>()

/** @throws TypeError inside a transaction's callback: it would wait for itself, or read what it has not committed. */
export function refuseInsideTransaction(): void {
  if (current.getStore()?.isOpen) {
    throw new TypeError('Inside a transaction only its own statements may be used, not another read or transact')
  }
}

/**
 * One run of a transaction's callback and its laws, alike for both engines:
 * the callback waits for nothing but its own statements; none is used after the end; after one has failed the
 * transaction is lost, even if the callback swallowed the error (PostgreSQL's rule, so that SQLite does not hide it).
 */
export class TransactionRun {
  isOpen = true
  /** The first statement's error. */
  failure: { readonly error: unknown } | undefined
  #inFlight = 0
  #watch: NodeJS.Immediate | undefined
  #refuse: (reason: TypeError) => void = () => {}

  /** Settles like `callback`; then, or when it waited for something foreign, the run is over. */
  async over<T>(callback: () => Promise<T>): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#refuse = reject
        this.#watchOut()
        current.run(this, callback).then(resolve, reject)
      })
    } finally {
      this.isOpen = false
      clearImmediate(this.#watch)
    }
  }

  /** Before each statement. */
  enter(): void {
    if (!this.isOpen) throw new TypeError('A statement of a transaction that has ended')
    if (this.failure !== undefined) {
      throw new TypeError('A statement after a failed one: the transaction is lost', { cause: this.failure.error })
    }
  }

  fail(error: unknown): void {
    this.failure ??= { error }
  }

  /** Around a statement whose answer comes later. */
  sent(): void {
    this.#inFlight += 1
  }
  answered(): void {
    this.#inFlight -= 1
    if (this.isOpen) this.#watchOut()
  }

  /**
   * What follows a statement's answer runs as microtasks, before any immediate: if one fires while no answer is awaited
   * and the callback has not settled, it waits for something else.
   */
  #watchOut(): void {
    clearImmediate(this.#watch)
    this.#watch = setImmediate(() => {
      if (this.isOpen && this.#inFlight === 0) {
        this.#refuse(new TypeError('A transaction waited for something that is not one of its own statements'))
      }
    })
  }
}
