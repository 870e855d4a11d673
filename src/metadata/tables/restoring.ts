import type { Reader, Transaction } from '../metadata-store.ts'
import { literal } from '../sql.ts'

// What a restore does to rows besides bringing them back.

const IDS = 200
const LIST = ['(', ...Array<string>(IDS - 1).fill(', '), ')']

/** Of at most 200 names in the store those that have a row: 1 when something needs the bytes, 0 when they are to go. */
export async function knownAmong(sql: Reader, ids: readonly string[]): Promise<Map<string, number>> {
  const values = [...ids, ...Array<string>(IDS - ids.length).fill('')]
  const rows = await sql.all<{ id: string; needed: number }>`
    SELECT o.id, CASE WHEN o.state = 'stored' THEN 1 ELSE 0 END AS needed
      FROM objects o WHERE o.id IN ${{ text: LIST, values }}`
  return new Map(rows.map(({ id, needed }) => [id, needed]))
}

export async function countNeeded(sql: Reader): Promise<number> {
  return (await sql.get<{ count: number }>`SELECT COUNT(*) AS count FROM objects WHERE state = 'stored'`)?.count ?? 0
}

/** Somebody lives here: it is no place for a restore. */
export async function someContractExists(sql: Reader): Promise<boolean> {
  return (await sql.get`SELECT id FROM contracts LIMIT 1`) !== null
}

const VOID = ['backup_holds', 'signing_keys', 'sessions', 'account_links']

/**
 * What was under way when the copy was made is not: leases end, nobody writes any more. Bearer tokens name internal ids
 * which, after the copy, may have been given to others: their signing keys go, and clients ask for new ones. Sessions and
 * single-use links that ended after the copy would be valid again: they go too.
 */
export async function settleRestored(sql: Transaction): Promise<void> {
  for (const table of VOID) await sql.run`DELETE FROM ${literal(table)}`
  await sql.run`UPDATE schedules SET lease_until = 0`
  await sql.run`UPDATE objects SET state = 'deleting', upload_id = NULL WHERE state = 'writing'`
  // Of advisories whose content is not in the copy nobody can be judged.
  await sql.run`
    DELETE FROM advisory_snapshots
     WHERE state <> 'retired' AND (state = 'writing' OR id NOT IN (SELECT snapshot_id FROM advisory_snapshot_parts))`
}

/** The store went on without these rows: what sessions hold may be gone. Their clients begin anew. */
export async function endAllUploads(sql: Transaction): Promise<number> {
  await sql.run`
    UPDATE objects SET state = 'deleting', upload_id = NULL WHERE id IN (SELECT object_id FROM upload_objects)`
  await sql.run`DELETE FROM upload_objects`
  return await sql.run`DELETE FROM uploads`
}
