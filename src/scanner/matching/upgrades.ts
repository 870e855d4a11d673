import { setImmediate as turn } from 'node:timers/promises'
import type { Severity } from '../../domain/severity.ts'
import { severityRank } from '../../domain/severity.ts'
import type { AdvisoryIndex } from '../advisories/advisory-index.ts'
import { ecosystemOfOs, subjectsOfPackage } from '../ecosystem.ts'
import type { Inventory } from '../facts.ts'
import type { Finding } from '../finding.ts'
import type { Package } from '../package.ts'
import { compareIn } from '../versions/compare-in.ts'
import type { JudgedSubject } from './judge-package.ts'
import { judgePackage, streamOf } from './judge-package.ts'

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

/** Packages after which requests have their turn. */
const AT_A_TIME = 8

/**
 * What each kind of package needs, the most urgent first: a finding alone tells only what mends that one. Where a newer line of versions has
 * flaws of its own that the older one has not, what mends them, too.
 */
export async function upgradesOf(
  os: Inventory['os'],
  findings: readonly Finding[],
  settle: Settle,
): Promise<Upgrade[]> {
  const fixed = findings.filter(({ fixedVersion }) => fixedVersion !== null)
  const upgrades: Upgrade[] = []
  for (const group of Map.groupBy(fixed, ({ package: one }) => keyOf(one)).values()) {
    const [first] = group
    const subjects = first ? subjectsOfPackage(first.package, ecosystemOfOs(os)) : []
    const fixes = group.flatMap(({ fixedVersion }) => fixedVersion ?? [])
    if (!first || !subjects[0]) continue
    const version = highest(subjects[0].ecosystem, fixes)
    const { type, namespace, name, version: from, module } = first.package
    upgrades.push({
      package: { type, namespace, name, version: from },
      to: settle(subjects.map((subject) => ({ ...subject, version, module: streamOf(module) }))),
      mends: [...new Set(group.map(({ id }) => id))],
      severity: group.reduce((worst, { severity }) => worse(worst, severity), first.severity),
      paths: [...new Set(group.map((one) => one.package.path))],
    })
    if (upgrades.length % AT_A_TIME === 0) await turn()
  }
  return upgrades.sort(mostUrgentFirst)
}

/** Of several images together. */
export function mergeUpgrades(all: readonly (readonly Upgrade[])[]): Upgrade[] {
  const groups = Map.groupBy(all.flat(), (one) => `${keyOf(one.package)}\0${one.to}`)
  return [...groups.values()]
    .flatMap((group) => (group[0] ? { ...group[0], ...togetherOf(group) } : []))
    .sort(mostUrgentFirst)
}

function togetherOf(group: readonly Upgrade[]): Pick<Upgrade, 'mends' | 'severity' | 'paths'> {
  return {
    mends: [...new Set(group.flatMap(({ mends }) => mends))],
    severity: group.map(({ severity }) => severity).reduce(worse),
    paths: [...new Set(group.flatMap(({ paths }) => paths))],
  }
}

/** Each round leads to a higher version; advisories of strangers may make many. */
const MOST_ROUNDS = 20

/** Of one package, under each name that advisories have for it: all of one version. */
type Settle = (subjects: readonly JudgedSubject[]) => string

/** That version, or the next above it of which no flaw is known that has a fix; remembered, since images have much in common. */
export function settleBy(index: AdvisoryIndex | null): Settle {
  const known = new Map<string, string>()
  return (subjects) => {
    const key = JSON.stringify(subjects)
    const version = known.get(key) ?? (index === null ? (subjects[0]?.version ?? '') : settled(subjects, index))
    known.set(key, version)
    return version
  }
}

function settled(subjects: readonly JudgedSubject[], index: AdvisoryIndex): string {
  const { ecosystem = '', version: least = '' } = subjects[0] ?? {}
  let version = least
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const at = version
    const { findings } = judgePackage(
      subjects.map((subject) => ({ ...subject, version: at })),
      index,
    )
    version = highest(ecosystem, [at, ...findings.flatMap(({ fixedVersion }) => fixedVersion ?? [])])
    if (version === at) break
  }
  return version
}

function highest(ecosystem: string, versions: readonly string[]): string {
  const compare = compareIn(ecosystem)
  return versions.reduce((best, next) => ((compare?.(next, best) ?? 0) > 0 ? next : best))
}

function keyOf({ type, namespace, name, version }: Package): string {
  return JSON.stringify([type, namespace, name, version])
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
