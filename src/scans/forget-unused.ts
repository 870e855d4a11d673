import { setImmediate as turn } from 'node:timers/promises'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { forgetPackages, forgetVerdicts, newestVerdict, verdictsUnused } from '../metadata/tables/judged-packages.ts'
import { forgetLayerFacts } from '../metadata/tables/layer-facts.ts'
import { verdictsAfter } from '../metadata/tables/scan-batches.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import type { Pairs } from './judge.ts'

const BATCH = 500
/** An image may be pushed a while after its layers. */
const FACTS_KEPT_MS = 7 * 24 * 3_600_000
/** Whoever was given the id of a verdict has written it into an image's row by then, or never will. */
const VERDICTS_KEPT_MS = 24 * 3_600_000
/** What nothing refers to any more: facts of layers, and packages that no image holds. */
export async function forgetUnused(metadata: MetadataStore): Promise<void> {
  const facts = await metadata.read(async (sql) => ({
    analyzerVersion: ANALYZER_VERSION,
    before: sql.now() - FACTS_KEPT_MS,
    limit: BATCH,
  }))
  while ((await metadata.transact((sql) => forgetLayerFacts(sql, facts), { durable: false })) > 0);
  for (let after: number | null = 0; after !== null; ) {
    const from: number = after
    after = await metadata.transact((sql) => forgetPackages(sql, from, BATCH), { durable: false })
  }
}

/**
 * What was said of packages and is not any more. A verdict's id stands in the rows of images only, so all are looked through and
 * those found are marked. One that is given out again meanwhile is used as of then (`internVerdicts`), and stays.
 */
export async function forgetVerdictsOfNobody(metadata: MetadataStore): Promise<void> {
  const before = await metadata.read(async (sql) => sql.now() - VERDICTS_KEPT_MS)
  const newest = await metadata.read(newestVerdict)
  const marked = new Uint8Array(Math.ceil((newest + 1) / 8))
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after
    const rows = await metadata.read((sql) => verdictsAfter(sql, { after: from, limit: BATCH }))
    for (const { verdicts } of rows) for (const [, id] of JSON.parse(verdicts) as Pairs) mark(marked, id)
    after = rows.at(-1)?.manifest_id
    await turn() // requests have their turn
  }
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after
    const ids = await metadata.read((sql) => verdictsUnused(sql, before, from, BATCH))
    const gone = ids.filter((id) => !isMarked(marked, id))
    if (gone.length > 0) await metadata.transact((sql) => forgetVerdicts(sql, gone, before), { durable: false })
    after = ids.at(-1)
  }
}

/** One bit for each id. */
function mark(marked: Uint8Array, id: number): void {
  const at = Math.floor(id / 8)
  marked[at] = (marked[at] ?? 0) | (1 << (id % 8))
}

function isMarked(marked: Uint8Array, id: number): boolean {
  return ((marked[Math.floor(id / 8)] ?? 0) & (1 << (id % 8))) !== 0
}
