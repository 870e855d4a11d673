import { setImmediate as turn } from 'node:timers/promises'
import { markRematched, unmatched } from '../metadata/tables/advisory-snapshots.ts'
import type { Found } from '../metadata/tables/scan-batches.ts'
import {
  heldBy,
  holdersOfEcosystems,
  staleManifests,
  staleUnder,
  verdictsOf,
  watchedIndexes,
} from '../metadata/tables/scan-batches.ts'
import type { NewScan, Stretch } from '../metadata/tables/scans.ts'
import { findScan, scanSubject } from '../metadata/tables/scans.ts'
import type { Inventory } from '../scanner/facts.ts'
import type { Advisories } from './advisories.ts'
import type { Changed } from './changed-packages.ts'
import { changedByPacked, changedSince, chunks } from './changed-packages.ts'
import type { ScansDeps } from './deps.ts'
import { judge } from './judge.ts'
import { Pace } from './pace.ts'
import { unpack } from './packed.ts'
import type { ToRejudge } from './rejudge.ts'
import { Rejudge } from './rejudge.ts'
import { isScannable } from './scan-manifest.ts'

type Deps = ScansDeps & { readonly advisories: Advisories }

/** Product.md 7: what was neither pushed nor pulled for so long is not re-evaluated. */
export const WATCHED_MS = 30 * 24 * 3_600_000

/** Of manifests that are looked at together: the more, the more of them are alike. */
const PAGE = 5_000
/** Of manifests in one statement. */
const READ_AT_A_TIME = 100
const IDS_AT_A_TIME = 500
/** Of verdicts that are held in memory. */
const CHARACTERS = 16 * 1024 * 1024
/** Of packages that are looked up together. */
const PACKAGES = { first: 100, most: 2_000 }

/**
 * Judges anew what a new snapshot concerns, without reading a layer: of each image the packages of which something else may be
 * said since it was judged, and only those. A verdict and its snapshot are written together, so what was done before a restart is not
 * done again, and what comes meanwhile (a newer snapshot, a push, a scan) finds every image in one state or the other. What earlier
 * ones left undone is done with it; for another one than that in force there is nothing to do.
 */
export async function rematch(deps: Deps, snapshot: string, signal: AbortSignal): Promise<void> {
  const { metadata } = deps
  const left = await metadata.read(unmatched)
  if (left?.snapshot !== snapshot) return
  const changed = left.changes && (await changedByPacked(metadata, left.changes))
  await each(deps, (run, after) => run.page(changed, after, signal))
  await each(deps, (run, after) => run.indexes(changed, after, signal))
  await metadata.transact((sql) => markRematched(sql, left), { durable: false })
}

/** Goes on to the next page only when all of this one was judged by what is active. */
async function each(deps: Deps, page: (run: Run, after: number) => Promise<number | null>): Promise<void> {
  let run: Run | null = null
  for (let after: number | null = 0; after !== null; ) {
    const index = await deps.advisories.current()
    if (index === null) return
    if (run === null || run.isOvertaken || run.snapshot !== index.info.id)
      run = new Run(deps, new Rejudge(deps.metadata, index))
    const next = await page(run, after)
    if (!run.isOvertaken) after = next
  }
}

/** Until other advisories become active. */
class Run {
  readonly snapshot: string
  readonly #deps: Deps
  readonly #rejudge: Rejudge
  /** By the snapshot that an image was judged by. */
  readonly #since = new Map<string, Promise<Changed | null>>()

  constructor(deps: Deps, rejudge: Rejudge) {
    this.#deps = deps
    this.#rejudge = rejudge
    this.snapshot = rejudge.snapshot
  }

  get isOvertaken(): boolean {
    return this.#rejudge.isOvertaken
  }

  /** @returns the last id; null: there are no more. */
  async page(changed: Changed | null, after: number, signal: AbortSignal): Promise<number | null> {
    signal.throwIfAborted()
    const ids: number[] = []
    let last: number | null = after
    while (last !== null && ids.length < PAGE) {
      const found: Found = await this.#stale({ after: last, limit: IDS_AT_A_TIME })
      ids.push(...found.ids)
      last = found.last
      await turn()
      signal.throwIfAborted()
    }
    await this.#all(changed, ids, signal)
    return last
  }

