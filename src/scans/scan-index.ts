import type { Transaction } from '../metadata/metadata-store.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { ScanSubject } from '../metadata/tables/scans.ts'
import {
  countNotApplicable,
  countScan,
  holdScanned,
  parentsOf,
  putImageVulnerabilities,
  putScan,
} from '../metadata/tables/scans.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import type { Whole } from './combine.ts'
import { combine } from './combine.ts'
import type { ScansDeps } from './deps.ts'
import { imagesUnder, MOST_UNDER } from './images-under.ts'
import { scanJob } from './jobs.ts'
import { countsOf, namesOf } from './tally.ts'

/** An index waits for the images it lists; each of them tells it when it is done, so this is for the rare one that could not. */
const WAIT_MS = 60_000
const MOST_WAITS = 30

/**
 * An index is what its images are, at their worst; it waits until each of them that is here was looked at. What changes while
 * this looks asks for it again.
 */
export async function scanIndex({ metadata }: ScansDeps, subject: ScanSubject, waited: number): Promise<void> {
  const { images, areAll } = await metadata.read((sql) => imagesUnder(sql, subject))
  const here = images.filter(({ manifestId }) => manifestId !== null)
  const judged = here.flatMap(({ digest, scan }) => (scan ? [{ digest, scan }] : []))
  const isWhole = judged.length === here.length
  const verdict = isWhole ? (areAll ? combine(judged) : TOO_MANY) : null
  await metadata.transact(async (sql) => {
    if (!(await holdScanned(sql, subject.manifest_id))) return
    if (verdict !== null) await write(sql, subject, verdict)
    else if (waited < MOST_WAITS)
      await insertJob(sql, scanJob(subject.manifest_id, { runAfter: sql.now() + WAIT_MS, waited: waited + 1 }))
  })
}

const TOO_MANY: Whole = {
  status: 'unknown',
  reason: `it lists more than ${MOST_UNDER} images, or more than can be told together: each of them has a report of its own`,
  snapshot: null,
  inventory: null,
  result: null,
}

async function write(sql: Transaction, subject: ScanSubject, verdict: Whole): Promise<void> {
  const { manifest_id: manifestId, repository_id: repositoryId, registry_id: registryId } = subject
  const at = sql.now()
  const { status, reason, snapshot, result } = verdict
  await putScan(sql, {
    manifest_id: manifestId,
    ...{ status, reason, snapshot, scanned_at: at, analyzer_version: ANALYZER_VERSION },
    ...{ lowest_layer: null, traits: null, problems: '[]', verdicts: '[]' }, // those of its images
  })
  const findings = result?.findings ?? []
  await putImageVulnerabilities(sql, { manifestId, registryId }, namesOf(findings))
  if (status === 'not_applicable') await countNotApplicable(sql, { manifestId, repositoryId })
  else await countScan(sql, { manifestId, repositoryId, at }, status === 'scanned' ? countsOf(findings) : null)
  for (const parent of await parentsOf(sql, repositoryId, subject.digest)) await insertJob(sql, scanJob(parent))
}
