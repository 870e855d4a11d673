import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import type { JudgedPackage, NewVerdict } from '../metadata/tables/judged-packages.ts'
import { findPackages, internVerdicts, verdictSummaries } from '../metadata/tables/judged-packages.ts'
import type { HeldSubject, Rejudged } from '../metadata/tables/scan-batches.ts'
import { holdAll, putConsequences, putVerdicts, wakeParents } from '../metadata/tables/scan-batches.ts'
import type { NewScan } from '../metadata/tables/scans.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { ImageTraits } from '../scanner/matching/problems.ts'
import { problemsOf } from '../scanner/matching/problems.ts'
import { whyUnknown } from '../scanner/matching/verdict.ts'
import { chunks } from './changed-packages.ts'
import type { Said } from './counter.ts'
import { Counter } from './counter.ts'
import type { PackageChanges } from './differences.ts'
import { differences, packageChanges } from './differences.ts'
import { scanJob } from './jobs.ts'
import type { Pairs } from './judge.ts'
import { contentsOf } from './judge.ts'
import { Pace, Slices } from './pace.ts'
import { judgeBy } from './package-judge.ts'
import { subjectsOfRow } from './packages.ts'
import { isScannable } from './scan-manifest.ts'
import type { Summary } from './tally.ts'

/** An image, and which of its packages something else may be said of. */
export interface ToRejudge {
  readonly scan: NewScan
  /** Of `judged_packages`. */
  readonly packages: readonly number[]
}

interface OfState {
  readonly state: string
  readonly image: ToRejudge
}

/** 0: nothing is said of the package. */
interface Package {
  readonly label: string
  readonly verdict: number
}

/** Of each kind; when there are more, it begins anew. */
const MOST_REMEMBERED = 50_000
/** Of verdicts that are read, or written, by one statement. */
const TOGETHER = 50

/**
 * Verdicts in the place of others, of many images at a time. Whatever many images hold is judged, compared and read once, and so
 * is what follows for images that are alike; what is left for one image is its rows.
 */
export class Rejudge {
  readonly snapshot: string
  /** Other advisories became active: what was given since is as it was. */
  isOvertaken = false
  readonly #metadata: MetadataStore
  readonly #index: AdvisoryIndex
  readonly #packages = new Map<number, Package>()
  readonly #said = new Map<number, Said>()
  #counter = new Counter()
  /** By the ids of two verdicts. */
  readonly #changes = new Map<string, PackageChanges>()
  readonly #slices = new Slices()
  /** Of images in one transaction: nobody else writes meanwhile (SQLite), and the process answers nobody. */
  readonly #pace = new Pace({ first: 20, most: 100 })

  constructor(metadata: MetadataStore, index: AdvisoryIndex) {
    this.#metadata = metadata
    this.#index = index
    this.snapshot = index.info.id
  }

  /** What somebody else judged meanwhile is left alone; so is everything once other advisories are active. */
  async all(images: readonly ToRejudge[], signal: AbortSignal): Promise<void> {
    await this.#judge(images.flatMap(({ packages }) => packages)) // all at once: few statements
    const inOrder = await this.#alikeTogether(images)
    for (let at = 0; at < inOrder.length && !this.isOvertaken; ) {
      signal.throwIfAborted()
      const batch = inOrder.slice(at, at + this.#pace.size)
      at += batch.length
      const judged = await this.#judged(new Map(batch.map(({ state, image }) => [state, image])))
      await this.#slices.end() // requests have their turn
      const isActive = await this.#pace.measure(batch.length, () => this.#write(batch, judged))
      this.isOvertaken ||= !isActive
      await this.#slices.end()
    }
  }

  /** One after the other: names of images that are alike are neighbours in the tables. */
  async #alikeTogether(images: readonly ToRejudge[]): Promise<OfState[]> {
    const alike = new Map<string, ToRejudge[]>()
    for (const image of images) {
      const state = stateKey(image)
      const known = alike.get(state)
      if (known) known.push(image)
      else alike.set(state, [image])
      await this.#slices.step()
    }
    return [...alike].flatMap(([state, some]) => some.map((image) => ({ state, image })))
  }

