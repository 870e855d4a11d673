import type { MetadataStore } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import type { NewVerdict } from '../metadata/tables/judged-packages.ts'
import { findPackages, internVerdicts, verdictSummaries } from '../metadata/tables/judged-packages.ts'
import type { HeldSubject, Rejudged } from '../metadata/tables/scan-batches.ts'
import { holdAll, putConsequences, putVerdicts, wakeParents } from '../metadata/tables/scan-batches.ts'
import type { NewScan } from '../metadata/tables/scans.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { ImageTraits } from '../scanner/matching/problems.ts'
import { problemsOf } from '../scanner/matching/problems.ts'
import { whyUnknown } from '../scanner/matching/verdict.ts'
import type { PackageChanges } from './differences.ts'
import { differences, packageChanges } from './differences.ts'
import { scanJob } from './jobs.ts'
import type { Pairs } from './judge.ts'
import { contentsOf } from './judge.ts'
import { judgeBy } from './package-judge.ts'
import { subjectsOfRow } from './packages.ts'
import { isScannable } from './scan-manifest.ts'
import type { Summary } from './tally.ts'
import { countsOf, namesOf } from './tally.ts'

/** An image, and which of its packages something else may be said of. */
export interface ToRejudge {
  readonly scan: NewScan
  /** Of `judged_packages`. */
  readonly packages: readonly number[]
}

/** 0: nothing is said of the package. */
interface Package {
  readonly label: string
  readonly verdict: number
}

/** Of each kind; when there are more, it begins anew. */
const MOST_REMEMBERED = 50_000

/**
 * Verdicts in the place of others, of many images at a time. Whatever many images hold is judged, compared and read once; what is
 * left for one image is arithmetic and its rows.
 */
export class Rejudge {
  readonly snapshot: string
  /** Other advisories became active: what was given since is as it was. */
  isOvertaken = false
  readonly #metadata: MetadataStore
  readonly #index: AdvisoryIndex
  readonly #packages = new Map<number, Package>()
  readonly #summaries = new Map<number, Said>()
  /** By the ids of two verdicts. */
  readonly #changes = new Map<string, PackageChanges>()

  constructor(metadata: MetadataStore, index: AdvisoryIndex) {
    this.#metadata = metadata
    this.#index = index
    this.snapshot = index.info.id
  }

