import type { Advisory, AdvisoryIndex, Affected, CveFacts } from '../advisories/advisory-index.ts'
import type { Subject } from '../ecosystem.ts'
import { ecosystemOfOs, isOsPackage, subjectOf } from '../ecosystem.ts'
import type { Inventory, InventoryPackage, Problem } from '../facts.ts'
import type { CannotTell, Finding, MatchResult } from '../finding.ts'
import { compareIn } from '../versions/compare-in.ts'
import { endOfLife } from './end-of-life.ts'
import { evaluate } from './evaluate.ts'
import { distinctScores, exposedScore } from './exposed-score.ts'
import { recommend } from './recommend.ts'

/** One record that says "affected" of one package. */
interface Hit {
  readonly affected: Affected
  readonly advisory: Advisory
  readonly fixedVersion: string | null
}

/**
 * Which of what the world knows concerns these packages. Touches no layer and no database but the index. `today`: milliseconds UTC;
 * `lowestLayer`: the digest of the image's first layer, for advice about its base.
 */
export function match(
  inventory: Inventory,
  index: AdvisoryIndex,
  about: { readonly today: number; readonly lowestLayer: string | null },
): MatchResult {
  const osEcosystem = ecosystemOfOs(inventory.os)
  const findings: Finding[] = []
  const cannotTell: CannotTell[] = []
  for (const one of inventory.packages) {
    if (one.osOwned) continue
    const subject = subjectOf(one, osEcosystem)
    if (subject === null) continue
    const judged = judge(one, subject, index)
    cannotTell.push(...judged.cannotTell)
    for (const group of judged.groups) findings.push(findingOf(one, subject, group, index, about.lowestLayer))
  }
  return {
    findings: findings.sort(worstFirst),
    cannotTell,
    problems: problemsOf(inventory, osEcosystem, index, about.today),
  }
}

/** What the records say of one package. */
interface Judged {
  readonly hits: Hit[]
  readonly cannotTell: CannotTell[]
  /** Ids of flaws that the vendor says do not concern this package: his word wins. */
  readonly cleared: Set<string>
}

/** Records of one flaw together, without those that the vendor says do not apply. */
function judge(one: InventoryPackage, subject: Subject, index: AdvisoryIndex) {
  const judged: Judged = { hits: [], cannotTell: [], cleared: new Set() }
  for (const affected of index.affecting(subject.ecosystem, subject.name)) {
    const advisory = isForModule(one, affected) ? index.advisory(affected.advisory) : null
    if (advisory === null) continue
    if (affected.status !== 'not_affected') judgeOne(one, subject, { affected, advisory }, judged)
    else for (const id of index.aliasGroup(affected.advisory)) judged.cleared.add(id)
  }
  const { hits, cannotTell, cleared } = judged
  const groups = Map.groupBy(hits, ({ advisory }) => index.aliasGroup(advisory.id).toSorted()[0] ?? advisory.id)
  const standing = [...groups.values()].filter((group) => !group.some(({ advisory }) => cleared.has(advisory.id)))
  const found = new Set(standing.flat().map(({ advisory }) => advisory.id))
  return {
    groups: standing,
    cannotTell: cannotTell.filter(({ advisory }) => !found.has(advisory) && !cleared.has(advisory)),
  }
}

function judgeOne(one: InventoryPackage, subject: Subject, record: Omit<Hit, 'fixedVersion'>, judged: Judged): void {
  const compare = compareIn(subject.ecosystem)
  const result = compare === null ? CANNOT_TELL : evaluate(compare, subject.version, record.affected)
  if (result.verdict === 'affected') judged.hits.push({ ...record, fixedVersion: result.fixedVersion })
  if (result.verdict !== 'cannot_tell') return
  const { id: advisory } = record.advisory
  const reason = `version ${subject.version} cannot be compared with those of ${advisory}`
  judged.cannotTell.push({ package: one, advisory, reason })
}

const CANNOT_TELL = { verdict: 'cannot_tell' } as const

/** A package of a module is compared within its stream (`nodejs:16`); one of none with entries for none (scanning.md, trap 7). */
function isForModule({ module }: InventoryPackage, affected: Affected): boolean {
  const stream = module === null ? null : module.split(':').slice(0, 2).join(':')
  return affected.module === null || affected.module === stream
}

