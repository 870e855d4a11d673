import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ListableBlobStore } from '../../src/blobs/blob-store.ts'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import { runCheck } from '../../src/check/check.ts'
import { claimStore } from '../../src/check/store-marker.ts'
import { createGc } from '../../src/gc/gc.ts'
import type { TestRegistry } from '../support/registry.ts'
import { openTestRegistry } from '../support/registry.ts'
import type { System } from './registry-commands.ts'
import { commands, IDLE_MS } from './registry-commands.ts'
import { observe } from './registry-observation.ts'
import { OBJECT_BYTES, Oracle } from './registry-oracle.ts'

const RUNS = Number(process.env['MODEL_RUNS'] ?? 40)
/** A failure prints its seed; MODEL_SEED repeats it. */
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) }
const INSTALLATION = '6f4ff5a2-2d5f-4f0f-9d0e-6a3c6b1b9a01'

/** Two processes that share nothing but the database and the store. */
async function openSystem(opened: TestRegistry): Promise<System & AsyncDisposable> {
  const { registry, metadata, blobs, clock } = opened
  await metadata.transact((sql) => sql.run`UPDATE data_keys SET wrapped = ${Buffer.from('by the test')}`)
  const sibling = await opened.sibling()
  return {
    processes: [registry, sibling.registry],
    gc: createGc({ metadata, blobs, uploadIdleMs: IDLE_MS }),
    clock,
    [Symbol.asyncDispose]: () => sibling[Symbol.asyncDispose](),
  }
}

async function assertWhole({ metadata, deps }: TestRegistry, blobs: ListableBlobStore, clock: { now: number }) {
  const target = { metadata, blobs, keyring: deps.keyring, installation: INSTALLATION, now: () => clock.now }
  const report = await runCheck(target, { depth: 'bytes', repair: false })
  assert.deepEqual(report.problems, [])
  assert.deepEqual(report.pending, { writing: 0, abandoned: 0, deleting: 0, young: 0 }, 'something was left behind')
}

test(`the registry does what the oracle says, over ${RUNS} random histories`, { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(commands(60), async (history) => {
    const blobs = createMemoryBlobStore()
    await claimStore(blobs, INSTALLATION)
    await using opened = await openTestRegistry({ blobs, limits: { objectBytes: OBJECT_BYTES } })
    await using system = await openSystem(opened)
    const oracle = new Oracle()
    await fc.asyncModelRun(() => ({ model: oracle, real: system }), history)
    for (const registry of system.processes) await observe(oracle, registry)
    system.clock.now += 2 * 3_600_000 // the leases of whatever was given up
    await system.gc.expireUploads()
    await system.gc.removeObjects()
    await assertWhole(opened, blobs, system.clock)
  })
  await fc.assert(property, { numRuns: RUNS, ...SEED })
})
