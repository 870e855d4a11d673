import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

/**
 * Makes SQLite's write-ahead log durable, outside the event loop. With `synchronous=FULL` SQLite fsyncs inside COMMIT:
 * measured under pushes, where the disk is busy with blobs, 8 ms each in which the process answers nobody. With NORMAL
 * the commit only appends to the log; one fsync here then covers every commit before it, and commits that come while it
 * runs share the next one. The guarantee is the same: what was awaited survives a power failure.
 */
export class LogSync {
  readonly #path: string
  #file: Promise<FileHandle> | null = null
  #running: Promise<void> | null = null
  #waiting: Promise<void> | null = null

  /** @param path of the log: `<database>-wal`. It lives as long as any connection, so one handle serves. */
  constructor(path: string) {
    this.#path = path
  }

  /** Resolves once everything committed before this call is durable. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start()
    this.#waiting ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    )
    return this.#waiting
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await this.#waiting?.catch(() => {})
    await (await file)?.close()
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
    this.#file ??= open(this.#path, 'r+')
    await (await this.#file).datasync()
  }
}
