import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import { endOfStretch, manifestsMissed, manifestsToScan } from '../metadata/tables/scans.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import { scanMissedJob, scanRegistryJob } from './jobs.ts'

/**
 * Many scans that nobody waits for are asked for a few at a time, and the rest behind them: what is pushed meanwhile has its turn
 * after some images, not after all.
 */
const AT_A_TIME = 20
/** Manifests looked at in one statement. */
const STRETCH = 2_000
/** What could not be scanned for a reason that is not the image's is tried again that much later. */
const TRY_AGAIN_MS = 24 * 3_600_000

type Enqueue = (sql: Transaction, manifestId: number) => Promise<unknown>

/** All that a registry holds. */
export async function scanRegistry(
  metadata: MetadataStore,
  enqueue: Enqueue,
  at: { registryId: number; after: number },
) {
  const { registryId, after } = at
  await metadata.transact(async (sql) => {
    const ids = await manifestsToScan(sql, registryId, { after, limit: AT_A_TIME })
    for (const id of ids) await enqueue(sql, id)
    const last = ids.at(-1)
    if (last !== undefined) await insertJob(sql, scanRegistryJob(registryId, last))
  })
}

/**
 * What was never scanned though it should have been (it was there before this program could scan, or its scan was given up), or by
 * an analyzer that knew less.
 */
export async function scanMissed(metadata: MetadataStore, enqueue: Enqueue, after: number): Promise<void> {
  const end = await metadata.read((sql) => endOfStretch(sql, { after, limit: STRETCH }))
  if (end === null) return
  await metadata.transact(async (sql) => {
    const than = { analyzerVersion: ANALYZER_VERSION, before: sql.now() - TRY_AGAIN_MS, end }
    const ids = await manifestsMissed(sql, than, { after, limit: AT_A_TIME })
    for (const id of ids) await enqueue(sql, id)
    const last = ids.length < AT_A_TIME ? end : ids.at(-1)
    await insertJob(sql, scanMissedJob(last))
  })
}
