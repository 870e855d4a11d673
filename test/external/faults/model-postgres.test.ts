import { after, test } from 'node:test'
import * as fc from 'fast-check'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import { createMemoryBlobStore } from '../../../src/blobs/memory.ts'
import { claimStore } from '../../../src/check/store-marker.ts'
import type { Keyring } from '../../../src/encryption/keyring.ts'
import { createGc } from '../../../src/gc/gc.ts'
import type { MetadataStore } from '../../../src/metadata/metadata-store.ts'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import { DEFAULT_LIMITS } from '../../../src/registry/deps.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import type { System } from '../../properties/registry-commands.ts'
import { commands, IDLE_MS } from '../../properties/registry-commands.ts'
import { assertWhole, live } from '../../properties/registry-life.ts'
import { OBJECT_BYTES } from '../../properties/registry-oracle.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'
import { registryDepsOn } from '../../support/registry-deps.ts'

// SQLite has one writer; here transactions really run side by side, and a missing lock shows.
const RUNS = Math.ceil(Number(process.env['MODEL_RUNS'] ?? 40) / 2)
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) }
const INSTALLATION = '6f4ff5a2-2d5f-4f0f-9d0e-6a3c6b1b9a01'
const KEY = { id: 1, registryId: 1, objects: Buffer.alloc(32, 1), manifests: Buffer.alloc(32, 2) }
const keyring: Keyring = { current: async () => KEY, byId: async () => KEY }

async function found(metadata: MetadataStore): Promise<void> {
  await metadata.transact(async (sql) => {
    await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (1, 'test', 0)`
    await sql.run`
      INSERT INTO registries (id, contract_id, public_id, name, location, state, created_at, created_by, created_by_id)
      VALUES (1, 1, 'r', 'acme', 'de/fra', 'Running', 0, 'test', 'test')`
    await sql.run`
      INSERT INTO data_keys (id, registry_id, version, provider, wrapped, created_at)
      VALUES (1, 1, 1, 'test', ${Buffer.from('by the test')}, 0)`
  })
}

function registryOn(metadata: MetadataStore, blobs: BlobStore): Registry {
  const limits = { ...DEFAULT_LIMITS, objectBytes: OBJECT_BYTES }
  return createRegistry(registryDepsOn({ metadata, blobs, keyring }, { limits }))
}

after(stopPostgres)

test(`the registry on PostgreSQL does what the oracle says, over ${RUNS} random histories`, {
  skip: skipWithoutPostgres(),
  timeout: 3_600_000,
}, async () => {
  const postgres = await startPostgres()
  const property = fc.asyncProperty(commands(60), async (history) => {
    await using database = await postgres.createDatabase()
    const clock = { now: Date.now() }
    const now = () => clock.now
    await using one = await openPostgres({ url: database.url, now, poolSize: 4 })
    await using other = await openPostgres({ url: database.url, now, poolSize: 4 })
    await found(one)
    const blobs = createMemoryBlobStore()
    await claimStore(blobs, INSTALLATION)
    const gc = createGc({ metadata: one, blobs, uploadIdleMs: IDLE_MS })
    const system: System = { processes: [registryOn(one, blobs), registryOn(other, blobs)], gc, clock }
    await live(system, history)
    await assertWhole(one, blobs, keyring, INSTALLATION)
  })
  await fc.assert(property, { numRuns: RUNS, ...SEED })
})
