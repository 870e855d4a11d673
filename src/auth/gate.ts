import { DomainError } from '../domain/error.ts'

/** Lets `running` tasks run at once and `waiting` more wait for their turn. @throws `too_many_requests` beyond. */
export class Gate {
  readonly #running: number
  readonly #waiting: number
  #active = 0
  readonly #queue: (() => void)[] = []

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#running = limits.running
    this.#waiting = limits.waiting
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await task()
    } finally {
      const next = this.#queue.shift()
      if (next) next()
      else this.#active -= 1
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#active < this.#running) {
      this.#active += 1
      return undefined
    }
    if (this.#queue.length >= this.#waiting) {
      throw new DomainError('too_many_requests', 'too many logins with passwords at the same time: try again shortly', {
        headers: { 'retry-after': '2' },
      })
    }
    return new Promise((resolve) => this.#queue.push(resolve))
  }
}
