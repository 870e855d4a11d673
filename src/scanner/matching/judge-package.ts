import type { Advisory, AdvisoryIndex, Affected, CveFacts } from '../advisories/advisory-index.ts'
import { ANY_MODULE, NO_MODULE } from '../advisories/advisory-index.ts'
import type { Subject } from '../ecosystem.ts'
import type { Finding } from '../finding.ts'
import { compareIn } from '../versions/compare-in.ts'
import { evaluate } from './evaluate.ts'
import { distinctScores, exposedScore } from './exposed-score.ts'
import { urgencyOf } from './urgency.ts'

/** What is judged, whatever image holds it. */
export interface JudgedSubject extends Subject {
  /** An rpm's module stream, `nodejs:16`; null: of no module. */
  readonly module: string | null
}

/** A finding without what only an image knows of it. */
export type PackageFinding = Omit<Finding, 'package' | 'recommendations' | 'doubt'>

/** What is known of one version of one package: of it alone, so it is the same in every image. */
export interface PackageVerdict {
  readonly findings: readonly PackageFinding[]
  readonly cannotTell: readonly { readonly advisory: string; readonly reason: string }[]
}

/** Advisories may know a package by several names: what is said of more than one of them is told once. */
export function judgePackage(subjects: readonly JudgedSubject[], index: AdvisoryIndex): PackageVerdict {
  const findings = new Map<string, PackageFinding>()
  const cannotTell: PackageVerdict['cannotTell'][number][] = []
  for (const subject of subjects) {
    const judged = judge(subject, index)
    cannotTell.push(...judged.cannotTell)
    for (const found of judged.groups.map((group) => findingOf(subject, group, index)))
      if (!findings.has(found.id)) findings.set(found.id, found)
  }
  return { findings: [...findings.values()], cannotTell }
}

/** A package of a module is compared within its stream (`nodejs:16`), whichever build of it (scanning.md, trap 7). */
export function streamOf(module: string | null): string | null {
  return module === null ? null : module.split(':').slice(0, 2).join(':')
}

/** One record that says "affected" of one package. */
interface Hit {
  readonly affected: Affected
  readonly advisory: Advisory
  readonly fixedVersion: string | null
}

/** What the records say of one package. */
interface Judged {
  readonly hits: Hit[]
  readonly cannotTell: { readonly advisory: string; readonly reason: string }[]
  /** Ids of flaws that the vendor says do not concern this package: his word wins. */
  readonly cleared: Set<string>
}

/** Records of one flaw together, without those that the vendor says do not apply. */
function judge(subject: JudgedSubject, index: AdvisoryIndex) {
  const judged: Judged = { hits: [], cannotTell: [], cleared: new Set() }
  for (const affected of index.affecting(subject.ecosystem, subject.name)) {
    const advisory = isForModule(subject, affected) ? index.advisory(affected.advisory) : null
    if (advisory === null) continue
    if (affected.status !== 'not_affected') judgeOne(subject, { affected, advisory }, judged)
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

function judgeOne(subject: JudgedSubject, record: Omit<Hit, 'fixedVersion'>, judged: Judged): void {
  const compare = compareIn(subject.ecosystem)
  const result = compare === null ? CANNOT_TELL : evaluate(compare, subject.version, record.affected)
  if (result.verdict === 'affected') judged.hits.push({ ...record, fixedVersion: result.fixedVersion })
  if (result.verdict !== 'cannot_tell') return
  const { id: advisory } = record.advisory
  const reason = `version ${subject.version} cannot be compared with those of ${advisory}`
  judged.cannotTell.push({ advisory, reason })
}

const CANNOT_TELL = { verdict: 'cannot_tell' } as const

/** A package of a module answers to entries for its stream, one of none to entries for none. */
function isForModule({ module }: JudgedSubject, affected: Affected): boolean {
  if (affected.module === null) return true
  if (affected.module === ANY_MODULE) return module !== null
  return affected.module === (module ?? NO_MODULE)
}

function findingOf(subject: JudgedSubject, group: readonly Hit[], index: AdvisoryIndex): PackageFinding {
  const advisories = group.map(({ advisory }) => advisory)
  const ids = idsOf(advisories, index)
  const covers = [...new Set(advisories.flatMap((advisory) => advisory.covers))].filter((id) => !ids.includes(id))
  const cves = [...ids, ...covers].flatMap((id) => index.cve(id) ?? [])
  const scores = distinctScores([
    ...group.flatMap(({ affected }) => affected.scores ?? []),
    ...advisories.flatMap((advisory) => advisory.scores),
    ...cves.flatMap((cve) => cve.scores),
  ])
  const words = group.flatMap(({ affected }) => affected.vendorSeverity ?? [])
  const fixedVersion = highestFix(subject, group)
  return {
    id: ids[0] ?? '',
    aliases: ids.slice(1),
    covers,
    fixable: fixedVersion !== null,
    fixedVersion,
    status: fixedVersion === null ? statusOf(group) : null,
    ...exposedScore(scores, words),
    scores,
    ...textsOf(advisories, cves),
    matchedBy: advisories.map(({ id, source }) => ({ advisory: id, source })),
    ...urgencyOf(cves),
  }
}

/** All names of the flaw, the one that people search for first: the CVE's, else the advisory's own (`XSA-7` before `ALPINE-XSA-7`). */
function idsOf(advisories: readonly Advisory[], index: AdvisoryIndex): string[] {
  const own = advisories.map(({ id }) => id)
  const all = [...new Set([...own, ...advisories.flatMap(({ id }) => index.aliasGroup(id))])]
  const isPrefixed = (id: string): boolean => all.some((other) => other !== id && id.endsWith(`-${other}`))
  const isOwn = (id: string): boolean => own.some((one) => one === id || one.endsWith(`-${id}`))
  const rank = (id: string): number => (id.startsWith('CVE-') ? 0 : isPrefixed(id) ? 2 : isOwn(id) ? 1 : 3)
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

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.min(...known)
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}
