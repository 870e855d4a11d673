import type { Severity } from '../domain/severity.ts'
import type { ScanStatus } from '../metadata/tables/scans.ts'
import type { PackageFinding, PackageVerdict } from '../scanner/matching/judge-package.ts'

export interface Told {
  readonly id: string
  /** `deb debian/libssl3 3.0.11-1` */
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

/** What changed about one package, for whoever holds it. */
export type PackageChanges = {
  readonly [Kind in 'appeared' | 'vanished' | 'rescored']: readonly Omit<Changes[Kind][number], 'package'>[]
}

export interface Judged {
  readonly status: ScanStatus
  readonly reason: string | null
}

/** Null: nothing a reader would notice. `packages`: those of which something else is said now. */
export function differences(
  before: Judged,
  after: Judged,
  packages: readonly { readonly label: string; readonly changes: PackageChanges }[],
): Changes | null {
  const told = before.status === 'scanned' && after.status === 'scanned' ? packages : []
  const all = <Kind extends keyof PackageChanges>(kind: Kind) =>
    told
      .flatMap(({ label, changes }) => changes[kind].map((one) => ({ ...one, package: label })))
      .sort(worstFirst) as unknown as Changes[Kind]
  const status = before.status === after.status ? null : { from: before.status, to: after.status, reason: after.reason }
  const [appeared, vanished, rescored] = [all('appeared'), all('vanished'), all('rescored')]
  const isNothing = appeared.length + vanished.length + rescored.length === 0 && status === null
  return isNothing ? null : { appeared, vanished, rescored, status }
}

/** Null: nothing was, or is, said of it. `isKnown`: whether an advisory of that id is still there. */
export function packageChanges(
  before: PackageVerdict | null,
  after: PackageVerdict | null,
  isKnown: (advisory: string) => boolean,
): PackageChanges {
  const old = new Map((before?.findings ?? []).map((one) => [one.id, one]))
  const now = new Map((after?.findings ?? []).map((one) => [one.id, one]))
  return {
    appeared: [...now.values()].filter(({ id }) => !old.has(id)).map(told),
    vanished: [...old.values()]
      .filter(({ id }) => !now.has(id))
      .map((one) => ({
        ...told(one),
        why: one.matchedBy.some(({ advisory }) => isKnown(advisory)) ? 'no longer affected' : 'withdrawn',
      })),
    rescored: [...now.values()].flatMap((one) => rescored(old.get(one.id), one)),
  }
}

function rescored(old: PackageFinding | undefined, now: PackageFinding): PackageChanges['rescored'][number][] {
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

function told({ id, severity, score }: PackageFinding): Omit<Told, 'package'> {
  return { id, severity, score }
}

function worstFirst(a: Told, b: Told): number {
  return (b.score ?? -1) - (a.score ?? -1) || compare(a.id, b.id) || compare(a.package, b.package)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
