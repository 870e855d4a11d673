import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { DomainError } from '../domain/error.ts'
import { someContractExists } from '../metadata/tables/restoring.ts'
import type { BackUpDeps, BackUpOptions, BackupReport } from './back-up.ts'
import { backUp } from './back-up.ts'
import type { FileOptions } from './back-up-to-file.ts'
import { backUpToFile } from './back-up-to-file.ts'
import type { KeepSnapshotsDeps } from './keep-snapshots.ts'
import { keepSnapshots } from './keep-snapshots.ts'

export type BackupDeps = BackUpDeps & KeepSnapshotsDeps

/** Copies of a running installation. Bringing one back is `restore.ts`: there is no installation yet. */
export interface Backup {
  /** @throws `conflict` for a folder or file that is not for it; `unavailable` when it must be run again. */
  backUp(options: BackUpOptions | FileOptions): Promise<BackupReport>
  /** Takes a snapshot of the metadata into the store when it is time, or `atOnce`. Its name, or null. */
  keepSnapshots(options?: { readonly atOnce: boolean }): Promise<SnapshotName | null>
}

/** After a failure (a store that is away, a full disk) not every few seconds, since each attempt reads everything. */
const RETRY_MS = 5 * 60_000

export function createBackup(deps: BackupDeps): Backup {
  let failedAt = Number.NEGATIVE_INFINITY
  return {
    backUp: async (options) => {
      await refuseEmpty(deps)
      return await ('file' in options ? backUpToFile(deps, options) : backUp(deps, options))
    },
    keepSnapshots: async ({ atOnce } = { atOnce: false }) => {
      if (deps.now() - failedAt < RETRY_MS) return null
      try {
        return await keepSnapshots(deps, atOnce)
      } catch (error) {
        failedAt = deps.now()
        throw error
      }
    },
  }
}

/** With a setting mistyped, a backup of nothing would look like one. */
async function refuseEmpty({ metadata }: BackupDeps): Promise<void> {
  if (await metadata.read(someContractExists)) return
  throw new DomainError('not_found', 'there is no installation to back up: its database holds no contract')
}
