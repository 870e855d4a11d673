import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdateOf } from '../sql.ts'

/**
 * Tag names of one repository in byte order (distribution-spec 1.1, "Listing Tags"; on PostgreSQL the column is COLLATE
 * "C"), strictly after `after`, at most `limit`. A tag whose manifest was deleted is not visible.
 */
export async function listTagNames(sql: Reader, repositoryId: number, limit: number, after: string): Promise<string[]> {
  const rows = await sql.all<{ name: string }>`
    SELECT t.name FROM tags t JOIN manifests m ON m.id = t.manifest_id
     WHERE t.repository_id = ${repositoryId} AND t.name > ${after} AND t.delete_id IS NULL AND m.delete_id IS NULL
     ORDER BY t.name LIMIT ${limit}`
  return rows.map((row) => row.name)
}

export interface TagRow {
  readonly id: number
  readonly digest: string
  readonly manifest_live: number
}

/** The tag's row, locked; it may point to a manifest that was deleted (then the tag is not visible). */
export async function lockTag(sql: Transaction, repositoryId: number, name: string): Promise<TagRow | null> {
  return await sql.get<TagRow>`
    SELECT t.id, m.digest, CASE WHEN m.delete_id IS NULL THEN 1 ELSE 0 END AS manifest_live
      FROM tags t JOIN manifests m ON m.id = t.manifest_id
     WHERE t.repository_id = ${repositoryId} AND t.name = ${name} AND t.delete_id IS NULL ${forUpdateOf(sql, 't')}`
}

/** Moves or makes the tag and remembers the move (append-only). Pushing the same digest again is no move. */
export async function moveTag(
  sql: Transaction,
  move: { repositoryId: number; name: string; manifestId: number; digest: string; by: string },
): Promise<void> {
  const before = await lockTag(sql, move.repositoryId, move.name)
  const now = sql.now()
  await sql.run`
    INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES (${move.repositoryId}, ${move.name}, ${move.manifestId}, ${now})
    ON CONFLICT (repository_id, name) WHERE delete_id IS NULL DO UPDATE SET manifest_id = ${move.manifestId}, updated_at = ${now}`
  const from = before?.manifest_live === 1 ? before.digest : null
  if (from === move.digest) return
  await recordTagMove(sql, { repositoryId: move.repositoryId, name: move.name, from, to: move.digest, by: move.by })
}

export async function recordTagMove(
  sql: Transaction,
  move: { repositoryId: number; name: string; from: string | null; to: string | null; by: string },
): Promise<void> {
  await sql.run`
    INSERT INTO tag_moves (repository_id, tag, from_digest, to_digest, moved_by, moved_at)
    VALUES (${move.repositoryId}, ${move.name}, ${move.from}, ${move.to}, ${move.by}, ${sql.now()})`
}

/** The tags of a manifest that is being deleted vanish with it (their parent is gone): remember that they did. */
export async function recordTagsGone(
  sql: Transaction,
  repositoryId: number,
  manifestId: number,
  digest: string,
  by: string,
) {
  await sql.run`
    INSERT INTO tag_moves (repository_id, tag, from_digest, to_digest, moved_by, moved_at)
    SELECT ${repositoryId}, t.name, ${digest}, NULL, ${by}, ${sql.now()} FROM tags t
     WHERE t.manifest_id = ${manifestId} AND t.delete_id IS NULL`
}

export async function tombstoneTag(sql: Transaction, id: number, deleteId: number): Promise<void> {
  await sql.run`UPDATE tags SET delete_id = ${deleteId} WHERE id = ${id} AND delete_id IS NULL`
}
