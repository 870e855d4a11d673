import type { Reader, Transaction } from '../metadata-store.ts'
import { literal } from '../sql.ts'

export interface ActiveSnapshot {
  readonly id: string
  /** JSON: SourceState[]. */
  readonly sources: string
  readonly created_at: number
  readonly installed_at: number
  /** 1: whatever it concerns and is in use was judged by it. */
  readonly is_rematched: number
}

const ACTIVE = literal(
  'id, sources, created_at, COALESCE(installed_at, 0) AS installed_at, CASE WHEN rematched_at IS NULL THEN 0 ELSE 1 END AS is_rematched',
)

/** What images are judged by now; null: nothing was installed yet. */
export async function activeSnapshot(sql: Reader): Promise<ActiveSnapshot | null> {
  return await sql.get<ActiveSnapshot>`
    SELECT ${ACTIVE} FROM advisory_snapshots WHERE state = 'active'`
}

export async function snapshotState(sql: Reader, id: string): Promise<'writing' | 'active' | 'retired' | null> {
  const row = await sql.get<{ state: 'writing' | 'active' | 'retired' }>`
    SELECT state FROM advisory_snapshots WHERE id = ${id}`
  return row?.state ?? null
}

/** What is to be done before images are as the advisories in force would judge them. */
export interface Unmatched {
  readonly snapshot: string
  /** The last of `advisory_changes`: another one means that something else came into force meanwhile. */
  readonly change: number
  /** All that differs since a re-evaluation was over last, the oldest first; null: everything may. */
  readonly changes: readonly (Uint8Array | null)[] | null
}

/**
 * Null: nothing is in force. Re-evaluations that never ended are in it, whatever became of them: who builds on what only the last
 * snapshot changed passes over what they left.
 */
export async function unmatched(sql: Reader): Promise<Unmatched | null> {
  const active = await activeSnapshot(sql)
  if (active === null) return null
  const row = await sql.get<{ done: number | null; last: number | null }>`
    SELECT MAX(CASE WHEN s.rematched_at IS NULL THEN NULL ELSE c.id END) AS done, MAX(c.id) AS last
      FROM advisory_changes c LEFT JOIN advisory_snapshots s ON s.id = c.to_snapshot`
  const { done = null, last = null } = row ?? {}
  const rows =
    done === null
      ? null
      : await sql.all<{ changes: Uint8Array | null }>`
          SELECT changes FROM advisory_changes WHERE id > ${done} ORDER BY id`
  return { snapshot: active.id, change: last ?? 0, changes: rows?.map(({ changes }) => changes) ?? null }
}

/** All that it concerns and that is in use was judged by it, unless others came into force meanwhile. What was given up is made good. */
export async function markRematched(sql: Transaction, { snapshot, change }: Omit<Unmatched, 'changes'>): Promise<void> {
  const marked = await sql.run`
    UPDATE advisory_snapshots SET rematched_at = ${sql.now()} WHERE state = 'active' AND id = ${snapshot}
       AND COALESCE((SELECT MAX(id) FROM advisory_changes), 0) = ${change}`
  if (marked === 1) await forgetDeadRematches(sql)
}

/** Whether nobody re-evaluates, or will: it was given up for good, before then, or taken out of the queue. */
export async function isRematchLost(sql: Reader, { id, before }: { readonly id: string; readonly before: number }) {
  const row = await sql.get`
    SELECT 1 AS one FROM jobs
     WHERE kind = 'rematch' AND dedupe_key = ${id} AND (state <> 'dead' OR run_after > ${before}) LIMIT 1`
  return row === null
}

/** What was given up is begun anew, as another job. */
export async function forgetDeadRematches(sql: Transaction): Promise<void> {
  await sql.run`DELETE FROM jobs WHERE kind = 'rematch' AND state = 'dead'`
}

/** A writer that says nothing for so long is dead. */
const WRITER_MS = 60_000

/**
 * Begins, also anew where a process died half way; whatever else was left half done goes. False: another process does it just now.
 * `writer`: a new name for each try.
 */
