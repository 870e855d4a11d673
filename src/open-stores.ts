import cluster from 'node:cluster'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { refuseUnfinishedRestore } from './backup/load-snapshot.ts'
import type { BlobStore, ListableBlobStore, SnapshotKeepingBlobStore } from './blobs/blob-store.ts'
import { openFsBlobStore } from './blobs/fs.ts'
import type { Config } from './config/config.ts'
import { isFirstStart } from './keys/key-check.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import type { Keys } from './keys/keys.ts'
import { createKeyring } from './keys/keys.ts'
import { environmentKeyProvider } from './keys/master-key.ts'
import { openMasterKeyFile } from './keys/master-key-file.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import type { Migration } from './metadata/migrations/list.ts'
import { MIGRATIONS } from './metadata/migrations/list.ts'
import { openSqlite } from './metadata/sqlite.ts'

export type Blobs = BlobStore & ListableBlobStore & SnapshotKeepingBlobStore

/** The database, the blob store and the keys: what a server and a command at the machine both need. */
export interface Stores extends AsyncDisposable {
  readonly metadata: MetadataStore
  readonly blobs: Blobs
  readonly keys: Keys
  /** The path of a master key file that this start made; its operator must be told to back it up. */
  readonly madeKeyFile: string | null
}

/**
 * Opens what the settings name (`wrap` may stand before the database, `now` is a test's clock instead of the database's own), closing everything
 * again when a later part fails. @throws MasterKeyError, `unavailable` */
export async function openStores(
  config: Config,
  wrap: (metadata: MetadataStore) => MetadataStore = (metadata) => metadata,
  now?: () => number,
): Promise<Stores> {
  await using opened = new AsyncDisposableStack()
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const metadata = wrap(opened.use(await openMetadata(config, MIGRATIONS, now)))
  await refuseUnfinishedRestore(metadata)
  const { provider, madeKeyFile } = await openKeyProvider(config, metadata)
  const keys = await createKeyring({ metadata, provider })
  const blobs = await openBlobs(config)
  opened.defer(async () => blobs[Symbol.asyncDispose]?.())
  const resources = opened.move()
  return { metadata, blobs, keys, madeKeyFile, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

/** Where the database lies; null: it is a PostgreSQL. */
export function sqlitePathOf({ data, secrets }: Config): string | null {
  return secrets.databaseUrl === null ? sqlitePath(data) : null
}

function sqlitePath(data: string): string {
  return join(data, 'entrepot.db')
}

/** The large client libraries are loaded only where they are used. A worker's primary has a checkpointer. */
export async function openMetadata(
  { data, secrets }: Config,
  migrations: readonly Migration[] = MIGRATIONS,
  now?: () => number,
): Promise<MetadataStore> {
  const clock = now === undefined ? {} : { now }
  if (secrets.databaseUrl === null) {
    const checkpoint = cluster.isWorker ? 'elsewhere' : 'here'
    return await openSqlite({ path: sqlitePath(data), checkpoint, migrations, ...clock })
  }
  const { openPostgres } = await import('./metadata/postgres.ts')
  return await openPostgres({ url: secrets.databaseUrl, migrations, ...clock })
}

export async function openBlobs({ data, s3, secrets }: Config): Promise<Blobs & Partial<AsyncDisposable>> {
  if (s3 === null) return await openFsBlobStore({ directory: data })
  const { openS3BlobStore } = await import('./blobs/s3.ts')
  const { endpoint, ...rest } = s3
  return await openS3BlobStore({
    ...rest,
    ...(endpoint === null ? {} : { endpoint }),
    secretAccessKey: secrets.s3SecretAccessKey ?? '',
  })
}

async function openKeyProvider(
  { data, secrets }: Config,
  metadata: MetadataStore,
): Promise<{ provider: KeyProvider; madeKeyFile: string | null }> {
  if (secrets.masterKey !== null) return { provider: environmentKeyProvider(secrets.masterKey), madeKeyFile: null }
  const path = join(data, 'master.key')
  const { provider, made } = await openMasterKeyFile({ path, mayCreate: await isFirstStart(metadata) })
  return { provider, madeKeyFile: made ? path : null }
}
