import cluster from 'node:cluster'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore, ListableBlobStore } from './blobs/blob-store.ts'
import { openFsBlobStore } from './blobs/fs.ts'
import type { Config } from './config/config.ts'
import { isFirstStart } from './keys/key-check.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import type { Keys } from './keys/keys.ts'
import { createKeyring } from './keys/keys.ts'
import { environmentKeyProvider } from './keys/master-key.ts'
import { openMasterKeyFile } from './keys/master-key-file.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { openSqlite } from './metadata/sqlite.ts'

/** The database, the blob store and the keys: what a server and a command at the machine both need. */
export interface Stores extends AsyncDisposable {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore & ListableBlobStore
  readonly keys: Keys
  /** The path of a master key file that this start made; its operator must be told to back it up. */
  readonly madeKeyFile: string | null
}

/** Opens what the settings name (`wrap` may stand before the database), closing everything again when a later part fails. @throws MasterKeyError, `unavailable` */
export async function openStores(
  config: Config,
  wrap: (metadata: MetadataStore) => MetadataStore = (metadata) => metadata,
): Promise<Stores> {
  await using opened = new AsyncDisposableStack()
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const metadata = wrap(opened.use(await openMetadata(config)))
  const { provider, madeKeyFile } = await openKeyProvider(config, metadata)
  const keys = await createKeyring({ metadata, provider })
  const blobs = await openBlobs(config)
  if (isDisposable(blobs)) opened.use(blobs)
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
async function openMetadata({ data, secrets }: Config): Promise<MetadataStore> {
  if (secrets.databaseUrl === null) {
    return await openSqlite({ path: sqlitePath(data), checkpoint: cluster.isWorker ? 'elsewhere' : 'here' })
  }
  const { openPostgres } = await import('./metadata/postgres.ts')
  return await openPostgres({ url: secrets.databaseUrl })
}

async function openBlobs({ data, s3, secrets }: Config): Promise<BlobStore & ListableBlobStore> {
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

function isDisposable(value: object): value is AsyncDisposable {
  return Symbol.asyncDispose in value
}
