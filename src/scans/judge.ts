import type { Transaction } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { ScanRow, ScanSubject } from '../metadata/tables/scans.ts'
import {
  addHistory,
  countNotApplicable,
  countScan,
  findScan,
  holdScanned,
  parentsOf,
  putImagePackages,
  putImageVulnerabilities,
  putScan,
} from '../metadata/tables/scans.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { Inventory } from '../scanner/facts.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import type { MatchResult, Verdict } from '../scanner/finding.ts'
import { verdictOn } from '../scanner/matching/verdict.ts'
import type { Advisories } from './advisories.ts'
import type { ScansDeps } from './deps.ts'
import { differences } from './differences.ts'
import { scanJob } from './jobs.ts'
import { pack, unpack } from './packed.ts'
import { countsOf, namesOf, packageNames } from './tally.ts'

/** What was read of an image, now or earlier; without an inventory, why not. */
export type Evidence =
  | { readonly inventory: Inventory; readonly lowestLayer: string | null; readonly isNew: boolean }
  | {
      readonly inventory: null
      readonly status: 'unknown' | 'not_applicable'
      readonly reason: string
      /** It was not even looked at. */
      readonly isGivenUp?: true
    }

/**
 * Judges an image by the advisories of now and writes the verdict, with all that lists and filters show of it, in one
 * transaction. If others were installed meanwhile, it is judged again.
 */
export async function judge(
  deps: ScansDeps & { readonly advisories: Advisories },
  subject: ScanSubject,
  evidence: Evidence,
): Promise<void> {
  for (;;) {
    const index = await deps.advisories.current()
    const at = await deps.metadata.read(async (sql) => sql.now())
    const verdict = verdictFor(evidence, index, at)
    const written = await deps.metadata.transact(async (sql) => {
      if (!(await holdScanned(sql, subject.manifest_id))) return true
      const active = await activeSnapshot(sql)
      if ((active?.id ?? null) !== (index?.info.id ?? null)) return false
      await write(sql, subject, { evidence, verdict, index })
      return true
    })
    if (written) return
  }
}

function verdictFor(evidence: Evidence, index: AdvisoryIndex | null, today: number): Verdict {
  if (evidence.inventory !== null)
    return verdictOn(evidence.inventory, index, { today, lowestLayer: evidence.lowestLayer })
  const { status, reason } = evidence
  return status === 'unknown' ? { status, reason, inventory: null } : { status, reason }
}

interface Judged {
  readonly evidence: Evidence
  readonly verdict: Verdict
  readonly index: AdvisoryIndex | null
}

async function write(sql: Transaction, subject: ScanSubject, { evidence, verdict, index }: Judged): Promise<void> {
  const { manifest_id: manifestId, repository_id: repositoryId, registry_id: registryId } = subject
  const before = await findScan(sql, manifestId)
  const at = sql.now()
  const result = verdict.status === 'scanned' ? verdict.result : null
  await putScan(sql, {
    manifest_id: manifestId,
    status: verdict.status,
    reason: verdict.status === 'scanned' ? null : verdict.reason,
    scanned_at: at,
    analyzer_version: versionOf(evidence),
    snapshot: index?.info.id ?? null,
    lowest_layer: evidence.inventory === null ? null : evidence.lowestLayer,
    inventory: inventoryBytes(evidence, before),
    report: result && pack(result),
  })
  const findings = result?.findings ?? []
  if (evidence.inventory === null || evidence.isNew)
    await putImagePackages(sql, manifestId, evidence.inventory === null ? [] : packageNames(evidence.inventory))
  await putImageVulnerabilities(sql, { manifestId, registryId }, namesOf(findings))
  if (verdict.status === 'not_applicable') await countNotApplicable(sql, { manifestId, repositoryId })
  else await countScan(sql, { manifestId, repositoryId, at }, result && countsOf(findings))
  await keepHistory(sql, before, verdict, index)
  for (const parent of await parentsOf(sql, repositoryId, subject.digest)) await insertJob(sql, scanJob(parent))
}

function versionOf(evidence: Evidence): number {
  return evidence.inventory === null && evidence.isGivenUp ? 0 : ANALYZER_VERSION
}

function inventoryBytes(evidence: Evidence, before: ScanRow | null): Uint8Array | null {
  if (evidence.inventory === null) return null
  return evidence.isNew || !before?.inventory ? pack(evidence.inventory) : before.inventory
}

/** What changed since the verdict before this one. */
async function keepHistory(
  sql: Transaction,
  before: ScanRow | null,
  verdict: Verdict,
  index: AdvisoryIndex | null,
): Promise<void> {
  if (before === null || verdict.status === 'not_applicable') return
  const changes = differences(
    {
      status: before.status,
      reason: before.reason,
      findings: before.report === null ? [] : unpack<MatchResult>(before.report).value.findings,
    },
    {
      status: verdict.status,
      reason: verdict.status === 'scanned' ? null : verdict.reason,
      findings: verdict.status === 'scanned' ? verdict.result.findings : [],
    },
    (id) => index !== null && index.advisory(id) !== null,
  )
  if (changes === null) return
  const snapshot = index?.info.id ?? null
  await addHistory(sql, before.manifest_id, JSON.stringify({ snapshot, ...changes }))
}
