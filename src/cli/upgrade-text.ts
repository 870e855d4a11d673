import { writtenName } from '../scanner/matching/names.ts'
import { printable } from './printable.ts'
import type { ReportInfo } from './scan-plane.ts'
import { table } from './table.ts'

type Finding = ReportInfo['findings'][number]
type Package = Pick<Finding['package'], 'type' | 'namespace' | 'name' | 'version'>

/** What to do about these findings together: the recommendations of each would say the same a hundred times. */
export function adviceOn(findings: readonly Finding[], all: ReportInfo['upgrades']): string | null {
  if (findings.length === 0) return null
  const ids = new Set(findings.map(({ id }) => id))
  const upgrades = all.filter(({ mends }) => mends.some((id) => ids.has(id)))
  const lines = [...general(findings), ...unfixed(findings)].map((line) => `  ${line}`)
  return ['What to do:', ...(upgrades.length > 0 ? [upgradesIn(upgrades)] : []), ...lines].join('\n')
}

function upgradesIn(upgrades: ReportInfo['upgrades']): string {
  const rows = upgrades.map(({ package: one, to, mends, severity }) => [
    packageName(one),
    printable(one.version, 40),
    printable(to, 40),
    `${mends.length}`,
    severity,
  ])
  return table(['UPGRADE', 'FROM', 'TO', 'MENDS', 'WORST'], rows).replaceAll(/^/gm, '  ')
}

/** At most so many lines, and names in one. */
const MOST = 10

/** What is recommended in the same words for several packages, with the number of vulnerabilities it is for. */
function general(findings: readonly Finding[]): string[] {
  const told = findings.flatMap(({ id, package: one, recommendations }) =>
    recommendations.map((text) => ({ text, id, name: packageName(one) })),
  )
  return [...Map.groupBy(told, ({ text }) => text)]
    .filter(([, all]) => distinct(all.map(({ name }) => name)).length > 1)
    .map(([text, all]) => ({ text, count: distinct(all.map(({ id }) => id)).length }))
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST)
    .map(({ text, count }) => `${printable(text, 300)} (${count})`)
}

function unfixed(findings: readonly Finding[]): string[] {
  const without = findings.filter(({ fixedVersion }) => fixedVersion === null)
  if (without.length === 0) return []
  const names = distinct(without.map((one) => packageName(one.package)))
  const more = names.length > MOST ? ` and ${names.length - MOST} more` : ''
  return [
    `Without a fix: ${distinct(without.map(({ id }) => id)).length}, in ${names.slice(0, MOST).join(', ')}${more}`,
  ]
}

function distinct(all: readonly string[]): string[] {
  return [...new Set(all)]
}

export function packageName(one: Package): string {
  return printable(writtenName(one), 60)
}

export function isOfOs(type: string): boolean {
  return type === 'apk' || type === 'deb' || type === 'rpm'
}
