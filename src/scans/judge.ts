import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { NewVerdict } from '../metadata/tables/judged-packages.ts'
import { findPackages, internPackages, internVerdicts, verdictContents } from '../metadata/tables/judged-packages.ts'
import type { NewScan, ScanSubject } from '../metadata/tables/scans.ts'
import {
  addHistory,
  countNotApplicable,
  countScan,
  findVerdict,
  holdScanned,
  parentsOf,
  putImagePackages,
  putImageVulnerabilities,
  putInventory,
  putScan,
} from '../metadata/tables/scans.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { Inventory } from '../scanner/facts.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import type { PackageVerdict } from '../scanner/matching/judge-package.ts'
import { problemsOf, traitsOf } from '../scanner/matching/problems.ts'
import { NO_ADVISORIES, whyUnjudgeable, whyUnknown } from '../scanner/matching/verdict.ts'
import type { Advisories } from './advisories.ts'
import type { ScansDeps } from './deps.ts'
import { differences, packageChanges } from './differences.ts'
import { scanJob } from './jobs.ts'
import { Slices } from './pace.ts'
import { judgeBy } from './package-judge.ts'
import type { Interned } from './packages.ts'
import { packagesOf } from './packages.ts'
import { pack, unpack } from './packed.ts'
import type { Summary } from './tally.ts'
import { countsOf, namesOf } from './tally.ts'

/** What was read of an image, now or earlier; without an inventory, why not. */
export type Evidence =
  | { readonly inventory: Inventory; readonly lowestLayer: string | null; readonly isNew: boolean }
  | {
      readonly inventory: null
      readonly status: 'unknown' | 'not_applicable'
      readonly reason: string
      /** It was not even looked at. */
      readonly isGivenUp?: true
    }

/**
 * Judges an image by the advisories of now and writes the verdict, with all that lists and filters show of it, in one
 * transaction. If others were installed meanwhile, it is judged again.
 */
export async function judge(
  deps: ScansDeps & { readonly advisories: Advisories },
  subject: ScanSubject,
  evidence: Evidence,
): Promise<void> {
  for (;;) {
    const index = await deps.advisories.current()
    const at = await deps.metadata.read(async (sql) => sql.now())
    const judged = await judgeAll(evidence, index, at)
    const written = await deps.metadata.transact(async (sql) => {
      if (!(await holdScanned(sql, subject.manifest_id))) return true
      const active = await activeSnapshot(sql)
      if ((active?.id ?? null) !== (index?.info.id ?? null)) return false
      await write(sql, subject, evidence, judged)
      return true
    })
    if (written) return
  }
}

/** A verdict that is not written yet. */
interface Judged extends Pick<NewScan, 'status' | 'reason' | 'traits' | 'problems'> {
  readonly index: AdvisoryIndex | null
  /** All that it holds, and what is said of it. */
  readonly packages: readonly { readonly one: Interned; readonly verdict: NewVerdict | null }[]
  readonly summaries: readonly Summary[]
}

/** In slices: a large image takes longer than a request should wait. */
async function judgeAll(evidence: Evidence, index: AdvisoryIndex | null, today: number): Promise<Judged> {
  const nothing = { traits: null, problems: '[]', index, packages: [], summaries: [] }
  if (evidence.inventory === null) return { ...nothing, status: evidence.status, reason: evidence.reason }
  const { inventory } = evidence
  const never = whyUnjudgeable(inventory)
  if (never !== null) return { ...nothing, status: 'unknown', reason: never }
  const traits = traitsOf(inventory)
  const packages: { one: Interned; verdict: NewVerdict | null }[] = []
  const slices = new Slices()
  for (const one of packagesOf(inventory)) {
    packages.push({ one, verdict: index && judgeBy(index).verdict(one.subjects) })
    await slices.step()
  }
  const summaries = packages.flatMap(({ verdict }) => (verdict ? (JSON.parse(verdict.summary) as Summary[]) : []))
  const problems = index ? problemsOf(traits, index, today) : []
  const reason = index ? whyUnknown(summaries.length, problems) : NO_ADVISORIES
  return {
    ...{ status: reason === null ? 'scanned' : 'unknown', reason, index, packages, summaries },
    ...{ traits: JSON.stringify(traits), problems: JSON.stringify(problems) },
  }
}

