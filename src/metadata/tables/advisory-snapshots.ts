import type { Reader, Transaction } from '../metadata-store.ts'

export interface ActiveSnapshot {
  readonly id: string
  /** JSON: SourceState[]. */
  readonly sources: string
  readonly created_at: number
  readonly installed_at: number
}

/** What images are judged by now; null: nothing was installed yet. */
export async function activeSnapshot(sql: Reader): Promise<ActiveSnapshot | null> {
  return await sql.get<ActiveSnapshot>`
    SELECT id, sources, created_at, COALESCE(installed_at, 0) AS installed_at FROM advisory_snapshots WHERE state = 'active'`
}

export async function snapshotState(sql: Reader, id: string): Promise<'writing' | 'active' | 'retired' | null> {
  const row = await sql.get<{ state: 'writing' | 'active' | 'retired' }>`
    SELECT state FROM advisory_snapshots WHERE id = ${id}`
  return row?.state ?? null
}

/** Begins anew, also where a process died half way. */
export async function beginSnapshot(
  sql: Transaction,
  snapshot: { readonly id: string; readonly sources: string; readonly createdAt: number },
): Promise<void> {
  await sql.run`DELETE FROM advisory_snapshots WHERE id = ${snapshot.id}`
  await sql.run`
    INSERT INTO advisory_snapshots (id, state, sources, created_at)
    VALUES (${snapshot.id}, 'writing', ${snapshot.sources}, ${snapshot.createdAt})`
}

export async function addSnapshotPart(
  sql: Transaction,
  part: { readonly id: string; readonly position: number; readonly content: Uint8Array },
): Promise<void> {
  await sql.run`
    INSERT INTO advisory_snapshot_parts (snapshot_id, position, content)
    VALUES (${part.id}, ${part.position}, ${part.content})`
}

export async function snapshotPart(sql: Reader, id: string, position: number): Promise<Uint8Array | null> {
  const row = await sql.get<{ content: Uint8Array }>`
    SELECT content FROM advisory_snapshot_parts WHERE snapshot_id = ${id} AND position = ${position}`
  return row?.content ?? null
}

/** From now on it counts. The one before it loses its content: whoever reads it has it open. */
export async function activateSnapshot(sql: Transaction, id: string, changes: Uint8Array | null): Promise<void> {
  const now = sql.now()
  await sql.run`
    DELETE FROM advisory_snapshot_parts WHERE snapshot_id IN (SELECT id FROM advisory_snapshots WHERE state = 'active')`
  await sql.run`UPDATE advisory_snapshots SET state = 'retired' WHERE state = 'active'`
  await sql.run`
    UPDATE advisory_snapshots SET state = 'active', installed_at = ${now}, changes = ${changes} WHERE id = ${id}`
}

/** What differs from the one before it; null: everything may. */
export async function snapshotChanges(sql: Reader, id: string): Promise<Uint8Array | null> {
  const row = await sql.get<{ changes: Uint8Array | null }>`SELECT changes FROM advisory_snapshots WHERE id = ${id}`
  return row?.changes ?? null
}