  /** One of each that are alike. */
  async #judged(images: ReadonlyMap<string, ToRejudge>): Promise<Map<string, Judged>> {
    await this.#judge([...images.values()].flatMap(({ packages }) => packages))
    const pairs = [...images].map(([state, one]) => ({ state, ...one, ...this.#pairsOf(one) }))
    await this.#slices.step()
    await this.#read(pairs.flatMap(({ old, now }) => [...old.values(), ...now.values()]))
    await this.#compare(pairs)
    const today = await this.#metadata.read(async (sql) => sql.now())
    const judged = new Map<string, Judged>()
    for (const one of pairs) {
      judged.set(one.state, this.#verdict(one, today))
      await this.#slices.step()
    }
    return judged
  }

  /** @returns whether these advisories are those that count; otherwise nothing is written. */
  async #write(batch: readonly OfState[], judged: ReadonlyMap<string, Judged>): Promise<boolean> {
    const ids = batch.map(({ image }) => image.scan.manifest_id)
    const transaction = async (sql: Transaction): Promise<boolean> => {
      const held = await holdAll(sql, ids)
      if ((await activeSnapshot(sql))?.id !== this.snapshot) return false
      const places = new Map(held.filter(isScannable).map((place) => [place.manifest_id, place]))
      const all = batch.flatMap(({ state, image: { scan } }) => placed(scan, judged.get(state), places))
      const written = await putVerdicts(sql, all, this.snapshot)
      await putConsequences(sql, written)
      await wakeParents(
        sql,
        written.map(({ manifestId }) => manifestId),
        scanJob,
      )
      return true
    }
    return await this.#metadata.transact(transaction, { durable: false }) // the job's end is, and covers all before it
  }

  /** What is said now of each of these packages. */
  async #judge(ids: readonly number[]): Promise<void> {
    for (const unknown of chunks(forget(this.#packages, ids), TOGETHER)) {
      const packages = await this.#metadata.read((sql) => findPackages(sql, unknown))
      const judge = judgeBy(this.#index)
      const said: { one: JudgedPackage; verdict: NewVerdict | null }[] = []
      for (const one of packages) {
        said.push({ one, verdict: judge.verdict(subjectsOfRow(one)) })
        await this.#slices.step()
      }
      const distinct = new Map(
        said.flatMap(({ verdict }): [string, NewVerdict][] => (verdict ? [[verdict.key, verdict]] : [])),
      )
      const verdicts =
        distinct.size === 0
          ? new Map<string, number>()
          : await this.#metadata.transact((sql) => internVerdicts(sql, [...distinct.values()]), { durable: false })
      for (const { one, verdict } of said)
        this.#packages.set(one.id, { label: one.label, verdict: (verdict && verdicts.get(verdict.key)) ?? 0 })
      await this.#slices.step()
    }
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
    const unknown = forget(this.#said, ids)
    if (this.#said.size === 0) this.#counter = new Counter()
    for (const some of chunks(unknown, TOGETHER)) {
      const rows = await this.#metadata.read((sql) => verdictSummaries(sql, some))
      for (const { id, summary } of rows) {
        this.#said.set(id, this.#counter.said(JSON.parse(summary) as Summary[]))
        await this.#slices.step()
      }
    }
  }

  /** What a reader would notice where something else is said of a package than before. */
  async #compare(images: readonly Compared[]): Promise<void> {
    const pairs = new Map<string, readonly [number, number]>()
    if (this.#changes.size > MOST_REMEMBERED) this.#changes.clear()
    for (const { old, now, changed } of images)
      for (const id of changed) {
        const pair = [old.get(id) ?? 0, now.get(id) ?? 0] as const
        const key = `${pair[0]},${pair[1]}`
        if (!this.#changes.has(key)) pairs.set(key, pair)
      }
    const isKnown = (advisory: string): boolean => this.#index.advisory(advisory) !== null
    for (const [key, [before, after]] of pairs) {
      const contents = await this.#metadata.read((sql) => contentsOf(sql, [before, after]))
      this.#changes.set(key, packageChanges(contents.get(before) ?? null, contents.get(after) ?? null, isKnown))
      await this.#slices.step()
    }
  }

  #verdict({ scan, old, now, changed }: Compared, today: number): Judged {
    const said = this.#saidOf(now)
    const problems = problemsOf(JSON.parse(scan.traits ?? 'null') as ImageTraits, this.#index, today)
    const reason = whyUnknown(
      said.reduce((sum, { ids }) => sum + ids.length, 0),
      problems,
    )
    const status = reason === null ? 'scanned' : 'unknown'
    const packages = changed.map((id) => ({
      label: this.#packages.get(id)?.label ?? '',
      changes: this.#changes.get(`${old.get(id) ?? 0},${now.get(id) ?? 0}`) ?? NO_CHANGES,
    }))
    const changes = differences(scan, { status, reason }, packages)
    const isSame = changed.length === 0 && scan.status === status
    return {
      now: { status, reason, problems: JSON.stringify(problems), verdicts: JSON.stringify([...now]) },
      counts: isSame ? undefined : status === 'scanned' ? this.#counter.countsOf(said) : null,
      ...this.#names(scan.status === 'scanned' ? old : NOBODY, status === 'scanned' ? now : NOBODY),
      changes: changes && JSON.stringify({ snapshot: this.snapshot, ...changes }),
    }
  }

  #saidOf(pairs: ReadonlyMap<number, number>): Said[] {
    return [...pairs.values()].flatMap((id) => this.#said.get(id) ?? [])
  }

  /** Which names came and went. Most verdicts are the same: those that went are looked for among them, and not all put together. */
  #names(old: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>) {
    const other = (these: ReadonlyMap<number, number>, those: ReadonlyMap<number, number>) =>
      new Set(
        [...these].flatMap(([id, verdict]) =>
          those.get(id) === verdict ? [] : [...(this.#said.get(verdict)?.names ?? [])],
        ),
      )
    const [gone, come] = [other(old, now), other(now, old)]
    const all = gone.size === 0 ? [] : this.#saidOf(now)
    return {
      added: [...come.difference(gone)],
      removed: [...gone].filter((name) => !all.some(({ names }) => names.has(name))),
    }
  }
}

/** All that decides what is said of an image now. */
function stateKey({ scan: { status, reason, traits, verdicts }, packages }: ToRejudge): string {
  return JSON.stringify([status, reason, traits, packages.join(), verdicts])
}

const NOBODY: ReadonlyMap<number, number> = new Map()

/** Of one image, or of all that are alike. */
type Judged = Pick<Rejudged, 'now' | 'counts' | 'added' | 'removed' | 'changes'>

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

function placed(scan: NewScan, judged: Judged | undefined, places: ReadonlyMap<number, HeldSubject>): Rejudged[] {
  const place = places.get(scan.manifest_id)
  if (judged === undefined || place === undefined) return []
  const { manifest_id: manifestId, repository_id: repositoryId, registry_id: registryId } = place
  return [{ ...judged, manifestId, repositoryId, registryId, before: scan }]
}
