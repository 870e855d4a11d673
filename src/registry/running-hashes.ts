import type { Hash } from 'node:crypto'

interface Running {
  readonly hash: Hash
  readonly generation: number
  readonly size: number
}

/** Sessions whose next request finds its hash state here; beyond this the oldest is forgotten and its PUT reads once. */
const MOST = 2_000

/**
 * The running hash of each upload whose last bytes this process received. A cache: whoever does not find its hash here
 * (another process, a restart) re-reads the upload once when it is closed (design.md 6).
 */
export class RunningHashes {
  readonly #running = new Map<string, Running>()

  /** Takes the hash out if it covers exactly the first `size` bytes as written up to `generation`. */
  take(uploadId: string, generation: number, size: number): Hash | null {
    const running = this.#running.get(uploadId)
    if (!running) return null
    this.#running.delete(uploadId)
    return running.generation === generation && running.size === size ? running.hash : null
  }

  keep(uploadId: string, generation: number, size: number, hash: Hash): void {
    if (this.#running.size >= MOST) {
      const oldest = this.#running.keys().next().value
      if (oldest !== undefined) this.#running.delete(oldest)
    }
    this.#running.set(uploadId, { hash, generation, size })
  }

  forget(uploadId: string): void {
    this.#running.delete(uploadId)
  }
}
