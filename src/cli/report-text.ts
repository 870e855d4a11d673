import type { Severity } from '../domain/severity.ts'
import { SEVERITIES, severityRank } from '../domain/severity.ts'
import { printable } from './printable.ts'
import type { ReportInfo } from './scan-plane.ts'
import { table } from './table.ts'
import { instantInWords } from './token-words.ts'
import { adviceOn, isOfOs, packageName } from './upgrade-text.ts'

// A report for people. What images and advisories say goes through `printable`.

type Finding = ReportInfo['findings'][number]

export interface Shown {
  /** `acme/team/app:v1`, as it was asked for. */
  readonly title: string
  /** Findings of this band and worse. */
  readonly severity: Severity
  readonly fixableOnly: boolean
  /** Milliseconds UTC. */
  readonly now: number
}

export function reportText(report: ReportInfo, shown: Shown): string {
  const findings = report.findings.filter(
    (one) => severityRank(one.severity) >= severityRank(shown.severity) && (!shown.fixableOnly || one.fixable),
  )
  return [
    headOf(report, shown),
    imagesOf(report),
    findingsTable(findings, report.findings.length - findings.length),
    adviceOn(findings, report.upgrades),
    limitsOf(report),
    report.status === 'scanned' && report.findings.length === 0
      ? 'No known vulnerabilities were found in what could be examined; that does not prove that there are none.'
      : null,
  ]
    .filter((part) => part !== null)
    .join('\n\n')
}

function headOf(report: ReportInfo, { title, now }: Shown): string {
  const rows = [
    ['digest', report.digest],
    ...(report.images.length === 0 ? [['system', systemOf(report.os, now)] as const] : []),
    ['status', statusOf(report)],
    ['judged by', advisoriesOf(report, now)],
    ...(report.stale === null ? [] : [['stale', report.stale] as const]),
    ...(report.status === 'not_applicable' ? [] : [['packages', String(report.packages.length)] as const]),
    ...(report.status === 'scanned' || report.findings.length > 0 ? [['found', foundIn(report)] as const] : []),
  ] as const
  return `${title}\n${rows.map(([name, text]) => `  ${name.padEnd(9)}  ${text}`).join('\n')}`
}

function statusOf({ status, reason, scannedAt }: ReportInfo): string {
  const why = printable(reason ?? '', 500)
  if (scannedAt === null) return `Unknown, not scanned: ${why}`
  const when = instantInWords(scannedAt)
  if (status === 'scanned') return `scanned ${when}`
  return `${status === 'unknown' ? 'Unknown' : 'not applicable'}: ${why} (last scan ${when})`
}

export function systemOf(os: ReportInfo['os'], now: number): string {
  if (os === null) return 'none that is known'
  const { name, endOfLife } = os
  const day = endOfLife?.slice(0, 10)
  const end =
    endOfLife === null
      ? ''
      : Date.parse(endOfLife) < now
        ? `, no longer supported since ${day}`
        : `, supported until ${day}`
  return `${printable(name)}${end}`
}

/** From which data, and how old it is. */
function advisoriesOf({ advisories, snapshot, upToDate, scannedAt }: ReportInfo, now: number): string {
  if (advisories === null) return 'nothing: this installation has no advisories yet'
  const { sources } = advisories
  const newest = sources
    .flatMap((source) => source.newest ?? [])
    .toSorted()
    .at(-1)
  const oldest = sources.map(({ importedAt }) => importedAt).toSorted()[0] ?? advisories.createdAt
  // `alpine:v3.20`, `osv:npm`: of each publisher, how many.
  const names = [...Map.groupBy(sources, ({ name }) => name.split(':', 1)[0] ?? name)].map(([name, of]) =>
    of.length === 1 ? printable(name, 60) : `${printable(name, 60)} (${of.length})`,
  )
  const facts = [
    names.length === 0 ? 'advisories' : `advisories of ${names.join(', ')}`,
    ...(newest === undefined ? [] : [`the newest of ${newest.slice(0, 10)}`]),
    `taken in ${ago(oldest, now)}`,
  ]
  const isOlder = scannedAt !== null && !upToDate && snapshot !== advisories.snapshot
  return `${facts.join(', ')}${isOlder ? '; this report knows only older ones' : ''}`
}

