import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SnapshotInfo } from '../scanner/advisories/advisory-index.ts'

/** Where the snapshot of advisories is that counts. */
export interface AdvisoryStore {
  /** A file that can be read and built upon; null: nothing was ever imported. */
  current(): Promise<{ readonly path: string; readonly info: SnapshotInfo } | null>
  /** Makes a finished snapshot the one that counts. */
  install(snapshotPath: string): Promise<SnapshotInfo>
}

/** The files of a folder, and in `active` the name of the one that counts. */
export function folderStore(folder: string): AdvisoryStore {
  const pointer = join(folder, 'active')
  return {
    async current() {
      const name = await readFile(pointer, 'utf8').catch(() => null)
      if (name === null || !/^[0-9a-f]{64}\n$/.test(name)) return null
      const path = join(folder, `${name.trim()}.db`)
      return { path, info: await infoOf(path) }
    },
    async install(snapshotPath) {
      const info = await infoOf(snapshotPath)
      const name = info.id.slice('sha256:'.length)
      const target = join(folder, `${name}.db`)
      if (target !== snapshotPath) await rename(snapshotPath, target)
      await writeFile(`${pointer}.new`, `${name}\n`, { mode: 0o600, flush: true })
      await rename(`${pointer}.new`, pointer)
      return info
    },
  }
}

async function infoOf(path: string): Promise<SnapshotInfo> {
  const { openSnapshot } = await import('../scanner/advisories/open-snapshot.ts') // SQLite, which --help need not wait for
  using index = openSnapshot(path)
  return index.info
}
