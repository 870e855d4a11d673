import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import { listedBy, manifestsAsleep, scanSubject } from '../metadata/tables/scans.ts'
import { Advisories } from './advisories.ts'
import { scanMissed, scanRegistry } from './backlog.ts'
import type { Actor, ScansDeps } from './deps.ts'
import { expectLayers } from './expect-layers.ts'
import { forgetUnused, forgetVerdictsOfNobody } from './forget-unused.ts'
import type { Attempt, Handler } from './handler.ts'
import type { HistoryEntry, HistoryPage } from './history.ts'
import { historyOfArtifact } from './history.ts'
import { imagesUnder } from './images-under.ts'
import { numberIn, scanJob, scanMissedJob, scanRegistryJob } from './jobs.ts'
import type { ArtifactPlace } from './place.ts'
import { requireSubject } from './place.ts'
import { rematch, WATCHED_MS } from './rematch.ts'
import type { Report } from './report.ts'
import { reportOf } from './report.ts'
import { isScannable, scanManifest } from './scan-manifest.ts'
import type { VulnerabilityQuery, VulnerabilityView } from './vulnerabilities.ts'
import { vulnerabilitiesOf, vulnerability } from './vulnerabilities.ts'

/** Our use of the scanner: which image, when, what was found, what changed since. `docs/scanner.md`. */
export interface Scans extends Disposable {
  /** Bytes begin to come that may be those of a layer. */
  uploading(registryId: number): void
  /** In the transaction of a push. */
  pushed(sql: Transaction, manifestId: number): Promise<void>
  /** In the transaction that counts pulls, before they are counted: what nobody watched any more is judged anew. */
  pulled(sql: Transaction, manifestIds: readonly number[]): Promise<void>
  /** In the transaction that turns scanning on: what is there already is scanned. */
  switchedOn(sql: Transaction, registryId: number): Promise<void>

  /** @throws `not_found` */
  report(actor: Actor, place: ArtifactPlace): Promise<Report>
  /** What changed between its verdicts, the newest first, before that id. @throws `not_found` */
  history(actor: Actor, place: ArtifactPlace, page: HistoryPage): Promise<HistoryEntry[]>
  /** A page of what was found in it. @throws `not_found` */
  vulnerabilitiesOf(
    actor: Actor,
    place: ArtifactPlace,
    query: VulnerabilityQuery,
  ): Promise<{ vulnerabilities: VulnerabilityView[]; more: boolean }>
  /** By any of its names. @throws `not_found` */
  vulnerability(actor: Actor, id: string): Promise<VulnerabilityView>
  /** Has it scanned again, soon. @throws `not_found`, `conflict` (it is one that is not scanned) */
  scan(actor: Actor, place: ArtifactPlace): Promise<void>
  /** A finished snapshot file becomes what counts, or see `Advisories.install`. @returns false when it is that already. */
  installSnapshot(path: string, known?: Parameters<Advisories['install']>[1]): Promise<boolean>
  /** What counts, as a file of this node; null: nothing does. @throws `unavailable` */
  snapshotFile(): Promise<{ readonly id: string; readonly path: string } | null>

  /** For a schedule: what was imported on this machine counts from now on. */
  followImports(): Promise<void>

  /** `listener` hears that there is something for the queue; its transaction is still open at that moment. */
  onAsked(listener: () => void): void
  /** What the queue runs. */
  readonly handlers: Readonly<Record<string, Handler>>
  /** For a schedule: what should have been scanned and was not is asked for, a little at a time. */
  scanMissed(): Promise<void>
  /** For schedules. */
  forgetFacts(): Promise<void>
  forgetVerdicts(): Promise<void>
}

export interface ScansOptions extends ScansDeps {
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
}

/** Where requests leave little time, an image of some gigabytes takes an hour; what hangs is noticed sooner (run-child.ts). */
const SCAN_DEADLINE_MS = 2 * 3_600_000

