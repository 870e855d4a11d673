import { setImmediate as turn } from 'node:timers/promises'
import type { Reader } from '../metadata/metadata-store.ts'
import { snapshotChanges } from '../metadata/tables/advisory-snapshots.ts'
import type { Stretch } from '../metadata/tables/scans.ts'
import { findScan, manifestsJudged, manifestsWith, scanSubject } from '../metadata/tables/scans.ts'
import type { Inventory } from '../scanner/facts.ts'
import type { Advisories } from './advisories.ts'
import type { ScansDeps, SnapshotChanges } from './deps.ts'
import { judge } from './judge.ts'
import { unpack } from './packed.ts'
import { isScannable } from './scan-manifest.ts'

type Deps = ScansDeps & { readonly advisories: Advisories }

/** Product.md 7: what was neither pushed nor pulled for so long is not re-evaluated. */
export const WATCHED_MS = 30 * 24 * 3_600_000

const PAGE = 200
/** Names in one statement. */
const NAMES = 500

/** Judges anew what a new snapshot concerns, without reading a layer. What was done before a restart is not done again. */
export async function rematch(deps: Deps, snapshot: string, signal: AbortSignal): Promise<void> {
  const packed = await deps.metadata.read((sql) => snapshotChanges(sql, snapshot))
  const changes = packed && unpack<SnapshotChanges>(packed).value
  for (const pageOf of changes ? pagesOf(changes) : [manifestsJudged]) {
    for (let after = 0; ; ) {
      signal.throwIfAborted()
      const stretch = { after, limit: PAGE }
      const current = (await deps.advisories.current())?.info.id ?? ''
      const ids = await deps.metadata.read((sql) =>
        pageOf(sql, { since: sql.now() - WATCHED_MS, snapshot: current }, stretch),
      )
      for (const id of ids) {
        await rematchOne(deps, id)
        await turn() // requests have their turn between two images
      }
      const last = ids.at(-1)
      if (last === undefined || ids.length < PAGE) break
      after = last
    }
  }
}

type PageOf = (
  sql: Reader,
  to: { readonly since: number; readonly snapshot: string },
  stretch: Stretch,
) => Promise<number[]>

function pagesOf({ packages }: SnapshotChanges): PageOf[] {
  return chunks(packages).map(
    (some): PageOf =>
      (sql, to, stretch) =>
        manifestsWith(sql, some, to, stretch),
  )
}

function chunks<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / NAMES) }, (_, at) => all.slice(at * NAMES, (at + 1) * NAMES))
}

/** From what was read of it earlier; nothing for what was never read. */
export async function rematchOne(deps: Deps, manifestId: number): Promise<void> {
  const found = await deps.metadata.read(async (sql) => {
    const subject = await scanSubject(sql, manifestId)
    const scan = subject && (await findScan(sql, manifestId))
    return scan && { subject, scan }
  })
  if (!found?.scan.inventory || !isScannable(found.subject)) return
  const { subject, scan } = found
  const inventory = unpack<Inventory>(found.scan.inventory).value
  await judge(deps, subject, { inventory, lowestLayer: scan.lowest_layer, isNew: false })
}
