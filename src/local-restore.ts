import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { damaged } from './backup/backup-folder.ts'
import { openSource } from './backup/backup-source.ts'
import type { RestoreDeps, RestoreReport } from './backup/restore.ts'
import { restoreBackup, restoreFromStore } from './backup/restore.ts'
import type { SnapshotHeader } from './backup/snapshot-format.ts'
import { openFsBlobStore } from './blobs/fs.ts'
import { isSnapshotName } from './blobs/snapshot-store.ts'
import { claimStore, storeOwner } from './check/store-marker.ts'
import type { RestoreOptions } from './cli/command.ts'
import type { Config } from './config/config.ts'
import { DomainError } from './domain/error.ts'
import { IntegrityError } from './encryption/integrity-error.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import { MasterKeyError } from './keys/key-provider.ts'
import { snapshotKey } from './keys/keys.ts'
import { environmentKeyProvider } from './keys/master-key.ts'
import { openMasterKeyFile } from './keys/master-key-file.ts'
import type { Migration } from './metadata/migrations/list.ts'
import { MIGRATIONS } from './metadata/migrations/list.ts'
import { openBlobs, openMetadata } from './open-stores.ts'

/** In the data directory while a restore goes on there: an interrupted one may be run again, nothing else may. */
const MARK = 'restoring'
const KEY_FILE = 'master.key'

/** Makes the installation that the settings name, of a backup or of what its store holds. */
export async function restoreLocal(config: Config, options: RestoreOptions): Promise<RestoreReport> {
  const provider = await masterKeyAtHand(config)
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  await refuseOccupied(config, options)
  const mark = join(config.data, MARK)
  await using opened = new AsyncDisposableStack()
  const blobs = await openBlobs(config)
  opened.defer(async () => blobs[Symbol.asyncDispose]?.())
  const deps: RestoreDeps = {
    snapshotKey: async (installation) => ({
      key: await snapshotKey(provider, installation),
      provider: provider.name,
    }),
    openMetadata: async (migrations) => {
      const known = knownMigrations(migrations)
      await writeFile(mark, '') // before the first change that would make the directory look like an installation
      return await openMetadata(config, known)
    },
    blobs,
    claim: (installation) => claimStore(blobs, installation),
    owner: () => storeOwner(blobs),
  }
  const report = await act(deps, options, opened).catch(async (error: unknown) => {
    if (error instanceof DomainError && error.kind === 'conflict') await rm(mark, { force: true }) // nothing was begun
    throw error instanceof IntegrityError ? damaged(error.message, error) : error
  })
  await (await openMetadata(config))[Symbol.asyncDispose]() // the schema of this program
  await rm(mark, { force: true })
  return report
}

async function act(deps: RestoreDeps, options: RestoreOptions, opened: AsyncDisposableStack): Promise<RestoreReport> {
  if (options.from === 'store') {
    const { snapshot } = options
    if (snapshot !== null && !isSnapshotName(snapshot))
      throw new DomainError('input_invalid', `"${snapshot}" is not the name of a snapshot`)
    return await restoreFromStore(deps, snapshot)
  }
  const openFolder = async (directory: string) => opened.use(await openFsBlobStore({ directory, sync: false }))
  return await restoreBackup(deps, await openSource(options.path, openFolder))
}

async function masterKeyAtHand({ data, secrets }: Config): Promise<KeyProvider> {
  if (secrets.masterKey !== null) return environmentKeyProvider(secrets.masterKey)
  const path = join(data, KEY_FILE)
  if (existsSync(path)) return (await openMasterKeyFile({ path, mayCreate: false })).provider
  throw new MasterKeyError(
    `restoring needs the installation's master key, which no backup contains: put its copy into ${path}, or set ENTREPOT_MASTER_KEY`,
  )
}

async function refuseOccupied({ data, s3, secrets }: Config, { from }: RestoreOptions): Promise<void> {
  const names = await readdir(data)
  if (names.includes(MARK)) return
  const isLost = from === 'store' && secrets.databaseUrl === null
  if (isLost && names.some((name) => name.startsWith('entrepot.db')))
    throw new DomainError(
      'conflict',
      `there is a database in ${data}: if it is damaged, move entrepot.db, entrepot.db-wal and entrepot.db-shm elsewhere first`,
    )
  if (from === 'store' || (s3 !== null && secrets.databaseUrl !== null)) return
  const others = names.filter((name) => name !== KEY_FILE && !(name === 'objects' && isWithoutFiles(join(data, name))))
  if (others.length > 0)
    throw new DomainError(
      'conflict',
      `the data directory ${data} is not empty (${others.slice(0, 3).join(', ')}): restore into a new one, set by ` +
        `ENTREPOT_DATA or --data, with nothing in it but ${KEY_FILE}`,
    )
}

/** As an attempt with a wrong key leaves it. */
function isWithoutFiles(path: string): boolean {
  return !readdirSync(path, { recursive: true, withFileTypes: true }).some((entry) => entry.isFile())
}

/** @throws `unsupported` when a newer program made the snapshot. */
function knownMigrations(wanted: SnapshotHeader['migrations']): readonly Migration[] {
  const known = MIGRATIONS.slice(0, wanted.length)
  const isKnown = wanted.every(({ id, name }, index) => known[index]?.id === id && known[index]?.name === name)
  if (isKnown && wanted.length > 0) return known
  throw new DomainError(
    'unsupported',
    `the backup was made by a program with ${wanted.length} migrations, the last '${wanted.at(-1)?.name}'; this one knows ` +
      `${MIGRATIONS.length}, up to '${MIGRATIONS.at(-1)?.name}': restore with a program at least as new as the one that made it`,
  )
}
