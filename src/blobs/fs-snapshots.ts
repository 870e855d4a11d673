import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CHUNK_BYTES } from '../domain/buffer-pool.ts'
import type { ObjectWriter } from './blob-store.ts'
import type { SnapshotName, SnapshotStore } from './snapshot-store.ts'
import { assertSnapshotName, isSnapshotName } from './snapshot-store.ts'
import { SyncedDirectory } from './synced-directory.ts'

export interface FileActs {
  /** What a caller can act on of an error of the file system. */
  readonly translate: (error: unknown) => unknown
  readonly absent: (name: string, cause: unknown) => unknown
}

/** What a killed process left of a snapshot; the next one removes it. */
const PARTIAL = '.partial'
const OLD_MS = 24 * 3_600_000

/** Snapshots as files `meta/<name>`: written aside, fsynced, renamed. */
export class FsSnapshots implements SnapshotStore {
  readonly #directory: string
  readonly #acts: FileActs

  constructor(directory: string, acts: FileActs) {
    this.#directory = directory
    this.#acts = acts
  }

  async create(name: SnapshotName): Promise<ObjectWriter> {
    assertSnapshotName(name)
    const path = join(this.#directory, name)
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      await this.#removeRemains()
      const file = await open(path + PARTIAL, 'wx', 0o600)
      let isOpen = true
      const discard = async (): Promise<void> => {
        if (!isOpen) return
        isOpen = false
        await file.close().catch(() => {})
        await rm(path + PARTIAL, { force: true }).catch(() => {})
      }
      const act = async (work: () => Promise<void>): Promise<void> => {
        if (!isOpen) throw new TypeError('the snapshot is closed')
        await work().catch(async (error: unknown) => {
          await discard()
          throw this.#acts.translate(error)
        })
      }
      return {
        write: (chunks) =>
          act(async () => {
            for (const chunk of chunks) await file.writeFile(chunk)
          }),
        close: () =>
          act(async () => {
            await file.datasync()
            await file.close()
            await rename(path + PARTIAL, path)
            for (const changed of [this.#directory, dirname(this.#directory)]) await sync(changed)
            isOpen = false
          }),
        discard,
      }
    } catch (error) {
      throw this.#acts.translate(error)
    }
  }

  async *read(
    name: SnapshotName,
    start: number,
    end: number,
    chunkBytes = CHUNK_BYTES,
  ): AsyncGenerator<Buffer, void, void> {
    assertSnapshotName(name)
    const file = await open(join(this.#directory, name), 'r').catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? this.#acts.absent(name, error) : this.#acts.translate(error)
    })
    try {
      const buffer = Buffer.allocUnsafe(chunkBytes)
      for (let at = start; at < end; ) {
        const wanted = Math.min(chunkBytes, end - at)
        let filled = 0
        while (filled < wanted) {
          const { bytesRead } = await file.read(buffer, filled, wanted - filled, at + filled)
          if (bytesRead === 0) throw this.#acts.absent(name, new Error(`it ends after ${at + filled} bytes`))
          filled += bytesRead
        }
        at += wanted
        yield buffer.subarray(0, wanted)
      }
    } finally {
      await file.close()
    }
  }

  async delete(name: SnapshotName): Promise<void> {
    assertSnapshotName(name)
    try {
      await unlink(join(this.#directory, name))
      await sync(this.#directory)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#acts.translate(error)
    }
  }

  async *list(): AsyncGenerator<{ name: SnapshotName; size: number }, void, void> {
    for (const name of await this.#names()) {
      if (!isSnapshotName(name)) continue
      const facts = await stat(join(this.#directory, name)).catch(() => null)
      if (facts !== null) yield { name, size: facts.size }
    }
  }

  async #names(): Promise<string[]> {
    return await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw this.#acts.translate(error)
    })
  }

  async #removeRemains(): Promise<void> {
    for (const name of await this.#names()) {
      if (!name.endsWith(PARTIAL)) continue
      const facts = await stat(join(this.#directory, name)).catch(() => null)
      if (facts !== null && Date.now() - facts.mtimeMs > OLD_MS) await rm(join(this.#directory, name), { force: true })
    }
  }
}

async function sync(path: string): Promise<void> {
  const directory = new SyncedDirectory(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
