import type { Fragment, Reader } from '../metadata-store.ts'
import { sql as fragment, literal } from '../sql.ts'

// What `entrepot check` reads (design.md 13). Every query looks at a window of ids and is one statement: consistent in
// itself while the server runs. What it finds wrong the caller looks at again before calling it damage.

/** Ids from `from` (exclusive) to `upTo` (inclusive). */
export interface IdWindow {
  readonly from: number
  readonly upTo: number
  /** Rows in it when it was measured. */
  readonly rows: number
}

export type NumberedTable =
  | 'data_keys'
  | 'registries'
  | 'repositories'
  | 'manifests'
  | 'tags'
  | 'repository_blobs'
  | 'blobs'

/** The next `limit` rows behind `from`, or null at the end of the table. */
export async function nextWindow(
  sql: Reader,
  table: NumberedTable,
  from: number,
  limit: number,
): Promise<IdWindow | null> {
  const row = await sql.get<{ up_to: number | null; found: number }>`
    SELECT MAX(w.id) AS up_to, COUNT(*) AS found
      FROM (SELECT t.id FROM ${literal(table)} t WHERE t.id > ${from} ORDER BY t.id LIMIT ${limit}) w`
  return row?.up_to == null ? null : { from, upTo: row.up_to, rows: Number(row.found) }
}

function within(column: string, { from, upTo }: IdWindow): Fragment {
  return fragment`${literal(column)} > ${from} AND ${literal(column)} <= ${upTo}`
}

export interface CheckedKey {
  readonly id: number
  readonly registry_id: number
  readonly destroyed: number
}

export async function keysIn(sql: Reader, window: IdWindow): Promise<CheckedKey[]> {
  return await sql.all<CheckedKey>`
    SELECT k.id, k.registry_id, CASE WHEN k.wrapped IS NULL THEN 1 ELSE 0 END AS destroyed
      FROM data_keys k WHERE ${within('k.id', window)} ORDER BY k.id`
}

/** Live registries that nothing new could be encrypted for. */
export async function registriesWithoutKey(sql: Reader, window: IdWindow) {
  return await sql.all<{ id: number; name: string }>`
    SELECT g.id, g.name FROM registries g
     WHERE ${within('g.id', window)} AND g.delete_id IS NULL
       AND NOT EXISTS (SELECT 1 FROM data_keys k WHERE k.registry_id = g.id AND k.wrapped IS NOT NULL)`
}

export async function repositoriesWithoutCounters(sql: Reader, window: IdWindow) {
  return await sql.all<{ id: number; name: string }>`
    SELECT r.id, r.name FROM repositories r
     WHERE ${within('r.id', window)}
       AND NOT EXISTS (SELECT 1 FROM repository_counters c WHERE c.repository_id = r.id)`
}

/** Repositories whose counters or places in lists are not what their manifests make them. */
export async function repositoriesMiscounted(sql: Reader, window: IdWindow) {
  return await sql.all<{ name: string; counted: number; listed: number; artifacts: number }>`
    SELECT name, counted, listed, artifacts FROM (
      SELECT r.name, r.delete_id, c.listing, c.artifact_count AS counted,
             (SELECT COUNT(*) FROM manifest_counters k WHERE k.repository_id = r.id AND k.is_listed = 1) AS listed,
             (SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id AND m.delete_id IS NULL) AS artifacts
        FROM repositories r JOIN repository_counters c ON c.repository_id = r.id
       WHERE ${within('r.id', window)} AND c.registry_id IS NOT NULL) AS repository
     WHERE counted <> artifacts
        OR (delete_id IS NULL AND (COALESCE(listing, 0) <> 1 OR listed <> artifacts))
        OR (delete_id IS NOT NULL AND (COALESCE(listing, 0) <> 0 OR (listing IS NULL AND listed <> 0)))`
}

export interface CheckedManifest {
  readonly id: number
  readonly digest: string
  readonly media_type: string
  readonly artifact_type: string | null
  readonly size: number
  readonly subject: string | null
  readonly data_key_id: number
  readonly registry_id: number
  readonly repository: string
  readonly live: number
  readonly counted: number
}

