import { test } from 'node:test'
import * as fc from 'fast-check'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import { claimStore } from '../../src/check/store-marker.ts'
import { createGc } from '../../src/gc/gc.ts'
import type { TestRegistry } from '../support/registry.ts'
import { admitting, openTestRegistry } from '../support/registry.ts'
import type { System } from './registry-commands.ts'
import { commands, IDLE_MS } from './registry-commands.ts'
import { assertWhole, live } from './registry-life.ts'
import { OBJECT_BYTES } from './registry-oracle.ts'

const RUNS = Number(process.env['MODEL_RUNS'] ?? 40)
/** A failure prints its seed; MODEL_SEED repeats it. */
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) }
const INSTALLATION = '6f4ff5a2-2d5f-4f0f-9d0e-6a3c6b1b9a01'

/** Two processes that share nothing but the database and the store. */
async function openSystem(opened: TestRegistry): Promise<System & AsyncDisposable> {
  const { metadata, blobs, clock } = opened
  await metadata.transact((sql) => sql.run`UPDATE data_keys SET wrapped = ${Buffer.from('by the test')}`)
  const sibling = await opened.sibling()
  return {
    processes: [admitting(opened), admitting(sibling)],
    gc: createGc({ metadata, blobs, uploadIdleMs: IDLE_MS }),
    clock,
    [Symbol.asyncDispose]: () => sibling[Symbol.asyncDispose](),
  }
}

test(`the registry does what the oracle says, over ${RUNS} random histories`, { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(commands(60), async (history) => {
    const blobs = createMemoryBlobStore()
    await claimStore(blobs, INSTALLATION)
    await using opened = await openTestRegistry({ blobs, limits: { objectBytes: OBJECT_BYTES } })
    await using system = await openSystem(opened)
    await live(system, history)
    await assertWhole(opened.metadata, blobs, opened.deps.keyring, INSTALLATION)
  })
  await fc.assert(property, { numRuns: RUNS, ...SEED })
})
