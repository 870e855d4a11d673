import { setImmediate as turn } from 'node:timers/promises'

/** Of work after which whoever else waits for this process has a turn. */
const SLICE_MS = 6

/** Cuts work that nobody waits for into slices of time. */
export class Slices {
  #began = performance.now()

  /** Between two steps, each of which is short. */
  async step(): Promise<void> {
    if (performance.now() - this.#began > SLICE_MS) await this.end()
  }

  async end(): Promise<void> {
    await turn()
    this.#began = performance.now()
  }
}

/** Of a step that cannot be cut: with what is before and after it, requests wait no longer than 20 ms. */
const STEP_MS = 10

/** How many at a time take about so long: as the last ones did. */
export class Pace {
  size: number
  readonly #most: number

  constructor({ first, most }: { readonly first: number; readonly most: number }) {
    this.size = first
    this.#most = most
  }

  /** Measures `act` on `count`; no more than twice as many are next, and no fewer than half as many. */
  async measure<T>(count: number, act: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await act()
    const fitting = (count * STEP_MS) / Math.max(0.1, performance.now() - began)
    const next = Math.round(Math.min(count * 2, Math.max(count / 2, fitting)))
    if (next < this.size || count === this.size) this.size = Math.max(LEAST, Math.min(this.#most, next))
    return result
  }
}

const LEAST = 10
