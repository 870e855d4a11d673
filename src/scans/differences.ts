import type { Severity } from '../domain/severity.ts'
import type { ScanStatus } from '../metadata/tables/scans.ts'
import type { Finding } from '../scanner/finding.ts'

export interface Told {
  readonly id: string
  readonly package: string
  readonly severity: Severity
  readonly score: number | null
}

/** What changed between two verdicts on one image, and why. */
export interface Changes {
  readonly appeared: readonly Told[]
  readonly vanished: readonly (Told & { readonly why: 'withdrawn' | 'no longer affected' })[]
  readonly rescored: readonly (Told & {
    readonly before: { readonly severity: Severity; readonly score: number | null }
    /** Sources whose score is another one now. */
    readonly why: readonly string[]
  })[]
  /** Null: the same as before. */
  readonly status: { readonly from: ScanStatus; readonly to: ScanStatus; readonly reason: string | null } | null
}

export interface Seen {
  readonly status: ScanStatus
  readonly reason: string | null
  readonly findings: readonly Finding[]
}

/** Null: nothing a reader would notice. `isKnown`: whether an advisory of that id is still there. */
export function differences(before: Seen, after: Seen, isKnown: (advisory: string) => boolean): Changes | null {
  const old = new Map(before.findings.map((finding) => [keyOf(finding), finding]))
  const now = new Map(after.findings.map((finding) => [keyOf(finding), finding]))
  const bothJudged = before.status === 'scanned' && after.status === 'scanned'
  const changes: Changes = {
    appeared: bothJudged ? after.findings.filter((one) => !old.has(keyOf(one))).map(told) : [],
    vanished: bothJudged
      ? before.findings
          .filter((one) => !now.has(keyOf(one)))
          .map((one) => ({
            ...told(one),
            why: one.matchedBy.some(({ advisory }) => isKnown(advisory)) ? 'no longer affected' : 'withdrawn',
          }))
      : [],
    rescored: after.findings.flatMap((one) => rescored(old.get(keyOf(one)), one)),
    status: before.status === after.status ? null : { from: before.status, to: after.status, reason: after.reason },
  }
  const { appeared, vanished, rescored: scores, status } = changes
  return appeared.length + vanished.length + scores.length === 0 && status === null ? null : changes
}

function rescored(old: Finding | undefined, now: Finding): Changes['rescored'][number][] {
  if (old === undefined || (old.score === now.score && old.severity === now.severity)) return []
  const known = new Map(old.scores.map((one) => [`${one.source} ${one.version}`, one.score]))
  const why = now.scores
    .filter(({ source, version, score }) => known.get(`${source} ${version}`) !== score)
    .map(({ source }) => source)
  const gone = old.scores
    .filter(({ source, version }) => !now.scores.some((one) => one.source === source && one.version === version))
    .map(({ source }) => source)
  const before = { severity: old.severity, score: old.score }
  return [{ ...told(now), before, why: [...new Set([...why, ...gone])] }]
}

function told({ id, package: one, severity, score }: Finding): Told {
  return { id, package: `${one.type} ${fullName(one)} ${one.version}`, severity, score }
}

export function fullName({ namespace, name }: { readonly namespace: string | null; readonly name: string }): string {
  return namespace === null ? name : `${namespace}/${name}`
}

function keyOf({ id, package: one }: Finding): string {
  return [id, one.type, one.namespace, one.name, one.version, one.path].join('\0')
}
