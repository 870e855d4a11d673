import type { Reader } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import type { ScanRow, ScanStatus, ScanSubject } from '../metadata/tables/scans.ts'
import { findScan, lastTouched } from '../metadata/tables/scans.ts'
import type { AdvisoryIndex, SnapshotInfo } from '../scanner/advisories/advisory-index.ts'
import type { InventoryPackage, Problem } from '../scanner/facts.ts'
import type { CannotTell, Finding } from '../scanner/finding.ts'
import type { Upgrade } from '../scanner/matching/upgrades.ts'
import { mergeUpgrades, settleBy, upgradesOf } from '../scanner/matching/upgrades.ts'
import { withUrgency } from '../scanner/matching/urgency.ts'
import type { Advisories } from './advisories.ts'
import type { Whole } from './combine.ts'
import { combine, wholeOf } from './combine.ts'
import type { Actor, ScansDeps } from './deps.ts'
import type { FeedSettings } from './feed-sources.ts'
import { readFeedState, staleness } from './feed-state.ts'
import type { ImageUnder } from './images-under.ts'
import { imagesUnder } from './images-under.ts'
import type { ArtifactPlace } from './place.ts'
import { requireSubject } from './place.ts'
import { WATCHED_MS } from './rematch.ts'
import type { InForce, ReportOnImage } from './report-on-images.ts'
import { isCurrent, platformsIn, tellOf } from './report-on-images.ts'
import type { ReportedOs } from './reported-os.ts'
import { osOf } from './reported-os.ts'
import { isScannable } from './scan-manifest.ts'
import type { BandCounts } from './tally.ts'
import { bandsOf } from './tally.ts'

/** Everything that is known of one artifact. `unknown` without `scannedAt`: nobody looked yet, and `reason` says why. */
export interface Report {
  readonly digest: string
  readonly status: ScanStatus
  readonly reason: string | null
  readonly scannedAt: number | null
  /** Id of the advisories it was judged by. */
  readonly snapshot: string | null
  /** Judged by what is known now, as it is read now: another scan would say the same. */
  readonly upToDate: boolean
  /** What is in force now; null: nothing was ever imported. */
  readonly advisories: SnapshotInfo | null
  /** Of whom nothing was heard for long, who speaks of its packages: what became known since may be missing. Null: nobody. */
  readonly stale: string | null
  readonly os: ReportedOs | null
  /** Of the images of an index; empty for an image. */
  readonly images: readonly ReportOnImage[]
  /** Of vulnerabilities: one in several packages is one. */
  readonly counts: BandCounts
  readonly upgrades: readonly Upgrade[]
  readonly packages: readonly InventoryPackage[]
  readonly findings: readonly Finding[]
  readonly cannotTell: readonly CannotTell[]
  readonly problems: readonly Problem[]
}

type Deps = ScansDeps & { readonly advisories: Advisories }

/** @throws `not_found` */
export async function reportOf(deps: Deps, actor: Actor, place: ArtifactPlace): Promise<Report> {
  const read = await readArtifact(deps, actor, place)
  const platforms = read.images.length === 0 ? new Map() : await platformsIn(deps, read.subject)
  const images = read.images.map(tellOf(platforms, read))
  const report = toReport(read, images)
  if (report.findings.length === 0) return { ...report, upgrades: [] }
  const index = await deps.advisories.current()
  const findings = index === null ? report.findings : report.findings.map((one) => withUrgency(one, index))
  return { ...report, findings, upgrades: await upgradesIn(read, index) }
}

/** What was found in it, without the rest. @throws `not_found` */
export async function findingsIn(deps: Deps, actor: Actor, place: ArtifactPlace): Promise<readonly Finding[]> {
  return (await readArtifact(deps, actor, place)).whole.result?.findings ?? []
}

async function readArtifact({ metadata, feedSettings }: Deps, actor: Actor, place: ArtifactPlace): Promise<Read> {
  return await metadata.read(async (sql) => await readAll(sql, await requireSubject(sql, actor, place), feedSettings))
}

