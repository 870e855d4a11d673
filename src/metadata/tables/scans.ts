import type { Fragment, Reader, Transaction } from '../metadata-store.ts'
import { forUpdateOf, idTable, literal, NOTHING, sql as piece, rowTable } from '../sql.ts'

export type ScanStatus = 'scanned' | 'unknown' | 'not_applicable'

/** What is to be scanned, and where it lies. */
export interface ScanSubject {
  readonly manifest_id: number
  readonly repository_id: number
  readonly repository: string
  readonly registry_id: number
  readonly contract_id: number
  readonly scanning_enabled: number
  readonly digest: string
  readonly media_type: string
  readonly artifact_type: string | null
}

const SUBJECT = piece`
  SELECT m.id AS manifest_id, r.id AS repository_id, r.name AS repository, g.id AS registry_id, g.contract_id,
         g.scanning_enabled, m.digest, m.media_type, m.artifact_type
    FROM manifests m JOIN repositories r ON r.id = m.repository_id JOIN registries g ON g.id = r.registry_id`
const LIVE = literal('m.delete_id IS NULL AND r.delete_id IS NULL AND g.delete_id IS NULL')

/** Null: it is gone, or hidden by a deletion. */
export async function isScanningOn(sql: Reader, registryId: number): Promise<boolean> {
  const row = await sql.get`SELECT 1 AS one FROM registries WHERE id = ${registryId} AND scanning_enabled = 1`
  return row !== null
}

export async function scanSubject(sql: Reader, manifestId: number): Promise<ScanSubject | null> {
  return await sql.get<ScanSubject>`${SUBJECT} WHERE m.id = ${manifestId} AND ${LIVE}`
}

export async function scanSubjectAt(sql: Reader, repositoryId: number, digest: string): Promise<ScanSubject | null> {
  return await sql.get<ScanSubject>`
    ${SUBJECT} WHERE m.repository_id = ${repositoryId} AND m.digest = ${digest} AND ${LIVE}`
}

export interface EdgeRow {
  readonly kind: 'config' | 'layer' | 'child' | 'subject'
  readonly digest: string
  readonly media_type: string
  readonly size: number
}

/** In the order of the manifest: layers from the lowest up. */
export async function edgesOf(sql: Reader, manifestId: number): Promise<EdgeRow[]> {
  return await sql.all<EdgeRow>`
    SELECT kind, digest, media_type, size FROM manifest_edges WHERE manifest_id = ${manifestId} ORDER BY position`
}

