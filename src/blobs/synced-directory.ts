import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

/**
 * Makes a directory's entries durable. Callers that come while one fsync runs share the next one: theirs may have been
 * made too late for the running one.
 */
export class SyncedDirectory {
  readonly #path: string
  #handle: Promise<FileHandle> | null = null
  #running: Promise<void> | null = null
  #waiting: Promise<void> | null = null

  constructor(path: string) {
    this.#path = path
  }

  /** Resolves once every entry made or removed before the call is durable. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start()
    this.#waiting ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    )
    return this.#waiting
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await (await handle)?.close()
  }

  #start(): Promise<void> {
    this.#waiting = null
    const run = this.#sync().finally(() => {
      if (this.#running === run) this.#running = null
    })
    this.#running = run
    return run
  }

  async #sync(): Promise<void> {
    // Windows has no fsync for directories; its file systems journal their entries.
    if (process.platform === 'win32') return
    this.#handle ??= open(this.#path, 'r')
    const opening = this.#handle
    const handle = await opening.catch((error: unknown) => {
      if (this.#handle === opening) this.#handle = null
      throw error
    })
    await handle.sync()
  }
}
