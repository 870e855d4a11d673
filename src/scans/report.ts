import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import { findRegistry } from '../metadata/tables/registries.ts'
import { findRepository } from '../metadata/tables/repositories.ts'
import type { ScanRow, ScanStatus, ScanSubject } from '../metadata/tables/scans.ts'
import { edgesOf, findScan, lastTouched, scanSubjectAt } from '../metadata/tables/scans.ts'
import type { InventoryPackage, Problem } from '../scanner/facts.ts'
import type { CannotTell, Finding } from '../scanner/finding.ts'
import type { Whole } from './combine.ts'
import { combine, wholeOf } from './combine.ts'
import type { Actor, ScansDeps } from './deps.ts'
import { WATCHED_MS } from './rematch.ts'
import { isScannable } from './scan-manifest.ts'

export interface ArtifactPlace {
  /** The public one. */
  readonly registryId: string
  readonly repository: string
  readonly digest: string
}

/** Everything that is known of one artifact. `unknown` without `scannedAt`: nobody looked yet, and `reason` says why. */
export interface Report {
  readonly status: ScanStatus
  readonly reason: string | null
  readonly scannedAt: number | null
  /** Id of the advisories it was judged by. */
  readonly snapshot: string | null
  readonly packages: readonly InventoryPackage[]
  readonly findings: readonly Finding[]
  readonly cannotTell: readonly CannotTell[]
  readonly problems: readonly Problem[]
}

/** @throws `not_found` */
export async function reportOf({ metadata }: ScansDeps, actor: Actor, place: ArtifactPlace): Promise<Report> {
  return await metadata.read(async (sql) => {
    const subject = await requireSubject(sql, actor, place)
    const scan = await findScan(sql, subject.manifest_id)
    if (scan === null) return notScanned(subject)
    const { status, reason, snapshot, inventory, result } = await read(sql, subject, scan)
    return {
      ...{ status, reason, snapshot },
      scannedAt: scan.scanned_at,
      packages: inventory?.packages ?? [],
      findings: result?.findings ?? [],
      cannotTell: result?.cannotTell ?? [],
      problems: [
        ...(inventory?.problems ?? []),
        ...(result?.problems ?? []),
        ...(await asleep(sql, subject.manifest_id, scan)),
      ],
    }
  })
}

export async function requireSubject(sql: Reader, actor: Actor, place: ArtifactPlace): Promise<ScanSubject> {
  const registry = await findRegistry(sql, actor, place.registryId)
  const repository = registry && (await findRepository(sql, registry.id, place.repository))
  const subject = repository && (await scanSubjectAt(sql, repository.id, place.digest))
  if (subject) return subject
  const [what, within] = !registry
    ? [`registry ${place.registryId}`, '']
    : !repository
      ? [`repository "${place.repository}"`, ' in this registry']
      : [`artifact ${place.digest}`, ' in this repository']
  throw new DomainError('not_found', `${what.slice(0, 100)} does not exist${within}`)
}

/** An index says what its images say. */
async function read(sql: Reader, subject: ScanSubject, scan: ScanRow): Promise<Whole> {
  const edges = await edgesOf(sql, subject.manifest_id)
  const children = edges.filter(({ kind }) => kind === 'child')
  if (children.length === 0) return wholeOf(scan)
  const images: { digest: string; scan: ScanRow }[] = []
  for (const digest of new Set(children.map((child) => child.digest))) {
    const child = await scanSubjectAt(sql, subject.repository_id, digest)
    const own = child && (await findScan(sql, child.manifest_id))
    if (own) images.push({ digest, scan: own })
  }
  return { ...combine(images), status: scan.status, reason: scan.reason, snapshot: scan.snapshot }
}

function notScanned(subject: ScanSubject): Report {
  const nothing = { scannedAt: null, snapshot: null, packages: [], findings: [], cannotTell: [], problems: [] }
  return { status: 'unknown', reason: whyNot(subject), ...nothing }
}

function whyNot(subject: ScanSubject): string {
  if (isScannable(subject)) return 'it is not scanned yet'
  if (subject.scanning_enabled !== 1) return 'its registry has vulnerability scanning switched off'
  return `repositories whose name is shorter than 2 or longer than 255 characters are not scanned: push it under another name`
}

/** A report that nobody brings up to date says so. */
async function asleep(sql: Reader, manifestId: number, scan: ScanRow): Promise<Problem[]> {
  const touched = await lastTouched(sql, manifestId)
  const active = await activeSnapshot(sql)
  if (touched >= sql.now() - WATCHED_MS || active === null) return []
  const reason =
    `this report is not brought up to date any more: the image was neither pushed nor pulled for 30 days` +
    `${active.id === scan.snapshot ? '' : ', and there are newer advisories'}; a pull brings it back`
  return [{ path: null, where: 'scans', reason, weight: 'partial' }]
}