export async function manifestsIn(sql: Reader, window: IdWindow): Promise<CheckedManifest[]> {
  return await sql.all<CheckedManifest>`
    SELECT m.id, m.digest, m.media_type, m.artifact_type, m.size, m.subject, m.data_key_id, r.registry_id, r.name AS repository,
           CASE WHEN m.delete_id IS NULL THEN 1 ELSE 0 END AS live,
           CASE WHEN EXISTS (SELECT 1 FROM manifest_counters c WHERE c.manifest_id = m.id) THEN 1 ELSE 0 END AS counted
      FROM manifests m JOIN repositories r ON r.id = m.repository_id
     WHERE ${within('m.id', window)} ORDER BY m.id`
}

export interface CheckedEdge {
  readonly position: number
  readonly kind: string
  readonly digest: string
  readonly media_type: string
  readonly size: number
}

export async function edgesOf(sql: Reader, manifestId: number): Promise<CheckedEdge[]> {
  return await sql.all<CheckedEdge>`
    SELECT e.position, e.kind, e.digest, e.media_type, e.size FROM manifest_edges e
     WHERE e.manifest_id = ${manifestId} AND e.repository_id = (SELECT repository_id FROM manifests WHERE id = ${manifestId})
     ORDER BY e.position`
}

export interface OpenEdge extends CheckedEdge {
  readonly manifest_id: number
  readonly manifest: string
  readonly repository: string
  /** Of the blob the repository may serve under that digest; null: none. */
  readonly blob_size: number | null
}

/** Config and layers of live manifests that their repository cannot serve as the manifest says. */
export async function openEdges(sql: Reader, window: IdWindow): Promise<OpenEdge[]> {
  return await sql.all<OpenEdge>`
    SELECT e.manifest_id, m.digest AS manifest, r.name AS repository, e.position, e.kind, e.digest, e.media_type, e.size,
           b.size AS blob_size
      FROM manifests m
      JOIN manifest_edges e ON e.manifest_id = m.id AND e.kind IN ('config', 'layer')
      JOIN repositories r ON r.id = m.repository_id
      LEFT JOIN repository_blobs l
        ON l.repository_id = m.repository_id AND l.digest = e.digest AND l.delete_id IS NULL
      LEFT JOIN blobs b ON b.id = l.blob_id AND b.state = 'live'
     WHERE ${within('m.id', window)} AND m.delete_id IS NULL AND (b.id IS NULL OR b.size <> e.size)
     ORDER BY e.manifest_id, e.position`
}

export async function strayTags(sql: Reader, window: IdWindow) {
  return await sql.all<{ id: number; name: string; repository: string; manifest: string | null }>`
    SELECT t.id, t.name, r.name AS repository, m.digest AS manifest
      FROM tags t JOIN repositories r ON r.id = t.repository_id LEFT JOIN manifests m ON m.id = t.manifest_id
     WHERE ${within('t.id', window)} AND t.delete_id IS NULL AND (m.id IS NULL OR m.repository_id <> t.repository_id)`
}

/** Live links to a blob that is not live, of another digest, or of another registry. */
export async function strayLinks(sql: Reader, window: IdWindow) {
  return await sql.all<{ id: number; digest: string; repository: string; state: string | null }>`
    SELECT l.id, l.digest, r.name AS repository, b.state
      FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id LEFT JOIN blobs b ON b.id = l.blob_id
     WHERE ${within('l.id', window)} AND l.delete_id IS NULL
       AND (b.id IS NULL OR b.state <> 'live' OR b.digest <> l.digest OR b.registry_id <> r.registry_id)`
}

export interface CheckedBlob {
  readonly id: number
  readonly registry_id: number
  readonly digest: string
  readonly size: number
  readonly state: 'live' | 'deleting'
}

export async function blobsIn(sql: Reader, window: IdWindow): Promise<CheckedBlob[]> {
  return await sql.all<CheckedBlob>`
    SELECT b.id, b.registry_id, b.digest, b.size, b.state FROM blobs b WHERE ${within('b.id', window)} ORDER BY b.id`
}

export async function blobIsLive(sql: Reader, id: number): Promise<boolean> {
  return (await sql.get`SELECT b.id FROM blobs b WHERE b.id = ${id} AND b.state = 'live'`) !== null
}

