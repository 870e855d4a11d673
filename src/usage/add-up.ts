import { setImmediate as turn } from 'node:timers/promises'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { dropPending, pendingOf } from '../metadata/tables/quotas.ts'
import type { CountedBlob, UsageFigures } from '../metadata/tables/usage.ts'
import {
  beginUsageRound,
  countedBlobs,
  markUsageStale,
  staleUsage,
  staleUsageOf,
  storeUsage,
  usageOfRegistry,
} from '../metadata/tables/usage.ts'
import { storeDayFigures } from '../metadata/tables/usage-days.ts'

const BATCH = 100
/** Blobs looked at by one statement: some milliseconds, after which others have their turn. */
const WINDOW = 500

/** Adds up anew whatever has changed and is due. @returns how many registries. */
export async function refreshUsage(metadata: MetadataStore): Promise<number> {
  let added = 0
  for (;;) {
    const registries = await metadata.read((sql) => staleUsage(sql, BATCH))
    for (const registryId of registries) await addUp(metadata, registryId)
    added += registries.length
    if (registries.length < BATCH) return added
  }
}

/** At once, since a quota is about to be decided. @returns how many registries were not up to date. */
export async function addUpContract(metadata: MetadataStore, contractId: number): Promise<number> {
  const stale = await metadata.read((sql) => staleUsageOf(sql, contractId))
  for (const registryId of stale) await addUp(metadata, registryId)
  return stale.length
}

/**
 * One registry. The mark is taken off before adding up, in a transaction of its own: a push that commits meanwhile marks
 * again and is counted the next time. A blob's commit writes its bytes into usage_pending where a quota needs them; each
 * window sees both or neither, and what it saw is dropped with the sum's coming: no byte counts twice or not at all.
 */
export async function addUp(metadata: MetadataStore, registryId: number, window = WINDOW): Promise<void> {
  const began = performance.now()
  const round = await metadata.transact((sql) => beginUsageRound(sql, registryId), { durable: false })
  if (round === null) return
  const seen = new Set(await metadata.read((sql) => pendingOf(sql, registryId)))
  const sum = await addWindows(metadata, registryId, window, seen)
  const costMs = Math.round(performance.now() - began)
  await metadata.transact(
    async (sql) => {
      const before = await usageOfRegistry(sql, registryId)
      if (!(await storeUsage(sql, registryId, round, sum, costMs))) return await markUsageStale(sql, registryId)
      await dropPending(sql, seen)
      if (before.updated_at === null || differ(before, sum)) await storeDayFigures(sql, registryId, sum)
    },
    { durable: false },
  )
}

async function addWindows(
  metadata: MetadataStore,
  registryId: number,
  window: number,
  seen: Set<number>,
): Promise<UsageFigures> {
  const sums: Record<CountedBlob['state'], number> = { live: 0, reclaimable: 0, quarantined: 0, unheld: 0 }
  for (let after = ''; ; await turn()) {
    const blobs = await metadata.read((sql) => countedBlobs(sql, registryId, after, window))
    for (const blob of blobs) {
      sums[blob.state] += blob.size
      if (blob.pending === 1) seen.add(blob.id)
    }
    const last = blobs.at(-1)
    if (!last || blobs.length < window) break
    after = last.digest
  }
  return { live: sums.live + sums.reclaimable, quarantined: sums.quarantined, reclaimable: sums.reclaimable }
}

function differ(a: UsageFigures, b: UsageFigures): boolean {
  return a.live !== b.live || a.quarantined !== b.quarantined || a.reclaimable !== b.reclaimable
}
