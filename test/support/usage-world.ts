import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import type { Keyring } from '../../src/encryption/keyring.ts'
import type { Gc } from '../../src/gc/gc.ts'
import { createGc } from '../../src/gc/gc.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import { DayCounts } from '../../src/registry/day-counts.ts'
import type { RegistryDeps } from '../../src/registry/deps.ts'
import { DEFAULT_LIMITS } from '../../src/registry/deps.ts'
import type { Place, Registry } from '../../src/registry/registry.ts'
import type { Actor } from '../../src/usage/deps.ts'
import type { Usage } from '../../src/usage/usage.ts'
import { createUsage } from '../../src/usage/usage.ts'
import { engine } from './auth-world.ts'
import { epochKnown } from './epoch.ts'
import { registryDepsOn } from './registry-deps.ts'

/** One process: connections and caches of its own. */
export interface Process {
  readonly metadata: MetadataStore
  readonly usage: Usage
  readonly registry: Registry
  readonly days: DayCounts
}

export const HOUR = 3_600_000
const IDLE_MS = 24 * HOUR

/**
 * Registries 1 and 2 (contract 1) and 3 (contract 2), public ids `r1` to `r3`, on the engine of auth-world.ts; one clock.
 */
export class UsageWorld implements AsyncDisposable {
  readonly clock = { now: Date.UTC(2026, 0, 10, 12) }
  readonly blobs = createMemoryBlobStore()
  readonly processes: Process[] = []
  readonly #opened = new AsyncDisposableStack()

  static async open(processes = 1, limits: Partial<RegistryDeps['limits']> = {}): Promise<UsageWorld> {
    const world = new UsageWorld()
    const directory = await mkdtemp(join(tmpdir(), 'entrepot-usage-'))
    world.#opened.defer(() => rm(directory, { recursive: true, force: true }))
    const database = world.#opened.use(await engine.current.create(directory))
    for (let index = 0; index < processes; index += 1) {
      const metadata = world.#opened.use(await database.open(() => world.clock.now))
      world.processes.push(processOn(world, metadata, limits))
    }
    await found(world.metadata)
    return world
  }

  get first(): Process {
    const [first] = this.processes
    if (!first) throw new TypeError('no process')
    return first
  }
  get metadata(): MetadataStore {
    return this.first.metadata
  }
  get usage(): Usage {
    return this.first.usage
  }
  get registry(): Registry {
    return this.first.registry
  }
  get gc(): Gc {
    return createGc({ metadata: this.metadata, blobs: this.blobs, uploadIdleMs: IDLE_MS })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync()
  }
}

function processOn(world: UsageWorld, metadata: MetadataStore, limits: Partial<RegistryDeps['limits']>): Process {
  const { blobs } = world
  const usage = settling(createUsage({ metadata }), () => epochKnown(world.processes.map((one) => one.metadata)))
  const days = new DayCounts()
  const registry = createRegistry(
    registryDepsOn(
      { metadata, blobs, keyring },
      { days, limits: { ...DEFAULT_LIMITS, ...limits }, roomIn: usage.roomIn },
    ),
  )
  return { metadata, usage, registry, days }
}

/** A new limit is met by every process once the act is over. */
function settling(usage: Usage, settled: () => Promise<void>): Usage {
  return {
    ...usage,
    setRegistryQuota: (...given) => usage.setRegistryQuota(...given).finally(settled),
    setContractQuota: (...given) => usage.setContractQuota(...given).finally(settled),
  }
}

const keyOf = (id: number) => ({ id, registryId: id, objects: Buffer.alloc(32, id), manifests: Buffer.alloc(32, 9) })
const keyring: Keyring = { current: async (id) => keyOf(id), byId: async (id) => keyOf(id) }

async function found(metadata: MetadataStore): Promise<void> {
  await metadata.transact(async (sql) => {
    for (const id of [1, 2]) await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (${id}, 'test', 0)`
    for (const [id, contractId, name] of [
      [1, 1, 'acme'],
      [2, 1, 'acme-two'],
      [3, 2, 'other'],
    ] as const) {
      await sql.run`
        INSERT INTO registries (id, contract_id, public_id, name, location, state, created_at, created_by, created_by_id)
        VALUES (${id}, ${contractId}, ${`r${id}`}, ${name}, 'de/fra', 'Running', 0, 'test', 'test')`
      await sql.run`
        INSERT INTO data_keys (id, registry_id, version, provider, wrapped, created_at)
        VALUES (${id}, ${id}, 1, 'test', ${Buffer.from('by the test')}, 0)`
    }
  })
}

export function at(repository: string, registryId = 1): Place {
  return { registryId, repository: repository as RepositoryName }
}

export function actorOf(contractId = 1, registryIds: readonly number[] | null = null): Actor {
  return { contractId, label: `owner@${contractId}.example`, address: '192.0.2.1', registryIds }
}
