import type { Fragment, Reader, Transaction } from '../metadata-store.ts'
import type { Cell } from '../sql.ts'
import { forUpdateOf, idTable, sql as piece, rowTable } from '../sql.ts'
import { insertJob } from './job-queue.ts'
import type { Counts, NewScan, ScanSubject, Stretch } from './scans.ts'
import { HISTORY, listedBy, NOT_APPLICABLE } from './scans.ts'

// Verdicts of many manifests at a time: a statement for all of them costs little more than one for one.

/** What is to be brought up to date: pushed or pulled since then, and judged by other advisories than these. */
export interface Stale {
  readonly since: number
  readonly snapshot: string
}

/** Of `scans s`. */
const STALE = ({ since, snapshot }: Stale): Fragment => piece`
  s.traits IS NOT NULL AND (s.snapshot IS NULL OR s.snapshot <> ${snapshot})
  AND EXISTS (SELECT 1 FROM manifest_counters c WHERE c.manifest_id = s.manifest_id AND c.is_listed = 1
                 AND (c.last_pushed_at >= ${since} OR c.last_pulled_at >= ${since}))`

/** Of `scans s`. */
const WATCHED_INDEX = ({ since }: Stale): Fragment => piece`
  s.traits IS NULL AND s.status <> 'not_applicable'
  AND EXISTS (SELECT 1 FROM manifest_counters c WHERE c.manifest_id = s.manifest_id AND c.is_listed = 1
                 AND (c.last_pushed_at >= ${since} OR c.last_pulled_at >= ${since}))`

/** What was found among the next manifests, in the order of their ids. */
export interface Found {
  readonly ids: readonly number[]
  /** Of all that were looked at; null: there are no more. */
  readonly last: number | null
}

/** Those of the next `limit` manifests that advisories may change. */
export async function staleManifests(sql: Reader, stale: Stale, stretch: Stretch): Promise<Found> {
  return await among(sql, STALE(stale), stretch)
}

/** Those of the next `limit` manifests that are indexes in use. */
export async function watchedIndexes(sql: Reader, stale: Stale, stretch: Stretch): Promise<Found> {
  return await among(sql, WATCHED_INDEX(stale), stretch)
}

/** A statement looks at so many, and does not look for so many: of 10⁵ images perhaps none is one, and others wait meanwhile. */
async function among(sql: Reader, isOne: Fragment, { after, limit }: Stretch): Promise<Found> {
  const rows = await sql.all<{ id: number; is_one: number }>`
    SELECT s.manifest_id AS id, CASE WHEN ${isOne} THEN 1 ELSE 0 END AS is_one
      FROM scans s WHERE s.manifest_id > ${after} ORDER BY s.manifest_id LIMIT ${limit}`
  const ids = rows.filter(({ is_one }) => is_one === 1).map(({ id }) => id)
  return { ids, last: rows.length < limit ? null : (rows.at(-1)?.id ?? null) }
}

/** What these indexes list that advisories may change and that was itself neither pushed nor pulled since then. In the order of their ids. */
export async function staleUnder(sql: Reader, indexes: readonly number[], stale: Stale): Promise<number[]> {
  const listed = await listedBy(sql, indexes)
  if (listed.length === 0) return []
  const rows = await sql.all<{ id: number }>`
    SELECT s.manifest_id AS id FROM ${idTable(sql, listed)} AS i
      JOIN scans s ON s.manifest_id = i.id JOIN manifest_counters c ON c.manifest_id = s.manifest_id
     WHERE s.traits IS NOT NULL AND (s.snapshot IS NULL OR s.snapshot <> ${stale.snapshot})
       AND c.last_pushed_at < ${stale.since} AND c.last_pulled_at < ${stale.since} ORDER BY s.manifest_id`
  return rows.map(({ id }) => id)
}

/** Which of these packages manifests of these ids hold. */
export async function heldBy(
  sql: Reader,
  packages: readonly number[],
  { first, last }: { readonly first: number; readonly last: number },
): Promise<{ manifest_id: number; package_id: number }[]> {
  return await sql.all<{ manifest_id: number; package_id: number }>`
    SELECT p.manifest_id, p.package_id FROM ${idTable(sql, packages)} AS i
      JOIN image_packages p ON p.package_id = i.id AND p.manifest_id BETWEEN ${first} AND ${last}`
}