export async function beginSnapshot(
  sql: Transaction,
  snapshot: { readonly id: string; readonly writer: string; readonly sources: string; readonly createdAt: number },
): Promise<boolean> {
  const now = sql.now()
  await sql.run`DELETE FROM advisory_snapshots WHERE state = 'writing' AND written_at < ${now - WRITER_MS}`
  await sql.run`DELETE FROM advisory_snapshots WHERE state = 'retired' AND id = ${snapshot.id}`
  const added = await sql.run`
    INSERT INTO advisory_snapshots (id, state, writer, written_at, sources, created_at)
    VALUES (${snapshot.id}, 'writing', ${snapshot.writer}, ${now}, ${snapshot.sources}, ${snapshot.createdAt})
    ON CONFLICT DO NOTHING`
  return added === 1
}

/** False: it was taken out of this writer's hands. */
export async function addSnapshotPart(
  sql: Transaction,
  part: { readonly id: string; readonly writer: string; readonly position: number; readonly content: Uint8Array },
): Promise<boolean> {
  if (!(await isWriter(sql, part))) return false
  await sql.run`
    INSERT INTO advisory_snapshot_parts (snapshot_id, position, content)
    VALUES (${part.id}, ${part.position}, ${part.content})`
  return true
}

async function isWriter(sql: Transaction, by: { readonly id: string; readonly writer: string }): Promise<boolean> {
  return (
    (await sql.run`
      UPDATE advisory_snapshots SET written_at = ${sql.now()}
       WHERE id = ${by.id} AND writer = ${by.writer} AND state = 'writing'`) === 1
  )
}

/** It comes to nothing. */
export async function abandonSnapshot(
  sql: Transaction,
  by: { readonly id: string; readonly writer: string },
): Promise<void> {
  await sql.run`DELETE FROM advisory_snapshots WHERE id = ${by.id} AND writer = ${by.writer} AND state = 'writing'`
}

export async function snapshotPart(sql: Reader, id: string, position: number): Promise<Uint8Array | null> {
  const row = await sql.get<{ content: Uint8Array }>`
    SELECT content FROM advisory_snapshot_parts WHERE snapshot_id = ${id} AND position = ${position}`
  return row?.content ?? null
}

/**
 * From now on it counts; false: it was taken out of this writer's hands. The one before it loses its content: whoever reads it has it
 * open.
 */
export async function activateSnapshot(
  sql: Transaction,
  by: { readonly id: string; readonly writer: string },
): Promise<boolean> {
  if (!(await isWriter(sql, by))) return false
  const now = sql.now()
  await sql.run`
    DELETE FROM advisory_snapshot_parts WHERE snapshot_id IN (SELECT id FROM advisory_snapshots WHERE state = 'active')`
  await sql.run`UPDATE advisory_snapshots SET state = 'retired' WHERE state = 'active'`
  await sql.run`
    UPDATE advisory_snapshots
       SET state = 'active', installed_at = ${now}, rematched_at = NULL, writer = NULL, written_at = NULL WHERE id = ${by.id}`
  return true
}

/** What was judged longer ago is judged as a whole. */
const CHANGES_KEPT_MS = 90 * 24 * 3_600_000

/** What differs between the one that was active and the one that is. Null: everything may. */
export async function addChanges(
  sql: Transaction,
  change: { readonly from: string | null; readonly to: string; readonly changes: Uint8Array | null },
): Promise<void> {
  const now = sql.now()
  await sql.run`
    INSERT INTO advisory_changes (from_snapshot, to_snapshot, at, changes)
    VALUES (${change.from}, ${change.to}, ${now}, ${change.changes})`
  await sql.run`DELETE FROM advisory_changes WHERE at < ${now - CHANGES_KEPT_MS}`
}

/** All that changed since that one was active last, the oldest first; empty: nobody remembers. */
export async function changesSince(sql: Reader, snapshot: string): Promise<(Uint8Array | null)[]> {
  const rows = await sql.all<{ changes: Uint8Array | null }>`
    SELECT changes FROM advisory_changes
     WHERE id >= (SELECT MAX(id) FROM advisory_changes WHERE from_snapshot = ${snapshot}) ORDER BY id`
  return rows.map(({ changes }) => changes)
}