function findingOf(
  one: InventoryPackage,
  subject: Subject,
  group: readonly Hit[],
  index: AdvisoryIndex,
  lowestLayer: string | null,
): Finding {
  const advisories = group.map(({ advisory }) => advisory)
  const ids = idsOf(advisories, index)
  const covers = [...new Set(advisories.flatMap((advisory) => advisory.covers))].filter((id) => !ids.includes(id))
  const cves = [...ids, ...covers].flatMap((id) => index.cve(id) ?? [])
  const scores = distinctScores([
    ...advisories.flatMap((advisory) => advisory.scores),
    ...cves.flatMap((cve) => cve.scores),
  ])
  const words = group.flatMap(({ affected }) => affected.vendorSeverity ?? [])
  const fixedVersion = highestFix(subject, group)
  const known = {
    package: one,
    fixable: fixedVersion !== null,
    fixedVersion,
    status: fixedVersion === null ? statusOf(group) : null,
    knownExploitedSince: earliest(cves.map((cve) => cve.knownExploitedSince)),
  }
  return {
    id: ids[0] ?? '',
    aliases: ids.slice(1),
    covers,
    ...known,
    ...exposedScore(scores, words),
    scores,
    ...textsOf(advisories, cves),
    matchedBy: advisories.map(({ id, source }) => ({ advisory: id, source })),
    epss: highestEpss(cves),
    recommendations: recommend(known, { isInLowestLayer: one.layer === lowestLayer }),
    doubt: one.doubt,
  }
}

/** All names of the flaw, the one that people search for first: the CVE's, else the advisory's own. */
function idsOf(advisories: readonly Advisory[], index: AdvisoryIndex): string[] {
  const own = advisories.map(({ id }) => id)
  const all = [...new Set([...own, ...advisories.flatMap(({ id }) => index.aliasGroup(id))])]
  const rank = (id: string): number => (id.startsWith('CVE-') ? 0 : own.includes(id) ? 1 : 2)
  return all.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** Every record's fix is reached by the highest of them. One record without a fix leaves it to the others. */
function highestFix(subject: Subject, group: readonly Hit[]): string | null {
  const compare = compareIn(subject.ecosystem)
  const fixes = group.flatMap(({ fixedVersion }) => fixedVersion ?? [])
  return fixes.reduce<string | null>(
    (best, fix) => (best === null || (compare?.(fix, best) ?? 0) > 0 ? fix : best),
    null,
  )
}

function statusOf(group: readonly Hit[]): Finding['status'] {
  const said = group.map(({ affected }) => affected.status)
  for (const status of ['wont_fix', 'deferred', 'under_investigation'] as const)
    if (said.includes(status)) return status
  return null
}

function textsOf(advisories: readonly Advisory[], cves: readonly CveFacts[]) {
  const first = <T>(values: readonly (T | null)[]): T | null => values.find((value) => value !== null) ?? null
  return {
    title: first([...advisories.map(({ summary }) => summary), ...cves.map(({ title }) => title)]),
    description: first([...advisories.map(({ details }) => details), ...cves.map(({ description }) => description)]),
    publishedAt: earliest([...advisories.map(({ publishedAt }) => publishedAt), ...cves.map((cve) => cve.publishedAt)]),
    updatedAt: latest([...advisories.map(({ modifiedAt }) => modifiedAt), ...cves.map((cve) => cve.updatedAt)]),
    references: [...new Set(advisories.flatMap(({ references }) => references))],
  }
}

function highestEpss(cves: readonly CveFacts[]): Finding['epss'] {
  const known = cves.flatMap(({ epss }) => epss ?? [])
  return known.reduce<Finding['epss']>((best, one) => (best && best.probability >= one.probability ? best : one), null)
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.min(...known)
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function worstFirst(a: Finding, b: Finding): number {
  return (b.score ?? -1) - (a.score ?? -1) || compareTexts(a.id, b.id) || compareTexts(a.package.path, b.package.path)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What makes "nothing found" mean less than it says. */
function problemsOf(inventory: Inventory, osEcosystem: string | null, index: AdvisoryIndex, today: number): Problem[] {
  const problem = (reason: string): Problem => ({ path: null, where: 'matching', reason, weight: 'partial' })
  const problems: Problem[] = []
  const { os } = inventory
  const name = os?.prettyName ?? os?.id ?? 'the operating system'
  const end = os && endOfLife(os)
  if (end !== null && end < today) {
    const day = new Date(end).toISOString().slice(0, 10)
    problems.push(
      problem(`${name} is no longer supported (since ${day}): new vulnerabilities in it are not announced any more`),
    )
  }
  if (inventory.packages.some(isOsPackage)) {
    if (osEcosystem === null)
      problems.push(problem(`there are no advisories for ${name}: its packages cannot be judged`))
    else if (!index.hasEcosystem(osEcosystem))
      problems.push(problem(`the advisories at hand have none for ${osEcosystem}`))
  }
  const languages = new Set(
    inventory.packages.flatMap((one) =>
      isOsPackage(one) || one.osOwned ? [] : (subjectOf(one, null)?.ecosystem ?? one.type),
    ),
  )
  for (const ecosystem of languages) {
    if (!index.hasEcosystem(ecosystem)) problems.push(problem(`the advisories at hand have none for ${ecosystem}`))
  }
  return problems
}