/** Live indexes of the repository that list this manifest. */
export async function parentsOf(sql: Reader, repositoryId: number, digest: string): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT DISTINCT m.id FROM manifest_edges e JOIN manifests m ON m.id = e.manifest_id
     WHERE e.repository_id = ${repositoryId} AND e.digest = ${digest} AND e.kind = 'child' AND m.delete_id IS NULL`
  return rows.map(({ id }) => id)
}

/** Live manifests of a registry in the order of their ids. */
export async function manifestsToScan(sql: Reader, registryId: number, { after, limit }: Stretch): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT c.manifest_id AS id FROM manifest_counters c
     WHERE c.registry_id = ${registryId} AND c.is_listed = 1 AND c.manifest_id > ${after} ORDER BY c.manifest_id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

/** Of how many manifests one statement tells. */
export interface Stretch {
  /** Those of higher ids. */
  readonly after: number
  readonly limit: number
}

/** The id at the end of a stretch of all manifests; null: there are no more. */
export async function endOfStretch(sql: Reader, { after, limit }: Stretch): Promise<number | null> {
  const row = await sql.get<{ id: number | null }>`
    SELECT MAX(i.id) AS id FROM (
      SELECT c.manifest_id AS id FROM manifest_counters c WHERE c.manifest_id > ${after} ORDER BY c.manifest_id LIMIT ${limit}) AS i`
  return row?.id ?? null
}

/**
 * Up to the id `end`, live ones in registries that are scanned which nobody looked at, or only an older analyzer, before that time. A
 * try that came to nothing is one of version 0.
 */
export async function manifestsMissed(
  sql: Reader,
  than: { readonly analyzerVersion: number; readonly before: number; readonly end: number },
  { after, limit }: Stretch,
): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT c.manifest_id AS id FROM manifest_counters c
      JOIN registries g ON g.id = c.registry_id LEFT JOIN scans s ON s.manifest_id = c.manifest_id
     WHERE c.manifest_id > ${after} AND c.manifest_id <= ${than.end} AND c.is_listed = 1 AND g.scanning_enabled = 1
       AND (s.manifest_id IS NULL OR (s.analyzer_version < ${than.analyzerVersion} AND s.scanned_at < ${than.before}))
     ORDER BY c.manifest_id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

/** A verdict as it is written. */
export interface NewScan {
  readonly manifest_id: number
  readonly status: ScanStatus
  readonly reason: string | null
  readonly scanned_at: number
  readonly analyzer_version: number
  readonly snapshot: string | null
  readonly lowest_layer: string | null
  /** JSON: ImageTraits. */
  readonly traits: string | null
  /** JSON: Problem[]. */
  readonly problems: string
  /** JSON: pairs of ids, of a package and of what is said of it. */
  readonly verdicts: string
}

/** With all that belongs to it. */
export interface ScanRow extends NewScan {
  readonly inventory: Uint8Array | null
  /** What is said, by the keys of packages. */
  readonly said: readonly { readonly key: string; readonly content: Uint8Array }[]
}

export async function findScan(sql: Reader, manifestId: number): Promise<ScanRow | null> {
  const scan = await sql.get<Omit<ScanRow, 'said'>>`
    SELECT s.manifest_id, s.status, s.reason, s.scanned_at, s.analyzer_version, s.snapshot, s.lowest_layer, s.traits, s.problems,
           s.verdicts, i.inventory
      FROM scans s LEFT JOIN scan_inventories i ON i.manifest_id = s.manifest_id WHERE s.manifest_id = ${manifestId}`
  if (scan === null) return null
  const pairs = JSON.parse(scan.verdicts) as [number, number][]
  const said = await sql.all<{ key: string; content: Uint8Array }>`
    SELECT p.key, v.content FROM ${rowTable(sql, { package_id: 'int', verdict_id: 'int' }, pairs)} AS n
      JOIN judged_packages p ON p.id = n.package_id JOIN package_verdicts v ON v.id = n.verdict_id`
  // Other statements may have come in between, if this is no transaction: what lacks a part is read again.
  if (said.length < pairs.length) throw new TypeError(`what was said of packages of manifest ${manifestId} is gone`)
  return { ...scan, said }
}

/** The verdict alone. */
export async function findVerdict(sql: Reader, manifestId: number): Promise<NewScan | null> {
  return await sql.get<NewScan>`
    SELECT manifest_id, status, reason, scanned_at, analyzer_version, snapshot, lowest_layer, traits, problems, verdicts
      FROM scans WHERE manifest_id = ${manifestId}`
}

/** Holds the manifest's place in all that follows; false when it is gone, or hidden. The order of locks is that of a push. */
export async function holdScanned(sql: Transaction, manifestId: number): Promise<boolean> {
  const row = await sql.get`${SUBJECT} WHERE m.id = ${manifestId} AND ${LIVE} ${forUpdateOf(sql, 'm')}`
  return row !== null
}

export async function putScan(sql: Transaction, row: NewScan): Promise<void> {
  await sql.run`
    INSERT INTO scans (manifest_id, status, reason, scanned_at, analyzer_version, snapshot, lowest_layer, traits, problems, verdicts)
    VALUES (${row.manifest_id}, ${row.status}, ${row.reason}, ${row.scanned_at}, ${row.analyzer_version}, ${row.snapshot},
            ${row.lowest_layer}, ${row.traits}, ${row.problems}, ${row.verdicts})
    ON CONFLICT (manifest_id) DO UPDATE
       SET status = excluded.status, reason = excluded.reason, scanned_at = excluded.scanned_at,
           analyzer_version = excluded.analyzer_version, snapshot = excluded.snapshot, lowest_layer = excluded.lowest_layer,
           traits = excluded.traits, problems = excluded.problems, verdicts = excluded.verdicts`
}

/** Null: nothing could be read of it. */
export async function putInventory(sql: Transaction, manifestId: number, inventory: Uint8Array | null): Promise<void> {
  if (inventory === null) await sql.run`DELETE FROM scan_inventories WHERE manifest_id = ${manifestId}`
  else
    await sql.run`
      INSERT INTO scan_inventories (manifest_id, inventory) VALUES (${manifestId}, ${inventory})
      ON CONFLICT (manifest_id) DO UPDATE SET inventory = excluded.inventory`
}

export interface Counts {
  /** As in domain/severity.ts. */
  readonly maxSeverity: number
  /** The sum of the scores. */
  readonly scoreTenths: number
  readonly vulnerabilities: number
  readonly fixable: number
}

/** What lists show of it (migrations/0002-contents.ts). `counts` null: it could not be judged. */
export async function countScan(
  sql: Transaction,
  scanned: { readonly manifestId: number; readonly repositoryId: number; readonly at: number },
  counts: Counts | null,
): Promise<void> {
  const { manifestId, repositoryId, at } = scanned
  await sql.run`
    UPDATE manifest_counters
       SET traits = (traits & 3) | ${counts === null ? 4 : 12}, last_scanned_at = ${at},
           max_severity = ${counts?.maxSeverity ?? null}, score_tenths = ${counts?.scoreTenths ?? null},
           finding_count = ${counts?.vulnerabilities ?? null}, fixable_count = ${counts?.fixable ?? null}
     WHERE manifest_id = ${manifestId}`
  await sql.run`
    UPDATE repository_counters SET last_severity = ${counts?.maxSeverity ?? null}
     WHERE repository_id = ${repositoryId} AND NOT EXISTS (
       SELECT 1 FROM manifest_counters o
         JOIN manifest_counters n ON n.repository_id = o.repository_id AND n.last_pushed_at > o.last_pushed_at
        WHERE o.manifest_id = ${manifestId} AND n.is_listed = 1 AND NOT ${NOT_APPLICABLE('n')})`
}

/** Signatures and the like are pushed after the image they belong to: it is the image that a repository's severity tells of. */
export const NOT_APPLICABLE = (counters: string): Fragment =>
  literal(
    `EXISTS (SELECT 1 FROM scans s WHERE s.manifest_id = ${counters}.manifest_id AND s.status = 'not_applicable')`,
  )
/** So many of them are passed over at most. */
const MOST_PASSED_OVER = 50

/** That lists show nothing of it, and the repository what it had before it. */
export async function countNotApplicable(
  sql: Transaction,
  { manifestId, repositoryId }: { readonly manifestId: number; readonly repositoryId: number },
): Promise<void> {
  await sql.run`
    UPDATE manifest_counters
       SET traits = traits & 3, last_scanned_at = 0, max_severity = NULL, score_tenths = NULL, finding_count = NULL,
           fixable_count = NULL
     WHERE manifest_id = ${manifestId} AND traits > 3`
  await sql.run`
    UPDATE repository_counters SET last_severity = (
      SELECT n.max_severity FROM (
        SELECT c.manifest_id, c.max_severity, c.last_pushed_at FROM manifest_counters c
         WHERE c.repository_id = ${repositoryId} AND c.is_listed = 1
         ORDER BY c.last_pushed_at DESC, c.manifest_id DESC LIMIT ${MOST_PASSED_OVER}) AS n
       WHERE NOT ${NOT_APPLICABLE('n')} ORDER BY n.last_pushed_at DESC, n.manifest_id DESC LIMIT 1)
     WHERE repository_id = ${repositoryId} AND last_severity IS NULL`
}

/** Replaces what the manifest holds. Each once. */
export async function putImagePackages(
  sql: Transaction,
  manifestId: number,
  packages: readonly number[],
): Promise<void> {
  await sql.run`DELETE FROM image_packages WHERE manifest_id = ${manifestId}`
  await sql.run`
    INSERT INTO image_packages (package_id, manifest_id)
    SELECT i.id, ${manifestId} FROM ${idTable(sql, packages)} AS i WHERE 1 = 1`
}

/** Replaces the names of what was found in it. Each once. */
export async function putImageVulnerabilities(
  sql: Transaction,
  { manifestId, registryId }: { readonly manifestId: number; readonly registryId: number },
  names: readonly string[],
): Promise<void> {
  await sql.run`DELETE FROM image_vulnerabilities WHERE manifest_id = ${manifestId}`
  await sql.run`
    INSERT INTO image_vulnerabilities (registry_id, vulnerability, manifest_id)
    SELECT ${registryId}, n.name, ${manifestId}
      FROM ${rowTable(
        sql,
        { name: 'text' },
        names.map((name) => [name]),
      )} AS n WHERE 1 = 1`
}

/** Which of these were neither pushed nor pulled since then, and judged by other advisories than these. */
export async function manifestsAsleep(sql: Reader, ids: readonly number[], since: number): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT s.manifest_id AS id FROM ${idTable(sql, ids)} AS i
      JOIN scans s ON s.manifest_id = i.id JOIN manifest_counters c ON c.manifest_id = s.manifest_id
     WHERE c.last_pushed_at < ${since} AND c.last_pulled_at < ${since}
       AND NOT EXISTS (SELECT 1 FROM advisory_snapshots a WHERE a.state = 'active' AND a.id = s.snapshot)`
  return rows.map(({ id }) => id)
}

