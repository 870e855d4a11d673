import { DomainError } from '../domain/error.ts'
import type { Severity } from '../domain/severity.ts'
import { severityRank } from '../domain/severity.ts'
import { findScan, manifestsOfSight } from '../metadata/tables/scans.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { Finding } from '../scanner/finding.ts'
import { distinctScores, exposedScore } from '../scanner/matching/exposed-score.ts'
import type { Package } from '../scanner/package.ts'
import type { Advisories } from './advisories.ts'
import { wholeOf } from './combine.ts'
import type { Actor, ScansDeps } from './deps.ts'
import type { ArtifactPlace } from './place.ts'
import { findingsIn } from './report.ts'
import { byVulnerability } from './tally.ts'

/** One vulnerability, in all packages that it was found in. */
export interface VulnerabilityView {
  readonly id: string
  readonly description: string
  readonly recommendations: readonly string[]
  readonly source: { readonly id: string | null; readonly url: string | null }
  readonly fixable: boolean
  readonly affects: readonly Package[]
  readonly references: readonly string[]
  readonly severity: Severity
  /** Null: no source gives one. */
  readonly score: number | null
  readonly publishedAt: number | null
  readonly updatedAt: number | null
}

export type VulnerabilityOrder = 'score' | 'severity' | 'publishedAt' | 'updatedAt' | 'fixable'

export interface VulnerabilityQuery {
  readonly orderBy: VulnerabilityOrder
  readonly descending: boolean
  readonly severity: Severity | null
  readonly fixable: boolean | null
  readonly offset: number
  readonly limit: number
}

/** Of one artifact. Equal ones are in the order of their ids. @throws `not_found` */
export async function vulnerabilitiesOf(
  deps: ScansDeps & { readonly advisories: Advisories },
  actor: Actor,
  place: ArtifactPlace,
  query: VulnerabilityQuery,
): Promise<{ vulnerabilities: VulnerabilityView[]; more: boolean }> {
  const findings = await findingsIn(deps, actor, place)
  const { severity, fixable, orderBy, descending, offset, limit } = query
  const way = descending ? -1 : 1
  const all = byVulnerability(findings)
    .map(viewOf)
    .filter((one) => severity === null || one.severity === severity)
    .filter((one) => fixable === null || one.fixable === fixable)
    .sort((a, b) => way * (KEYS[orderBy](a) - KEYS[orderBy](b)) || (a.id < b.id ? -1 : 1))
  return { vulnerabilities: all.slice(offset, offset + limit), more: all.length > offset + limit }
}

const KEYS: Readonly<Record<VulnerabilityOrder, (one: VulnerabilityView) => number>> = {
  score: ({ score }) => score ?? -1,
  severity: ({ severity }) => severityRank(severity),
  publishedAt: ({ publishedAt }) => publishedAt ?? 0,
  updatedAt: ({ updatedAt }) => updatedAt ?? 0,
  fixable: ({ fixable }) => Number(fixable),
}

/** Images that are looked at for what a vulnerability affects. */
const MOST_IMAGES = 20

/** What is known of it, and which packages of one's own images it affects. @throws `not_found` */
export async function vulnerability(
  deps: ScansDeps & { readonly advisories: Advisories },
  actor: Actor,
  id: string,
): Promise<VulnerabilityView> {
  const found = await deps.metadata.read(async (sql) => {
    const findings: Finding[] = []
    for (const manifestId of await manifestsOfSight(sql, actor, id, MOST_IMAGES)) {
      const scan = await findScan(sql, manifestId)
      findings.push(...((scan && wholeOf(scan).result?.findings) ?? []).filter((one) => isNamed(one, id)))
    }
    return findings
  })
  const [group] = byVulnerability(found)
  if (group) return { ...viewOf(group), id }
  const index = await deps.advisories.current()
  const known = index && knownOf(index, id)
  if (known) return known
  throw new DomainError('not_found', `vulnerability "${id.slice(0, 100)}" is not known here`)
}

function isNamed({ id, aliases, covers }: Finding, asked: string): boolean {
  return id === asked || aliases.includes(asked) || covers.includes(asked)
}

function viewOf(group: readonly [Finding, ...Finding[]]): VulnerabilityView {
  const [first] = group
  const worst = group.reduce((a, b) => (severityRank(b.severity) > severityRank(a.severity) ? b : a))
  const scores = group.flatMap(({ score }) => score ?? [])
  const references = [...new Set(group.flatMap((one) => one.references))]
  const packages = group.map(({ package: { type, namespace, name, version } }) => ({ type, namespace, name, version }))
  return {
    id: first.id,
    description: first.description ?? first.title ?? '',
    recommendations: [...new Set(group.flatMap(({ recommendations }) => recommendations))],
    source: { id: first.matchedBy[0]?.source ?? null, url: urlOf(first.id, references) },
    fixable: group.some(({ fixable }) => fixable),
    affects: [...new Map(packages.map((one) => [JSON.stringify(one), one])).values()],
    references,
    severity: worst.severity,
    score: scores.length === 0 ? null : Math.max(...scores),
    publishedAt: first.publishedAt,
    updatedAt: first.updatedAt,
  }
}

function urlOf(id: string, references: readonly string[]): string | null {
  return references.find((url) => url.includes(id)) ?? references[0] ?? null
}

/** From the advisories alone: no image of whoever asks has it. */
function knownOf(index: AdvisoryIndex, id: string): VulnerabilityView | null {
  const names = index.aliasGroup(id)
  const advisories = names.flatMap((name) => index.advisory(name) ?? [])
  const cves = names.flatMap((name) => index.cve(name) ?? [])
  const [advisory, cve] = [advisories[0], cves[0]]
  if (!advisory && !cve) return null
  const references = [...new Set(advisories.flatMap((one) => one.references))]
  const scores = distinctScores([...advisories, ...cves].flatMap((one) => one.scores))
  return {
    id,
    description: advisory?.details ?? cve?.description ?? advisory?.summary ?? cve?.title ?? '',
    recommendations: ['None of your images is known to have it.'],
    source: { id: advisory?.source ?? null, url: urlOf(id, references) },
    fixable: false,
    affects: [],
    references,
    ...exposedScore(scores, []),
    publishedAt: advisory?.publishedAt ?? cve?.publishedAt ?? null,
    updatedAt: advisory?.modifiedAt ?? cve?.updatedAt ?? null,
  }
}