/** By what is known now: the finding may be older than what mends it. */
async function upgradesIn({ whole, images }: Read, index: AdvisoryIndex | null): Promise<Upgrade[]> {
  const settle = settleBy(index)
  const of = ({ inventory, result }: Whole) => upgradesOf(inventory?.os ?? null, result?.findings ?? [], settle)
  if (images.length === 0) return await of(whole)
  const all: Upgrade[][] = []
  for (const { scan } of images) if (scan !== null) all.push(await of(wholeOf(scan)))
  return mergeUpgrades(all)
}

interface Read extends InForce {
  readonly subject: ScanSubject
  readonly scan: ScanRow | null
  readonly whole: Whole
  readonly images: readonly ImageUnder[]
  readonly stale: string | null
  readonly asleep: readonly Problem[]
}

async function readAll(sql: Reader, subject: ScanSubject, settings: FeedSettings): Promise<Read> {
  const scan = await findScan(sql, subject.manifest_id)
  const snapshot = await activeSnapshot(sql)
  const active = snapshot && {
    id: snapshot.id,
    createdAt: snapshot.created_at,
    sources: JSON.parse(snapshot.sources) as SnapshotInfo['sources'],
  }
  const { images } = await imagesUnder(sql, subject)
  const sleeping = scan === null ? [] : await asleep(sql, subject, scan, active)
  const whole = scan === null ? notScanned(subject) : wholeWith(scan, images)
  return {
    ...{ subject, scan, active, images, whole, asleep: sleeping },
    isSettled: snapshot?.is_rematched === 1 && sleeping.length === 0,
    stale: staleness(await readFeedState(sql, settings), whole.inventory),
  }
}

/** An index says what its images say. */
function wholeWith(scan: ScanRow, images: readonly ImageUnder[]): Whole {
  if (images.length === 0) return wholeOf(scan)
  const judged = images.flatMap(({ digest, scan: own }) => (own ? [{ digest, scan: own }] : []))
  return { ...combine(judged), status: scan.status, reason: scan.reason, snapshot: scan.snapshot }
}

function toReport(read: Read, images: readonly ReportOnImage[]): Omit<Report, 'upgrades'> {
  const { subject, scan, whole, stale, asleep } = read
  const { status, reason, snapshot, inventory, result } = whole
  const findings = result?.findings ?? []
  return {
    ...{ digest: subject.digest, status, reason, snapshot, images, findings },
    scannedAt: scan?.scanned_at ?? null,
    upToDate: isUpToDate(scan, images, read),
    advisories: read.active,
    stale,
    os: osOf(inventory),
    counts: bandsOf(findings),
    packages: inventory?.packages ?? [],
    cannotTell: result?.cannotTell ?? [],
    problems: [...(inventory?.problems ?? []), ...(result?.problems ?? []), ...asleep],
  }
}

function isUpToDate(scan: ScanRow | null, images: readonly ReportOnImage[], inForce: InForce): boolean {
  if (scan === null) return false
  if (images.length > 0)
    return images.every((one) => one.upToDate && (one.scannedAt === null || one.scannedAt <= scan.scanned_at))
  return isCurrent(scan, inForce)
}

function notScanned(subject: ScanSubject): Whole {
  return { status: 'unknown', reason: whyNot(subject), snapshot: null, inventory: null, result: null }
}

function whyNot(subject: ScanSubject): string {
  if (isScannable(subject)) return 'it is not scanned yet'
  if (subject.scanning_enabled !== 1) return 'its registry has vulnerability scanning switched off'
  return `repositories whose name is shorter than 2 or longer than 255 characters are not scanned: push it under another name`
}

/** A report that nobody brings up to date says so. */
async function asleep(
  sql: Reader,
  subject: ScanSubject,
  scan: ScanRow,
  active: SnapshotInfo | null,
): Promise<Problem[]> {
  const touched = await lastTouched(sql, subject)
  if (touched >= sql.now() - WATCHED_MS || active === null) return []
  const reason =
    `this report is not brought up to date any more: the image was neither pushed nor pulled for 30 days` +
    `${active.id === scan.snapshot ? '' : ', and there are newer advisories'}; a pull brings it back`
  return [{ path: null, where: 'scans', reason, weight: 'partial' }]
}