  #stale(stretch: Stretch): Promise<Found> {
    return this.#deps.metadata.read((sql) =>
      staleManifests(sql, { since: sql.now() - WATCHED_MS, snapshot: this.snapshot }, stretch),
    )
  }

  /** The same for images that are in use only as parts of an index. */
  async indexes(changed: Changed | null, after: number, signal: AbortSignal): Promise<number | null> {
    signal.throwIfAborted()
    const { metadata } = this.#deps
    const { last, ids } = await metadata.read(async (sql) => {
      const stale = { since: sql.now() - WATCHED_MS, snapshot: this.snapshot }
      const indexes = await watchedIndexes(sql, stale, { after, limit: IDS_AT_A_TIME })
      return { last: indexes.last, ids: await staleUnder(sql, indexes.ids, stale) }
    })
    await turn()
    await this.#all(changed, ids, signal)
    return last
  }

  async #all(changed: Changed | null, ids: readonly number[], signal: AbortSignal): Promise<void> {
    const concerned = changed === null ? ids : await this.#concerned(ids, changed)
    let scans: NewScan[] = []
    let length = 0
    for (const some of chunks(concerned, READ_AT_A_TIME)) {
      const read = await this.#deps.metadata.read((sql) => verdictsOf(sql, some))
      scans.push(...read)
      length += read.reduce((sum, { verdicts }) => sum + verdicts.length, 0)
      await turn()
      if (length < CHARACTERS) continue
      await this.#these(scans, signal)
      scans = []
      length = 0
    }
    await this.#these(scans, signal)
  }

  async #these(scans: readonly NewScan[], signal: AbortSignal): Promise<void> {
    const stale = scans.filter(({ traits, snapshot }) => traits !== null && snapshot !== this.snapshot)
    for (const [snapshot, some] of Map.groupBy(stale, (scan) => scan.snapshot)) await this.#from(snapshot, some, signal)
  }

  async #concerned(ids: readonly number[], { packages, ecosystems }: Changed): Promise<number[]> {
    const held = await this.#held(ids, packages)
    const some = await this.#holding(ids, ecosystems)
    return ids.filter((id) => held.has(id) || some.has(id))
  }

  /** Those that were judged by that snapshot. */
  async #from(snapshot: string | null, scans: readonly NewScan[], signal: AbortSignal): Promise<void> {
    const [whole, parts] = await this.#split(scans, snapshot === null ? null : await this.#changedSince(snapshot))
    await this.#rejudge.all(parts, signal)
    for (const { manifest_id } of whole) {
      signal.throwIfAborted()
      await rematchOne(this.#deps, manifest_id)
      await turn()
    }
  }

  async #holding(ids: readonly number[], ecosystems: readonly string[]): Promise<Set<number>> {
    if (ecosystems.length === 0) return new Set()
    return new Set(await this.#deps.metadata.read((sql) => holdersOfEcosystems(sql, ids, ecosystems)))
  }

  /** Which of these packages each of these manifests holds. In the order of their ids. */
  async #held(ids: readonly number[], packages: readonly number[]): Promise<Map<number, number[]>> {
    const [first = 0, last = 0] = [ids[0], ids.at(-1)]
    const asked = new Set(ids)
    const held = new Map<number, number[]>()
    const pace = new Pace(PACKAGES)
    for (let at = 0; at < packages.length; ) {
      const some = packages.slice(at, at + pace.size)
      at += some.length
      const rows = await pace.measure(some.length, () =>
        this.#deps.metadata.read((sql) => heldBy(sql, some, { first, last })),
      )
      await turn()
      for (const { manifest_id, package_id } of rows) {
        if (!asked.has(manifest_id)) continue
        const known = held.get(manifest_id)
        if (known) known.push(package_id)
        else held.set(manifest_id, [package_id])
      }
    }
    return held
  }

  /** Those of which everything may differ, and of which only some packages. */
  async #split(scans: readonly NewScan[], changed: Changed | null): Promise<[NewScan[], ToRejudge[]]> {
    if (changed === null) return [[...scans], []]
    const ids = scans.map(({ manifest_id }) => manifest_id).sort((a, b) => a - b)
    const { packages, ecosystems } = changed
    const some = await this.#holding(ids, ecosystems)
    const held = await this.#held(ids, packages)
    const isWhole = ({ manifest_id }: NewScan): boolean => some.has(manifest_id)
    const parts = scans.filter((scan) => !isWhole(scan))
    return [scans.filter(isWhole), parts.map((scan) => ({ scan, packages: held.get(scan.manifest_id) ?? [] }))]
  }

  #changedSince(snapshot: string): Promise<Changed | null> {
    const known = this.#since.get(snapshot)
    if (known) return known
    const asked = changedSince(this.#deps.metadata, snapshot)
    this.#since.set(snapshot, asked)
    return asked
  }
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
