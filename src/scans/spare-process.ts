import type { ChildCode } from './child-code.ts'
import type { ReadingProcess } from './reading-process.ts'

/** One that is not needed costs 45 MB so long, and nothing else. */
const KEPT_MS = 20_000

/** One process that has started already when a layer is to be read: that takes 50 ms of a processor, and longer while others are busy. */
export class SpareProcess {
  readonly #start: () => Promise<{ readonly code: ChildCode; readonly process: ReadingProcess }>
  #held: { readonly code: ChildCode; readonly process: ReadingProcess; readonly until: NodeJS.Timeout } | null = null
  #starting: Promise<void> | null = null
  #isOver = false

  constructor(start: () => Promise<{ readonly code: ChildCode; readonly process: ReadingProcess }>) {
    this.#start = start
  }

  /** A layer may be there soon. Resolves when a process waits for it. */
  async prepare(): Promise<void> {
    if (this.#held) this.#held.until.refresh()
    else if (!this.#isOver) {
      this.#starting ??= this.#hold()
      await this.#starting
    }
  }

  /** Null: none is there that has this code. Whoever takes it ends it. */
  take(code: ChildCode): ReadingProcess | null {
    if (this.#held?.code !== code) return null
    const { process, until } = this.#held
    clearTimeout(until)
    this.#held = null
    return process
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#drop()
  }

  /** What cannot be started says so when it is needed. */
  async #hold(): Promise<void> {
    const started = await this.#start().catch(() => null)
    this.#starting = null
    if (started === null) return
    const { process } = started
    this.#held = { ...started, until: setTimeout(() => this.#drop(), KEPT_MS).unref() }
    if (this.#isOver) this.#drop()
    void process.ended.then(() => this.#held?.process === process && this.#drop())
  }

  #drop(): void {
    if (this.#held === null) return
    clearTimeout(this.#held.until)
    this.#held.process.kill()
    this.#held = null
  }
}
