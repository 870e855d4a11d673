import { setTimeout } from 'node:timers/promises'

/** Of one core, by what is not done here. Where all cores are busy it is far less than one. */
const BUSY = 0.3
const MEASURED_MS = 25
/** Of what was done before, a push perhaps, nothing follows for now. */
const STALE_MS = 250
/** Reading a megabyte, decrypting it and passing it on takes 1.2 ms. */
const OWN_MS_PER_BYTE = 1.5 / 1024 ** 2
/**
 * What a process reads in less than a millisecond, and how long it then has nothing to do. At the lowest priority it takes a core only
 * when that is free, but keeps it for some milliseconds, in which requests wait: at ten connections that made their 99th percentile 1.8
 * times as long. With pieces of this size it gives the core back at once.
 */
const PIECE_BYTES = 64 * 1024
const PAUSE_MS = 4

export interface Meter {
  /** Milliseconds of any steady clock. */
  readonly now: () => number
  /** Of processor time that this process took since it was asked last. */
  readonly busyMs: () => number
  readonly pause: (ms: number) => Promise<unknown>
}

/** While requests keep this process busy, what nobody waits for is done in small pieces. */
export class Courtesy {
  readonly #meter: Meter
  #at: number
  #bytes = 0
  #isBusy = false

  constructor(meter: Meter = ownMeter()) {
    this.#meter = meter
    this.#at = meter.now()
  }

  /** As it was measured last, a moment ago. */
  isBusy(): boolean {
    const { now, busyMs } = this.#meter
    const elapsed = now() - this.#at
    if (elapsed >= MEASURED_MS) {
      const others = busyMs() - this.#bytes * OWN_MS_PER_BYTE
      this.#isBusy = elapsed < STALE_MS && others > BUSY * elapsed
      this.#at += elapsed
      this.#bytes = 0
    }
    return this.#isBusy
  }

  /** Each after its turn. */
  async *piecesOf(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < chunk.length; ) {
      const isBusy = this.isBusy()
      if (isBusy) await this.#meter.pause(PAUSE_MS)
      const piece = chunk.subarray(at, isBusy ? at + PIECE_BYTES : chunk.length)
      this.#bytes += piece.length
      yield piece
      at += piece.length
    }
  }
}

function ownMeter(): Meter {
  let last = process.cpuUsage()
  return {
    now: () => performance.now(),
    busyMs: () => {
      const { user, system } = process.cpuUsage(last)
      last = process.cpuUsage()
      return (user + system) / 1000
    },
    pause: (ms) => setTimeout(ms),
  }
}
