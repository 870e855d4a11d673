import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import type { Digest } from '../../src/domain/digest.ts'
import type { RegistryEvent } from '../../src/domain/event.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import type { DataKey, Keyring } from '../../src/encryption/keyring.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { openSqlite } from '../../src/metadata/sqlite.ts'
import { BlobReader } from '../../src/registry/blob-reader.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import type { RegistryDeps } from '../../src/registry/deps.ts'
import { DEFAULT_LIMITS } from '../../src/registry/deps.ts'
import type { Caller, Place, Registry, UploadBody } from '../../src/registry/registry.ts'
import { registryDepsOn } from './registry-deps.ts'

export interface TestRegistry extends AsyncDisposable {
  readonly registry: Registry
  readonly deps: RegistryDeps
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly clock: { now: number }
  readonly events: RegistryEvent[]
  /** Another process on the same data: nothing shared but database and store. */
  sibling(): Promise<TestRegistry>
}

export interface TestRegistryOptions {
  readonly blobs?: BlobStore
  readonly limits?: Partial<RegistryDeps['limits']>
}

/** One registry (id 1) on a real SQLite database. */
export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-'))
  const clock = { now: Date.UTC(2026, 0, 1) }
  const blobs = options.blobs ?? createMemoryBlobStore()
  const path = join(directory, 'db')
  const opened = await open(path, clock, blobs, options)
  await opened.metadata.transact(async (sql) => {
    await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (1, 'test', 0)`
    await sql.run`
      INSERT INTO registries (id, contract_id, public_id, name, location, state, created_at, created_by, created_by_id)
      VALUES (1, 1, 'r', 'acme', 'de/fra', 'Running', 0, 'test', 'test')`
    await sql.run`INSERT INTO data_keys (id, registry_id, version, provider, created_at) VALUES (1, 1, 1, 'test', 0)`
  })
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

async function open(
  path: string,
  clock: { now: number },
  blobs: BlobStore,
  options: TestRegistryOptions,
): Promise<TestRegistry> {
  const metadata = await openSqlite({ path, now: () => clock.now })
  const keyring = fixedKeyring()
  const events: RegistryEvent[] = []
  const deps = registryDepsOn(
    { metadata, blobs, keyring },
    {
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      reader: new BlobReader(blobs, keyring, 16 * 1024 * 1024),
      onEvent: async (_sql, event) => {
        events.push(event)
      },
    },
  )
  return {
    registry: createRegistry(deps),
    deps,
    metadata,
    blobs,
    clock,
    events,
    sibling: () => open(path, clock, blobs, options),
    [Symbol.asyncDispose]: () => metadata[Symbol.asyncDispose](),
  }
}

function fixedKeyring(): Keyring {
  const key: DataKey = { id: 1, registryId: 1, objects: Buffer.alloc(32, 1), manifests: Buffer.alloc(32, 2) }
  return { current: async () => key, byId: async () => key }
}

export function place(repository: string): Place {
  return { registryId: 1, repository: repository as RepositoryName }
}

const admitted = { admittedNow: true, mayPull: () => true } as const
export const pusher: Caller = { name: 'token:ci', key: 'token:1', mayPush: true, ...admitted }
export const reader: Caller = { name: 'token:reader', key: 'token:2', mayPush: false, ...admitted }

/** The same registry, each act of which is admitted first, as every request is: the auth epoch is asked for. */
export function admitting({ registry, metadata }: Pick<TestRegistry, 'registry' | 'metadata'>): Registry {
  const asking = {
    get: (acts: Registry, name: keyof Registry) => {
      metadata.authEpoch()
      return acts[name]
    },
  }
  return new Proxy(registry, asking as ProxyHandler<Registry>)
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
}

export function sha512(bytes: Uint8Array): Digest {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}` as Digest
}

export function bodyOf(bytes: Uint8Array, range: UploadBody['range'] = null): UploadBody {
  return { stream: Readable.from(bytes.length === 0 ? [] : pieces(bytes)), length: bytes.length, range }
}

function* pieces(bytes: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield Buffer.from(bytes.subarray(at, at + 65_536))
}

export async function pushBlob(registry: Registry, where: Place, bytes: Uint8Array): Promise<Digest> {
  const { id } = await registry.startUpload(where, pusher, 'sha256')
  return (await registry.finishUpload(where, pusher, id, sha256(bytes), bodyOf(bytes))).digest
}

export async function readBlob(
  registry: Registry,
  where: Place,
  digest: Digest,
  start = 0,
  end?: number,
): Promise<Buffer> {
  const blob = await registry.openBlob(where, reader, digest)
  const chunks: Uint8Array[] = []
  for await (const chunk of blob.read(start, end ?? blob.size)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
