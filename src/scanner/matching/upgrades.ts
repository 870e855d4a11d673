import type { Severity } from '../../domain/severity.ts'
import { severityRank } from '../../domain/severity.ts'
import { subjectsOfPackage } from '../ecosystem.ts'
import type { Finding } from '../finding.ts'
import type { Package, PackageType } from '../package.ts'
import { compareIn } from '../versions/compare-in.ts'

/** One package, and the version with which all is mended in it that can be. */
export interface Upgrade {
  readonly package: Package
  readonly to: string
  /** Ids of what it mends, the worst first. */
  readonly mends: readonly string[]
  /** Of the worst of them. */
  readonly severity: Severity
  /** Where that version of it lies. */
  readonly paths: readonly string[]
}

/** What each kind of package needs at least, the most urgent first: a finding alone tells only what mends that one. */
export function upgradesOf(findings: readonly Finding[]): Upgrade[] {
  const fixed = findings.filter(({ fixedVersion }) => fixedVersion !== null)
  const groups = Map.groupBy(fixed, ({ package: { type, namespace, name, version } }) =>
    JSON.stringify([type, namespace, name, version]),
  )
  return [...groups.values()].flatMap((group) => upgrade(group) ?? []).sort(mostUrgentFirst)
}

function upgrade(group: readonly Finding[]): Upgrade | null {
  const [first] = group
  if (first === undefined) return null
  const { type, namespace, name, version } = first.package
  return {
    package: { type, namespace, name, version },
    to: highest(first, group),
    mends: [...new Set(group.map(({ id }) => id))],
    severity: group.reduce((worst, { severity }) => worse(worst, severity), first.severity),
    paths: [...new Set(group.map((one) => one.package.path))],
  }
}

/** Versions of one distribution are ordered as those of all others with its kind of package. */
const SCHEME_OF: Readonly<Partial<Record<PackageType, string>>> = { apk: 'Alpine', deb: 'Debian', rpm: 'Red Hat' }

function highest({ package: one }: Finding, group: readonly Finding[]): string {
  const compare = compareIn(SCHEME_OF[one.type] ?? subjectsOfPackage(one, null)[0]?.ecosystem ?? '')
  const versions = group.flatMap(({ fixedVersion }) => fixedVersion ?? [])
  return versions.reduce((best, next) => ((compare?.(next, best) ?? 0) > 0 ? next : best))
}

function worse(a: Severity, b: Severity): Severity {
  return severityRank(b) > severityRank(a) ? b : a
}

function mostUrgentFirst(a: Upgrade, b: Upgrade): number {
  return (
    severityRank(b.severity) - severityRank(a.severity) ||
    b.mends.length - a.mends.length ||
    (a.package.name < b.package.name ? -1 : 1)
  )
}
