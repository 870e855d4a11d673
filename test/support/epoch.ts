import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'

/** For a machine that does nothing else for a while; an epoch that does not come at all fails the test. */
const DEADLINE_MS = 60_000

/** Once every process knows the newest auth epoch: at once on SQLite; on PostgreSQL each asks for it a few times a second. */
export async function epochKnown(processes: readonly MetadataStore[]): Promise<void> {
  const [first] = processes
  const row = await first?.read((sql) => sql.get<{ epoch: number }>`SELECT epoch FROM auth_epoch`)
  const newest = row?.epoch ?? 0
  const deadline = performance.now() + DEADLINE_MS
  for (const metadata of processes) {
    while ((await metadata.authEpoch()) < newest) {
      assert.ok(performance.now() < deadline, `a process does not learn of epoch ${newest}`)
      await sleep(5)
    }
  }
}