/** Which of these manifests hold anything of these ecosystems. */
export async function holdersOfEcosystems(
  sql: Reader,
  manifests: readonly number[],
  ecosystems: readonly string[],
): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT i.id FROM ${idTable(sql, manifests)} AS i WHERE EXISTS (
      SELECT 1 FROM image_packages h JOIN judged_packages p ON p.id = h.package_id
       WHERE h.manifest_id = i.id AND p.ecosystem IN (
         SELECT n.name FROM ${rowTable(
           sql,
           { name: 'text' },
           ecosystems.map((name) => [name]),
         )} AS n))`
  return rows.map(({ id }) => id)
}

export async function verdictsOf(sql: Reader, manifests: readonly number[]): Promise<NewScan[]> {
  return await sql.all<NewScan>`
    SELECT s.manifest_id, s.status, s.reason, s.scanned_at, s.analyzer_version, s.snapshot, s.lowest_layer, s.traits, s.problems,
           s.verdicts
      FROM ${idTable(sql, manifests)} AS i JOIN scans s ON s.manifest_id = i.id`
}

export type HeldSubject = Pick<
  ScanSubject,
  'manifest_id' | 'repository_id' | 'repository' | 'registry_id' | 'scanning_enabled'
>

/** Holds the places of manifests in all that follows; those that are gone are left out. The order of locks is that of a push. */
export async function holdAll(sql: Transaction, manifests: readonly number[]): Promise<HeldSubject[]> {
  return await sql.all<HeldSubject>`
    SELECT m.id AS manifest_id, r.id AS repository_id, r.name AS repository, g.id AS registry_id, g.scanning_enabled
      FROM ${idTable(sql, manifests)} AS i JOIN manifests m ON m.id = i.id
      JOIN repositories r ON r.id = m.repository_id JOIN registries g ON g.id = r.registry_id
     WHERE m.delete_id IS NULL AND r.delete_id IS NULL AND g.delete_id IS NULL ORDER BY m.id ${forUpdateOf(sql, 'm')}`
}

/** A verdict in the place of another. */
export interface Rejudged {
  readonly manifestId: number
  readonly repositoryId: number
  readonly registryId: number
  readonly before: Pick<NewScan, 'snapshot' | 'scanned_at'>
  readonly now: Pick<NewScan, 'status' | 'reason' | 'problems' | 'verdicts'>
  /** Null: it could not be judged. Undefined: the same as before. */
  readonly counts: Counts | null | undefined
  /** Names by which somebody may look for what was found: those that came and those that went. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** JSON for the history; null: nothing that a reader would notice. */
  readonly changes: string | null
}

/** @returns those that were written: who was judged by somebody else meanwhile keeps that verdict. */
export async function putVerdicts(sql: Transaction, all: readonly Rejudged[], snapshot: string): Promise<Rejudged[]> {
  const columns = {
    id: 'int',
    at: 'int',
    snapshot: 'text',
    status: 'text',
    reason: 'text',
    problems: 'text',
    verdicts: 'text',
  } as const
  const rows = all.map(({ manifestId, before, now }): Cell[] => [
    ...[manifestId, before.scanned_at, before.snapshot, now.status, now.reason, now.problems, now.verdicts],
  ])
  const written = await sql.all<{ id: number }>`
    UPDATE scans SET status = n.status, reason = n.reason, problems = n.problems, verdicts = n.verdicts,
                     snapshot = ${snapshot}, scanned_at = ${sql.now()}
      FROM ${rowTable(sql, columns, rows)} AS n
     WHERE scans.manifest_id = n.id AND scans.scanned_at = n.at AND scans.snapshot = n.snapshot
    RETURNING manifest_id AS id`
  const ids = new Set(written.map(({ id }) => id))
  return all.filter(({ manifestId }) => ids.has(manifestId))
}

/** What lists show, filters find and the history tells. */
export async function putConsequences(sql: Transaction, all: readonly Rejudged[]): Promise<void> {
  const at = sql.now()
  await countAgain(sql, all, at)
  await putNames(sql, all)
  const told = all.filter(({ changes }) => changes !== null)
  const entries = told.map(({ manifestId, changes }) => [manifestId, changes])
  if (told.length === 0) return
  await sql.run`
    INSERT INTO scan_history (manifest_id, at, changes)
    SELECT n.id, ${at}, n.changes FROM ${rowTable(sql, { id: 'int', changes: 'text' }, entries)} AS n WHERE 1 = 1`
  await trimHistory(
    sql,
    told.map(({ manifestId }) => manifestId),
  )
}

async function countAgain(sql: Transaction, all: readonly Rejudged[], at: number): Promise<void> {
  const same = all.filter(({ counts }) => counts === undefined).map(({ manifestId }) => manifestId)
  if (same.length > 0)
    await sql.run`
      UPDATE manifest_counters SET last_scanned_at = ${at}
       WHERE manifest_id IN (SELECT i.id FROM ${idTable(sql, same)} AS i)`
  const changed = all.filter(({ counts }) => counts !== undefined)
  if (changed.length === 0) return
  const columns = {
    id: 'int',
    repository: 'int',
    known: 'int',
    severity: 'int',
    tenths: 'int',
    found: 'int',
    fixable: 'int',
  } as const
  const rows = changed.map(({ manifestId, repositoryId, counts }): Cell[] => [
    ...[manifestId, repositoryId, counts ? 12 : 4],
    ...[
      counts?.maxSeverity ?? null,
      counts?.scoreTenths ?? null,
      counts?.vulnerabilities ?? null,
      counts?.fixable ?? null,
    ],
  ])
  const counted = rowTable(sql, columns, rows)
  await sql.run`
    UPDATE manifest_counters
       SET traits = (traits & 3) | n.known, last_scanned_at = ${at}, max_severity = n.severity, score_tenths = n.tenths,
           finding_count = n.found, fixable_count = n.fixable
      FROM ${counted} AS n WHERE manifest_counters.manifest_id = n.id`
  await sql.run`
    UPDATE repository_counters SET last_severity = n.severity FROM ${counted} AS n
     WHERE repository_counters.repository_id = n.repository AND NOT EXISTS (
       SELECT 1 FROM manifest_counters o
         JOIN manifest_counters x ON x.repository_id = o.repository_id AND x.last_pushed_at > o.last_pushed_at
        WHERE o.manifest_id = n.id AND x.is_listed = 1 AND NOT ${NOT_APPLICABLE('x')})`
}

async function putNames(sql: Transaction, all: readonly Rejudged[]): Promise<void> {
  const columns = { id: 'int', registry: 'int', name: 'text' } as const
  const rows = (of: 'added' | 'removed') =>
    all.flatMap((one) => one[of].map((name): Cell[] => [one.manifestId, one.registryId, name]))
  const [added, removed] = [rows('added'), rows('removed')]
  if (removed.length > 0)
    await sql.run`
      DELETE FROM image_vulnerabilities WHERE (registry_id, vulnerability, manifest_id) IN (
        SELECT n.registry, n.name, n.id FROM ${rowTable(sql, columns, removed)} AS n)`
  if (added.length > 0)
    await sql.run`
      INSERT INTO image_vulnerabilities (registry_id, vulnerability, manifest_id)
      SELECT n.registry, n.name, n.id FROM ${rowTable(sql, columns, added)} AS n WHERE 1 = 1
      ON CONFLICT (registry_id, vulnerability, manifest_id) DO NOTHING`
}

async function trimHistory(sql: Transaction, manifests: readonly number[]): Promise<void> {
  const rows = await sql.all<{ manifest_id: number; last: number | null }>`
    SELECT i.id AS manifest_id, (SELECT h.id FROM scan_history h WHERE h.manifest_id = i.id ORDER BY h.id DESC LIMIT 1 OFFSET ${HISTORY}) AS last
      FROM ${idTable(sql, manifests)} AS i`
  for (const { manifest_id, last } of rows)
    if (last !== null) await sql.run`DELETE FROM scan_history WHERE manifest_id = ${manifest_id} AND id <= ${last}`
}

/** Has the indexes that list them judged anew. `job` of one. */
export async function wakeParents(
  sql: Transaction,
  manifests: readonly number[],
  job: (manifestId: number) => Parameters<typeof insertJob>[1],
): Promise<void> {
  const rows = await sql.all<{ id: number }>`
    SELECT DISTINCT p.id FROM ${idTable(sql, manifests)} AS i JOIN manifests m ON m.id = i.id
      JOIN manifest_edges e ON e.repository_id = m.repository_id AND e.digest = m.digest AND e.kind = 'child'
      JOIN manifests p ON p.id = e.manifest_id WHERE p.delete_id IS NULL`
  for (const { id } of rows) await insertJob(sql, job(id))
}

/** What is said of the packages of the next manifests after that id: as `scans.verdicts` has it. */
export async function verdictsAfter(
  sql: Reader,
  { after, limit }: Stretch,
): Promise<{ manifest_id: number; verdicts: string }[]> {
  return await sql.all<{ manifest_id: number; verdicts: string }>`
    SELECT manifest_id, verdicts FROM scans WHERE manifest_id > ${after} ORDER BY manifest_id LIMIT ${limit}`
}