function foundIn({ counts, findings }: ReportInfo): string {
  const bands = SEVERITIES.toReversed().flatMap((severity) =>
    counts[severity] > 0 ? [`${counts[severity]} ${severity === 'unknown' ? 'of unknown severity' : severity}`] : [],
  )
  const idsWith = (test: (finding: Finding) => boolean) => new Set(findings.filter(test).map(({ id }) => id)).size
  const exploited = idsWith((one) => one.knownExploitedSince !== null)
  const all = idsWith(() => true)
  if (all === 0) return 'nothing'
  const more = exploited > 0 ? `, ${exploited} known to be exploited` : ''
  return `${all} ${all === 1 ? 'vulnerability' : 'vulnerabilities'}: ${bands.join(', ')}; ${idsWith(({ fixable }) => fixable)} fixable${more}`
}

function imagesOf({ images }: ReportInfo): string | null {
  if (images.length === 0) return null
  const rows = images
    .filter(({ status }) => status !== 'not_applicable')
    .map(({ platform, digest, os, status, reason, packages, counts }) => [
      platform ?? '-',
      status === 'scanned' ? bandsOf(counts) : `Unknown: ${printable(reason ?? '', 120)}`,
      String(packages),
      os === null ? '-' : printable(os.name, 60),
      digest,
    ])
  return table(['PLATFORM', 'FOUND', 'PACKAGES', 'SYSTEM', 'DIGEST'], rows)
}

function bandsOf(counts: ReportInfo['counts']): string {
  const bands = SEVERITIES.toReversed().filter((severity) => counts[severity] > 0)
  return bands.map((severity) => `${counts[severity]} ${severity}`).join(', ') || 'nothing'
}

function findingsTable(findings: readonly Finding[], left: number): string | null {
  const rest =
    left === 0 ? null : `(${left} more ${left === 1 ? 'finding is' : 'findings are'} not shown: --severity, --fixable)`
  if (findings.length === 0) return rest
  const headings = ['SEVERITY', 'SCORE', 'VULNERABILITY', 'PACKAGE', 'INSTALLED', 'FIXED IN', 'URGENCY', 'WHERE']
  return [table(headings, findings.map(cellsOf)), ...(rest === null ? [] : [rest])].join('\n')
}

function cellsOf(finding: Finding): string[] {
  const { id, package: one, severity, score, fixedVersion, doubt } = finding
  // All packages of an OS lie in one file: which layer brought it says more.
  const where = isOfOs(one.type) ? `layer ${one.layer.slice(0, 19)}` : printable(one.path, 120)
  return [
    severity,
    score === null ? '-' : score.toFixed(1),
    printable(id, 60) + bundled(finding),
    packageName(one),
    printable(one.version, 40),
    fixedVersion === null ? withoutFix(finding) : printable(fixedVersion, 40),
    urgencyOf(finding),
    `${where}${doubt === null ? '' : ` (less sure: ${printable(doubt)})`}`,
  ]
}

/** People look for CVEs; some vendors' records bundle several. */
function bundled({ covers }: Finding): string {
  const [first] = covers
  if (first === undefined) return ''
  return covers.length === 1 ? ` (${printable(first, 30)})` : ` (${covers.length} CVEs)`
}

const NO_FIX = { wont_fix: 'will not be', deferred: 'put off', under_investigation: 'looked into' } as const

function withoutFix({ status, fixable }: Pick<Finding, 'status' | 'fixable'>): string {
  return fixable ? 'mitigation' : status === null ? '-' : NO_FIX[status]
}

function urgencyOf({ knownExploitedSince, epss }: Pick<Finding, 'knownExploitedSince' | 'epss'>): string {
  const words = knownExploitedSince === null ? [] : ['KEV']
  if (epss !== null) words.push(`EPSS ${(epss.probability * 100).toFixed(1)}%`)
  return words.join(' ')
}

/** What makes "nothing found" mean less than it says. */
function limitsOf({ problems, cannotTell }: ReportInfo): string | null {
  const lines = [
    ...problems.map(({ path, reason }) => `${path === null ? '' : `${printable(path)}: `}${printable(reason, 500)}`),
    ...cannotTell.map(({ package: one, reason }) => `${printable(one.name, 60)}: ${printable(reason, 500)}`),
  ]
  if (lines.length === 0) return null
  const more = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more: see --json`] : []
  return ['To keep in mind:', ...lines.slice(0, MOST_LINES), ...more].join('\n  ')
}

const MOST_LINES = 20

/** `3 h ago`. */
export function ago(instant: string, now: number): string {
  const hours = Math.max(0, Math.floor((now - Date.parse(instant)) / 3_600_000))
  return hours < 1 ? 'within the hour' : hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`
}