/** Live manifests that these, as indexes, list and that are here. */
export async function listedBy(sql: Reader, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return []
  const rows = await sql.all<{ id: number }>`
    SELECT DISTINCT m.id FROM ${idTable(sql, ids)} AS i
      JOIN manifest_edges e ON e.manifest_id = i.id AND e.kind = 'child'
      JOIN manifests m ON m.repository_id = e.repository_id AND m.digest = e.digest AND m.delete_id IS NULL`
  return rows.map(({ id }) => id)
}

/** When it, or an index that lists it, was pushed or pulled last. */
export async function lastTouched(sql: Reader, { manifest_id, repository_id, digest }: ScanSubject): Promise<number> {
  const ids = [manifest_id, ...(await parentsOf(sql, repository_id, digest))]
  const row = await sql.get<{ pushed: number | null; pulled: number | null }>`
    SELECT MAX(c.last_pushed_at) AS pushed, MAX(c.last_pulled_at) AS pulled
      FROM ${idTable(sql, ids)} AS i JOIN manifest_counters c ON c.manifest_id = i.id`
  return Math.max(row?.pushed ?? 0, row?.pulled ?? 0)
}

/** At most so many are kept of one manifest. */
export const HISTORY = 200

export async function addHistory(sql: Transaction, manifestId: number, changes: string): Promise<void> {
  await sql.run`INSERT INTO scan_history (manifest_id, at, changes) VALUES (${manifestId}, ${sql.now()}, ${changes})`
  await sql.run`
    DELETE FROM scan_history WHERE manifest_id = ${manifestId} AND id <= (
      SELECT id FROM scan_history WHERE manifest_id = ${manifestId} ORDER BY id DESC LIMIT 1 OFFSET ${HISTORY})`
}