async function write(sql: Transaction, subject: ScanSubject, evidence: Evidence, judged: Judged): Promise<void> {
  const { manifest_id: manifestId, repository_id: repositoryId, registry_id: registryId } = subject
  const before = await findVerdict(sql, manifestId)
  const at = sql.now()
  const ids = await internPackages(
    sql,
    judged.packages.map(({ one }) => one.row),
  )
  const now: NewScan = {
    manifest_id: manifestId,
    ...{ status: judged.status, reason: judged.reason, traits: judged.traits, problems: judged.problems },
    scanned_at: at,
    analyzer_version: versionOf(evidence),
    snapshot: judged.index?.info.id ?? null,
    lowest_layer: evidence.inventory === null ? null : evidence.lowestLayer,
    verdicts: JSON.stringify(await pairsOf(sql, judged, ids)),
  }
  await putScan(sql, now)
  if (evidence.inventory === null || evidence.isNew) {
    await putInventory(sql, manifestId, evidence.inventory && pack(evidence.inventory))
    await putImagePackages(sql, manifestId, [...ids.values()])
  }
  const counted = judged.status === 'scanned' ? judged.summaries : []
  await putImageVulnerabilities(sql, { manifestId, registryId }, namesOf(counted))
  if (judged.status === 'not_applicable') await countNotApplicable(sql, { manifestId, repositoryId })
  else await countScan(sql, { manifestId, repositoryId, at }, judged.status === 'scanned' ? countsOf(counted) : null)
  await keepHistory(sql, before, now, judged.index)
  for (const parent of await parentsOf(sql, repositoryId, subject.digest)) await insertJob(sql, scanJob(parent))
}

function versionOf(evidence: Evidence): number {
  return evidence.inventory === null && evidence.isGivenUp ? 0 : ANALYZER_VERSION
}

async function pairsOf(sql: Transaction, { packages }: Judged, ids: ReadonlyMap<string, number>): Promise<Pairs> {
  const said = packages.flatMap(({ one, verdict }) => (verdict ? [{ key: one.row.key, verdict }] : []))
  const distinct = new Map(said.map(({ verdict }) => [verdict.key, verdict]))
  const verdicts = await internVerdicts(sql, [...distinct.values()])
  return said.map(({ key, verdict }) => [ids.get(key) ?? 0, verdicts.get(verdict.key) ?? 0] as const)
}

/** Ids of a package and of what is said of it. */
export type Pairs = readonly (readonly [packageId: number, verdictId: number])[]

/** What changed since the verdict before this one. */
async function keepHistory(
  sql: Transaction,
  before: NewScan | null,
  now: NewScan,
  index: AdvisoryIndex | null,
): Promise<void> {
  if (before === null || now.status === 'not_applicable') return
  const [old, said] = [before, now].map(({ verdicts }) => new Map(JSON.parse(verdicts) as Pairs))
  const ids = [...new Set([...(old?.keys() ?? []), ...(said?.keys() ?? [])])].filter(
    (id) => old?.get(id) !== said?.get(id),
  )
  const contents = await contentsOf(
    sql,
    ids.flatMap((id) => [old?.get(id) ?? [], said?.get(id) ?? []].flat()),
  )
  const contentOf = (id: number | undefined) => (id === undefined ? null : (contents.get(id) ?? null))
  const isKnown = (advisory: string) => index !== null && index.advisory(advisory) !== null
  const packages = (await findPackages(sql, ids)).map(({ id, label }) => ({
    label,
    changes: packageChanges(contentOf(old?.get(id)), contentOf(said?.get(id)), isKnown),
  }))
  const changes = differences(before, now, packages)
  if (changes !== null)
    await addHistory(sql, now.manifest_id, JSON.stringify({ snapshot: index?.info.id ?? null, ...changes }))
}

export async function contentsOf(sql: Reader, ids: readonly number[]): Promise<Map<number, PackageVerdict>> {
  const rows = await verdictContents(sql, [...new Set(ids)])
  return new Map(rows.map(({ id, content }) => [id, unpack<PackageVerdict>(content).value]))
}
