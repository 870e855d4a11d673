import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { ListableBlobStore } from '../../src/blobs/blob-store.ts'
import { runCheck } from '../../src/check/check.ts'
import type { Keyring } from '../../src/encryption/keyring.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import type { System } from './registry-commands.ts'
import { observe } from './registry-observation.ts'
import { Oracle } from './registry-oracle.ts'

type History = Iterable<fc.AsyncCommand<Oracle, System>>

/** Plays a history, compares everything with the oracle, and lets the sweeps have what was given up. */
export async function live(system: System, history: History): Promise<void> {
  const oracle = new Oracle()
  await fc.asyncModelRun(() => ({ model: oracle, real: system }), history)
  for (const registry of system.processes) await observe(oracle, registry)
  system.clock.now += 2 * 3_600_000 // the leases of whatever was given up
  await system.gc.expireUploads()
  await system.gc.removeObjects()
}

/** Nothing damaged, nothing left behind. */
export async function assertWhole(
  metadata: MetadataStore,
  blobs: ListableBlobStore,
  keyring: Keyring,
  installation: string,
): Promise<void> {
  const target = { metadata, blobs, keyring, installation, now: Date.now }
  const report = await runCheck(target, { depth: 'bytes', repair: false })
  assert.deepEqual(report.problems, [])
  assert.deepEqual(report.pending, { writing: 0, abandoned: 0, deleting: 0, young: 0 }, 'something was left behind')
}
