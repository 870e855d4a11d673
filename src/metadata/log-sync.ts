import { open } from 'node:fs/promises'

/** Of a FileHandle, what is needed here. */
export interface SyncedFile {
  datasync(): Promise<void>
  close(): Promise<void>
}

/**
 * Makes SQLite's write-ahead log durable, outside the event loop. With `synchronous=FULL` SQLite fsyncs inside COMMIT:
 * measured under pushes, where the disk is busy with blobs, 8 ms each in which the process answers nobody. With NORMAL
 * the commit only appends to the log; one fsync here then covers every commit before it, and commits that come while it
 * runs share the next one. The guarantee is the same: what was awaited survives a power failure. Others may see a
 * commit a moment earlier; what they build on it comes after it in the same log.
 *
 * After a failed fsync the kernel may have forgotten what it could not write, and would call the next one a success,
 * though the log is broken before it. So the first failure is the answer to all that follow, until a restart.
 */
export class LogSync {
  readonly #open: () => Promise<SyncedFile>
  #file: Promise<SyncedFile> | null = null
  #running: Promise<void> | null = null
  #waiting: Promise<void> | null = null
  #failure: { readonly error: unknown } | null = null

  /** @param path of the log: `<database>-wal`. It lives as long as any connection, so one handle serves. */
  constructor(path: string, openFile: (path: string) => Promise<SyncedFile> = (name) => open(name, 'r+')) {
    this.#open = () => openFile(path)
  }

  /** Resolves once everything committed before this call is durable. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start()
    const start = (): Promise<void> => this.#start()
    this.#waiting ??= this.#running.then(start, start)
    return this.#waiting
  }

  /** When what was asked for has been answered; nothing may be asked for after it. */
  async close(): Promise<void> {
    await (this.#waiting ?? this.#running)?.catch(() => {})
    const file = await this.#file?.catch(() => null)
    await file?.close()
  }

  #start(): Promise<void> {
    this.#waiting = null
    const run = this.#sync().finally(() => {
      // With one waiting it stays: a third that comes before the second has begun must join that one.
      if (this.#running === run && this.#waiting === null) this.#running = null
    })
    this.#running = run
    return run
  }

  async #sync(): Promise<void> {
    if (this.#failure !== null) throw this.#failure.error
    try {
      this.#file ??= this.#open()
      await (await this.#file).datasync()
    } catch (error) {
      this.#failure ??= { error }
      throw error
    }
  }
}
