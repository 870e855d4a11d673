import type { Severity } from '../domain/severity.ts'
import { severityOfRank, severityRank } from '../domain/severity.ts'
import type { Counts, PackageName } from '../metadata/tables/scans.ts'
import { ecosystemOfOs, subjectsOfPackage } from '../scanner/ecosystem.ts'
import type { Inventory } from '../scanner/facts.ts'
import type { Finding } from '../scanner/finding.ts'

/** Findings of one vulnerability in several packages are one: that is what lists count. In the order of the findings. */
export function byVulnerability(findings: readonly Finding[]): (readonly [Finding, ...Finding[]])[] {
  return [...Map.groupBy(findings, ({ id }) => id).values()].flatMap(([first, ...rest]) =>
    first ? [[first, ...rest] as const] : [],
  )
}

export function countsOf(findings: readonly Finding[]): Counts {
  const groups = byVulnerability(findings)
  const tenths = groups.map((group) => Math.max(...group.map(({ score }) => Math.round((score ?? 0) * 10))))
  return {
    maxSeverity: Math.max(...findings.map(({ severity }) => severityRank(severity)), findings.length === 0 ? NONE : 0),
    scoreTenths: tenths.reduce((sum, one) => sum + one, 0),
    vulnerabilities: groups.length,
    fixable: groups.filter((group) => group.some(({ fixable }) => fixable)).length,
  }
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
export function namesOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.flatMap(({ id, aliases, covers }) => [id, ...aliases, ...covers]))]
}

/** What the image holds, as advisories name it. */
export function packageNames(inventory: Inventory): PackageName[] {
  const os = ecosystemOfOs(inventory.os)
  const names = new Map<string, PackageName>()
  for (const one of inventory.packages) {
    for (const { ecosystem, name } of one.osOwned ? [] : subjectsOfPackage(one, os))
      names.set(`${ecosystem}\0${name}`, { ecosystem, name })
  }
  return [...names.values()]
}
