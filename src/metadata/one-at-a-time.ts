/** Runs acts in the order they come, each when the one before has settled. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act)
    this.#last = result.catch(() => {})
    return result
  }

  /** Settles when all that came so far has. */
  async settled(): Promise<void> {
    await this.#last
  }
}
