import type { Severity } from '../domain/severity.ts'
import { severityOfRank, severityRank } from '../domain/severity.ts'
import type { Counts } from '../metadata/tables/scans.ts'
import type { Finding } from '../scanner/finding.ts'

/** What counts and filters need of a finding. */
export type Summary = Pick<Finding, 'id' | 'aliases' | 'covers' | 'score' | 'severity' | 'fixable'>

/** Findings of one vulnerability in several packages are one: that is what lists count. In the order of the findings. */
export function byVulnerability<T extends Pick<Finding, 'id'>>(findings: readonly T[]): (readonly [T, ...T[]])[] {
  return [...Map.groupBy(findings, ({ id }) => id).values()].flatMap(([first, ...rest]) =>
    first ? [[first, ...rest] as const] : [],
  )
}

export function countsOf(findings: readonly Summary[]): Counts {
  const tenths = new Map<string, number>()
  const fixable = new Set<string>()
  let maxSeverity = findings.length === 0 ? NONE : 0
  for (const one of findings) {
    tenths.set(one.id, Math.max(tenths.get(one.id) ?? 0, Math.round((one.score ?? 0) * 10)))
    if (one.fixable) fixable.add(one.id)
    maxSeverity = Math.max(maxSeverity, severityRank(one.severity))
  }
  const scoreTenths = [...tenths.values()].reduce((sum, one) => sum + one, 0)
  return { maxSeverity, scoreTenths, vulnerabilities: tenths.size, fixable: fixable.size }
}

const NONE = severityRank('none')

export type BandCounts = Readonly<Record<Severity, number>>

/** How many vulnerabilities are in each band, each where it is worst. */
export function bandsOf(findings: readonly Finding[]): BandCounts {
  const counts: Record<Severity, number> = { critical: 0, high: 0, medium: 0, low: 0, none: 0, unknown: 0 }
  for (const group of byVulnerability(findings))
    counts[severityOfRank(Math.max(...group.map(({ severity }) => severityRank(severity))))] += 1
  return counts
}

/** Every name by which somebody may look for what was found. */
export function namesOf(findings: readonly Summary[]): string[] {
  return [...new Set(findings.flatMap(({ id, aliases, covers }) => [id, ...aliases, ...covers]))]
}