  /** What somebody else judged meanwhile is left alone; so is everything once other advisories are active. */
  async all(images: readonly ToRejudge[]): Promise<void> {
    if (images.length === 0) return
    await this.#judge(images.flatMap(({ packages }) => packages))
    const pairs = images.map((one) => ({ ...one, ...this.#pairsOf(one) }))
    await this.#read(pairs.flatMap(({ old, now }) => [...old.values(), ...now.values()]))
    await this.#compare(pairs)
    const today = await this.#metadata.read(async (sql) => sql.now())
    const judged = pairs.map((one) => this.#verdict(one, today))
    const isActive = await this.#metadata.transact(
      async (sql) => {
        const held = await holdAll(
          sql,
          images.map(({ scan }) => scan.manifest_id),
        )
        if ((await activeSnapshot(sql))?.id !== this.snapshot) return false
        const places = new Map(held.filter(isScannable).map((place) => [place.manifest_id, place]))
        const written = await putVerdicts(sql, placed(judged, places), this.snapshot)
        await putConsequences(sql, written)
        await wakeParents(
          sql,
          written.map(({ manifestId }) => manifestId),
          scanJob,
        )
        return true
      },
      { durable: false }, // the job's end is, and covers all before it
    )
    this.isOvertaken ||= !isActive
  }

  /** What is said now of each of these packages. */
  async #judge(ids: readonly number[]): Promise<void> {
    const unknown = forget(this.#packages, ids)
    if (unknown.length === 0) return
    const packages = await this.#metadata.read((sql) => findPackages(sql, unknown))
    const judge = judgeBy(this.#index)
    const said = packages.map((one) => ({ one, verdict: judge.verdict(subjectsOfRow(one)) }))
    const distinct = new Map(
      said.flatMap(({ verdict }): [string, NewVerdict][] => (verdict ? [[verdict.key, verdict]] : [])),
    )
    const verdicts =
      distinct.size === 0
        ? new Map<string, number>()
        : await this.#metadata.transact((sql) => internVerdicts(sql, [...distinct.values()]), { durable: false })
    for (const { one, verdict } of said)
      this.#packages.set(one.id, { label: one.label, verdict: (verdict && verdicts.get(verdict.key)) ?? 0 })
  }

  #pairsOf({ scan, packages }: ToRejudge): { old: Map<number, number>; now: Map<number, number>; changed: number[] } {
    const old = new Map(JSON.parse(scan.verdicts) as Pairs)
    const now = new Map(old)
    for (const id of packages) {
      const verdict = this.#packages.get(id)?.verdict ?? 0
      if (verdict === 0) now.delete(id)
      else now.set(id, verdict)
    }
    return { old, now, changed: packages.filter((id) => old.get(id) !== now.get(id)) }
  }

  async #read(ids: readonly number[]): Promise<void> {
    const unknown = forget(this.#summaries, ids)
    if (unknown.length === 0) return
    const rows = await this.#metadata.read((sql) => verdictSummaries(sql, unknown))
    for (const { id, summary } of rows) {
      const findings = JSON.parse(summary) as Summary[]
      this.#summaries.set(id, { findings, names: new Set(namesOf(findings)) })
    }
  }

  /** What a reader would notice where something else is said of a package than before. */
  async #compare(images: readonly Compared[]): Promise<void> {
    const pairs = new Map<string, readonly [number, number]>()
    for (const { old, now, changed } of images)
      for (const id of changed) {
        const pair = [old.get(id) ?? 0, now.get(id) ?? 0] as const
        if (!this.#changes.has(pair.join())) pairs.set(pair.join(), pair)
      }
    if (pairs.size === 0) return
    if (this.#changes.size > MOST_REMEMBERED) this.#changes.clear()
    const contents = await this.#metadata.read((sql) => contentsOf(sql, [...pairs.values()].flat()))
    const isKnown = (advisory: string): boolean => this.#index.advisory(advisory) !== null
    for (const [key, [before, after]] of pairs)
      this.#changes.set(key, packageChanges(contents.get(before) ?? null, contents.get(after) ?? null, isKnown))
  }

  #verdict({ scan, old, now, changed }: Compared, today: number): Omit<Rejudged, 'repositoryId' | 'registryId'> {
    const summaries = this.#summariesOf(now)
    const problems = problemsOf(JSON.parse(scan.traits ?? 'null') as ImageTraits, this.#index, today)
    const reason = whyUnknown(summaries.length, problems)
    const status = reason === null ? 'scanned' : 'unknown'
    const packages = changed.map((id) => ({
      label: this.#packages.get(id)?.label ?? '',
      changes: this.#changes.get(`${old.get(id) ?? 0},${now.get(id) ?? 0}`) ?? NO_CHANGES,
    }))
    const changes = differences(scan, { status, reason }, packages)
    const isSame = changed.length === 0 && scan.status === status
    return {
      manifestId: scan.manifest_id,
      before: scan,
      now: { status, reason, problems: JSON.stringify(problems), verdicts: JSON.stringify([...now]) },
      counts: isSame ? undefined : status === 'scanned' ? countsOf(summaries) : null,
      ...this.#names(scan.status === 'scanned' ? old : NOBODY, status === 'scanned' ? now : NOBODY),
      changes: changes && JSON.stringify({ snapshot: this.snapshot, ...changes }),
    }
  }

  #summariesOf(pairs: ReadonlyMap<number, number>): Summary[] {
    return [...pairs.values()].flatMap((id) => this.#summaries.get(id)?.findings ?? [])
  }

  /** Which names came and went. Most verdicts are the same: those that went are looked for among them, and not all put together. */
  #names(old: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>) {
    const said = (these: ReadonlyMap<number, number>) =>
      [...these.values()].flatMap((id) => this.#summaries.get(id) ?? [])
    const other = (these: ReadonlyMap<number, number>, those: ReadonlyMap<number, number>) =>
      new Set(
        [...these].flatMap(([id, verdict]) =>
          those.get(id) === verdict ? [] : [...(this.#summaries.get(verdict)?.names ?? [])],
        ),
      )
    const [gone, come] = [other(old, now), other(now, old)]
    const all = gone.size === 0 ? [] : said(now)
    return {
      added: [...come.difference(gone)],
      removed: [...gone].filter((name) => !all.some(({ names }) => names.has(name))),
    }
  }
}

interface Said {
  readonly findings: readonly Summary[]
  readonly names: ReadonlySet<string>
}

const NOBODY: ReadonlyMap<number, number> = new Map()

interface Compared extends ToRejudge {
  /** Verdicts by package. */
  readonly old: ReadonlyMap<number, number>
  readonly now: ReadonlyMap<number, number>
  readonly changed: readonly number[]
}

const NO_CHANGES: PackageChanges = { appeared: [], vanished: [], rescored: [] }

/** Which of these are not remembered; where there is too much, everything is forgotten first. */
function forget(remembered: Map<number, unknown>, ids: readonly number[]): number[] {
  if (remembered.size > MOST_REMEMBERED) remembered.clear()
  return [...new Set(ids)].filter((id) => !remembered.has(id))
}

function placed(
  judged: readonly Omit<Rejudged, 'repositoryId' | 'registryId'>[],
  places: ReadonlyMap<number, HeldSubject>,
): Rejudged[] {
  return judged.flatMap((one) => {
    const place = places.get(one.manifestId)
    return place ? [{ ...one, repositoryId: place.repository_id, registryId: place.registry_id }] : []
  })
}