export interface CheckedPart {
  readonly position: number
  readonly object_id: string
  readonly start: number
  readonly size: number
  readonly object_size: number
  readonly state: string
  readonly data_key_id: number
  readonly registry_id: number
}

export async function partsOf(sql: Reader, blobId: number): Promise<CheckedPart[]> {
  return await sql.all<CheckedPart>`
    SELECT p.position, p.object_id, p.start, p.size, o.size AS object_size, o.state, o.data_key_id, o.registry_id
      FROM blob_objects p JOIN objects o ON o.id = p.object_id
     WHERE p.blob_id = ${blobId} ORDER BY p.position`
}

export interface CheckedObject {
  readonly id: string
  readonly state: 'writing' | 'stored' | 'deleting'
  readonly size: number
  readonly lease_until: number
  /** 1: a blob or a session consists of it. */
  readonly owned: number
}

const OBJECT = literal(`o.id, o.state, o.size, o.lease_until,
  CASE WHEN EXISTS (SELECT 1 FROM blob_objects p WHERE p.object_id = o.id)
         OR EXISTS (SELECT 1 FROM upload_objects u WHERE u.object_id = o.id) THEN 1 ELSE 0 END AS owned`)

export async function objectsAfter(sql: Reader, after: string, limit: number): Promise<CheckedObject[]> {
  return await sql.all<CheckedObject>`
    SELECT ${OBJECT} FROM objects o WHERE o.id > ${after} ORDER BY o.id LIMIT ${limit}`
}

export async function findObject(sql: Reader, id: string): Promise<CheckedObject | null> {
  return await sql.get<CheckedObject>`SELECT ${OBJECT} FROM objects o WHERE o.id = ${id}`
}

/** `knownObjects` takes at most this many ids. */
export const MOST_IDS = 200
/** One text for all calls: a statement is prepared once for each text. */
const ID_LIST = ['(', ...Array<string>(MOST_IDS - 1).fill(', '), ')']

/** Which of `ids` have a row. */
export async function knownObjects(sql: Reader, ids: readonly string[]): Promise<Set<string>> {
  const padding = Array<string>(MOST_IDS - ids.length).fill('')
  const list: Fragment = { text: ID_LIST, values: [...ids, ...padding] }
  const rows = await sql.all<{ id: string }>`SELECT o.id FROM objects o WHERE o.id IN ${list}`
  return new Set(rows.map((row) => row.id))
}

export interface CheckedUpload {
  readonly id: string
  readonly size: number
  readonly object_count: number
  readonly parts: number
  readonly last_position: number
  readonly bytes: number
  readonly unstored: number
}

/** Open sessions with what their list of objects adds up to. */
export async function uploadsAfter(sql: Reader, after: string, limit: number): Promise<CheckedUpload[]> {
  return await sql.all<CheckedUpload>`
    SELECT u.id, u.size, u.object_count, COUNT(p.object_id) AS parts, COALESCE(MAX(p.position), -1) AS last_position,
           CAST(COALESCE(SUM(p.size), 0) AS BIGINT) AS bytes,
           COUNT(CASE WHEN o.state <> 'stored' OR o.size <> p.size THEN 1 END) AS unstored
      FROM uploads u
      LEFT JOIN upload_objects p ON p.upload_id = u.id
      LEFT JOIN objects o ON o.id = p.object_id
     WHERE u.state = 'open' AND u.id > ${after}
     GROUP BY u.id, u.size, u.object_count ORDER BY u.id LIMIT ${limit}`
}

/** What SQLite itself finds wrong with its file; PostgreSQL has its own tools. */
export async function databaseFaults(sql: Reader): Promise<string[]> {
  if (sql.dialect !== 'sqlite') return []
  const pages = await sql.all<{ quick_check: string }>`PRAGMA quick_check(20)`
  const keys = await sql.all<{ table: string; parent: string; rowid: number }>`PRAGMA foreign_key_check`
  return [
    ...pages.map((row) => row.quick_check).filter((text) => text !== 'ok'),
    ...keys.slice(0, 20).map((row) => `row ${row.rowid} of ${row.table} refers to a row of ${row.parent} that is gone`),
  ]
}