/** Of several manifests together, the newest first, before that id. */
export async function historyOf(
  sql: Reader,
  manifestIds: readonly number[],
  { before, limit }: { readonly before: number; readonly limit: number },
) {
  return await sql.all<{ id: number; digest: string; at: number; changes: string }>`
    SELECT h.id, m.digest, h.at, h.changes FROM ${idTable(sql, manifestIds)} AS i
      JOIN scan_history h ON h.manifest_id = i.id JOIN manifests m ON m.id = i.id
     WHERE h.id < ${before} ORDER BY h.id DESC LIMIT ${limit}`
}

/** Live manifests in sight in which a vulnerability of that name was found, the newest first. */
export async function manifestsOfSight(
  sql: Reader,
  sight: { readonly contractId: number; readonly registryIds: readonly number[] | null },
  vulnerability: string,
  limit: number,
): Promise<number[]> {
  const ids = sight.registryIds
  const within = ids === null ? NOTHING : piece`AND g.id IN (SELECT i.id FROM ${idTable(sql, ids)} AS i)`
  const rows = await sql.all<{ id: number }>`
    SELECT m.id FROM image_vulnerabilities v
      JOIN manifests m ON m.id = v.manifest_id JOIN repositories r ON r.id = m.repository_id
      JOIN registries g ON g.id = r.registry_id
     WHERE v.vulnerability = ${vulnerability} AND g.contract_id = ${sight.contractId} ${within} AND ${LIVE}
     ORDER BY v.manifest_id DESC LIMIT ${limit}`
  return rows.map(({ id }) => id)
}