export function createScans(options: ScansOptions): Scans {
  const deps = { ...options, advisories: new Advisories(options) }
  const { metadata, advisories } = deps
  let asked = (): void => {}
  return {
    uploading: expectLayers(deps, metadata),
    pushed: async (sql, manifestId) => {
      if (await enqueue(sql, manifestId)) asked()
      await wake(sql, await listedBy(sql, [manifestId]))
    },
    pulled: async (sql, ids) => {
      const woken = await wake(sql, ids)
      await wake(sql, await listedBy(sql, woken))
    },
    switchedOn: (sql, registryId) => insertJob(sql, scanRegistryJob(registryId)),
    report: (actor, place) => reportOf(deps, actor, place),
    history: (actor, place, page) => historyOfArtifact(deps, actor, place, page),
    vulnerabilitiesOf: (actor, place, query) => vulnerabilitiesOf(deps, actor, place, query),
    vulnerability: (actor, id) => vulnerability(deps, actor, id),
    scan: (actor, place) => scanNow(deps, actor, place),
    installSnapshot: (path, known) => advisories.install(path, known),
    snapshotFile: () => advisories.currentFile(),
    followImports: async () => void (await advisories.follow()),
    onAsked: (listener) => {
      asked = listener
    },
    handlers: {
      scan: handler(({ payload, ...attempt }) => {
        const { waited = 0 } = payload as { waited?: number }
        return scanManifest(deps, numberIn(payload, 'manifestId'), { ...attempt, waited })
      }),
      'scan registry': handler(({ payload }) => {
        const at = { registryId: numberIn(payload, 'registryId'), after: numberIn(payload, 'after') }
        return scanRegistry(metadata, enqueue, at)
      }),
      'scan missed': handler(({ payload }) => scanMissed(metadata, enqueue, numberIn(payload, 'after'))),
      rematch: handler(({ payload, signal }) => rematch(deps, (payload as { snapshot: string }).snapshot, signal)),
    },
    scanMissed: () => metadata.transact((sql) => insertJob(sql, scanMissedJob())),
    forgetFacts: () => forgetUnused(metadata),
    forgetVerdicts: () => forgetVerdictsOfNobody(metadata),
    [Symbol.dispose]: () => advisories[Symbol.dispose](),
  }
}

function handler(run: (attempt: Attempt) => Promise<void>): Handler {
  return { deadlineMs: SCAN_DEADLINE_MS, run }
}

/** @returns false when it is not to be scanned. */
async function enqueue(sql: Transaction, manifestId: number): Promise<boolean> {
  const subject = await scanSubject(sql, manifestId)
  if (subject === null || !isScannable(subject)) return false
  await insertJob(sql, scanJob(manifestId))
  return true
}

/** Of these, what nobody watched any more. @returns which those are. */
async function wake(sql: Transaction, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return []
  const asleep = await manifestsAsleep(sql, ids, sql.now() - WATCHED_MS)
  for (const id of asleep) await enqueue(sql, id)
  return asleep
}

/** Of an index, each of its images: they tell it when they are done. */
async function scanNow({ metadata, audit }: ScansOptions, actor: Actor, place: ArtifactPlace): Promise<void> {
  const { images } = await metadata.read(async (sql) => await imagesUnder(sql, await requireSubject(sql, actor, place)))
  await metadata.transact(async (sql) => {
    const subject = await requireSubject(sql, actor, place)
    if (!isScannable(subject)) throw notScannable(subject.scanning_enabled === 1)
    await insertJob(sql, scanJob(subject.manifest_id))
    for (const { manifestId } of images) if (manifestId !== null) await insertJob(sql, scanJob(manifestId))
    await audit(sql, {
      contractId: actor.contractId,
      registryId: subject.registry_id,
      actor: actor.label,
      action: 'artifact.scan',
      subject: `${subject.repository}@${subject.digest}`,
      address: actor.address,
    })
  })
}

function notScannable(isOn: boolean): DomainError {
  return new DomainError(
    'conflict',
    isOn
      ? 'repositories whose name is shorter than 2 or longer than 255 characters are not scanned: push it under another name'
      : 'vulnerability scanning is switched off for this registry: switch it on (features.vulnerabilityScanning)',
  )
}
