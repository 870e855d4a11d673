import type { Transaction } from '../metadata/metadata-store.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { ScanRow, ScanSubject } from '../metadata/tables/scans.ts'
import {
  countScan,
  findScan,
  holdScanned,
  putImageVulnerabilities,
  putScan,
  scanSubjectAt,
} from '../metadata/tables/scans.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import { combine } from './combine.ts'
import type { ScansDeps } from './deps.ts'
import { scanJob } from './jobs.ts'
import { countsOf, namesOf } from './tally.ts'

/** An index waits for the images it lists; each of them tells it when it is done, so this is for the rare one that could not. */
const WAIT_MS = 60_000
const MOST_WAITS = 30

export interface Image {
  readonly digest: string
  readonly scan: ScanRow
}

/** An index is what its images are, at their worst; it waits until each of them that is here was looked at. */
export async function scanIndex(
  { metadata }: ScansDeps,
  subject: ScanSubject,
  children: readonly { readonly digest: string }[],
  waited: number,
): Promise<void> {
  const { manifest_id: manifestId } = subject
  await metadata.transact(async (sql) => {
    if (!(await holdScanned(sql, manifestId))) return
    const here = await imagesOf(sql, subject, children)
    const images = here.flatMap(({ digest, scan }) => (scan ? [{ digest, scan }] : []))
    if (images.length === here.length) await write(sql, subject, images)
    else if (waited < MOST_WAITS)
      await insertJob(sql, scanJob(manifestId, { runAfter: sql.now() + WAIT_MS, waited: waited + 1 }))
  })
}

async function imagesOf(sql: Transaction, subject: ScanSubject, children: readonly { readonly digest: string }[]) {
  const here: { digest: string; scan: ScanRow | null }[] = []
  for (const digest of new Set(children.map((child) => child.digest))) {
    const child = await scanSubjectAt(sql, subject.repository_id, digest)
    if (child) here.push({ digest, scan: await findScan(sql, child.manifest_id) })
  }
  return here
}

async function write(sql: Transaction, subject: ScanSubject, images: readonly Image[]): Promise<void> {
  const { manifest_id: manifestId, repository_id: repositoryId, registry_id: registryId } = subject
  const at = sql.now()
  const { status, reason, snapshot, result } = combine(images)
  await putScan(sql, {
    manifest_id: manifestId,
    ...{ status, reason, snapshot, scanned_at: at, analyzer_version: ANALYZER_VERSION },
    ...{ lowest_layer: null, inventory: null, report: null }, // those of its images
  })
  const findings = result?.findings ?? []
  await putImageVulnerabilities(sql, { manifestId, registryId }, namesOf(findings))
  if (status === 'not_applicable') return
  await countScan(sql, { manifestId, repositoryId, at }, status === 'scanned' ? countsOf(findings) : null)
}
