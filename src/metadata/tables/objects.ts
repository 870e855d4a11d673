import type { Reader, Transaction } from '../metadata-store.ts'

/** Committed before the object's first byte, so that no byte is ever without a row (docs/garbage-collection.md). */
export async function insertObject(
  sql: Transaction,
  object: { id: string; registryId: number; dataKeyId: number; uploadId: string; leaseUntil: number },
): Promise<void> {
  await sql.run`
    INSERT INTO objects (id, registry_id, data_key_id, state, upload_id, lease_until, created_at)
    VALUES (${object.id}, ${object.registryId}, ${object.dataKeyId}, 'writing', ${object.uploadId}, ${object.leaseUntil}, ${sql.now()})`
}

/** @returns false when the row was given up meanwhile (its lease ended): the bytes must not be used. */
export async function markStored(sql: Transaction, id: string, size: number): Promise<boolean> {
  return (
    (await sql.run`UPDATE objects SET state = 'stored', size = ${size} WHERE id = ${id} AND state = 'writing'`) === 1
  )
}

/** Row first, bytes later: from here on nothing may refer to the object. */
export async function markDeleting(sql: Transaction, id: string): Promise<void> {
  await sql.run`UPDATE objects SET state = 'deleting', upload_id = NULL WHERE id = ${id}`
}

/**
 * A writer gives up what it was writing. `stored`: its commit went through after all (the answer to it was lost), so the
 * bytes must stay. `gone`: its lease had ended and the row was removed; only the writer knows of the bytes now. `left`:
 * somebody else marked it, and the sweep removes it: it may have been stored before, and a backup may need it.
 */
export async function giveUpObject(sql: Transaction, id: string): Promise<'marked' | 'stored' | 'left' | 'gone'> {
  const marked =
    await sql.run`UPDATE objects SET state = 'deleting', upload_id = NULL WHERE id = ${id} AND state = 'writing'`
  if (marked === 1) return 'marked'
  const row = await sql.get<{ state: string }>`SELECT state FROM objects WHERE id = ${id}`
  if (row === null) return 'gone'
  return row.state === 'stored' ? 'stored' : 'left'
}

/** Everything the session has stored. Objects still being written are left to their writer, or to the end of its lease. */
export async function markUploadObjectsDeleting(sql: Transaction, uploadId: string): Promise<void> {
  await sql.run`UPDATE objects SET state = 'deleting', upload_id = NULL WHERE upload_id = ${uploadId} AND state = 'stored'`
}

export async function ownByBlob(sql: Transaction, uploadId: string): Promise<void> {
  await sql.run`UPDATE objects SET upload_id = NULL WHERE upload_id = ${uploadId} AND state = 'stored'`
}

/** A dead process's objects: nobody will finish them. */
export async function abandonObjects(sql: Transaction): Promise<number> {
  return await sql.run`UPDATE objects SET state = 'deleting', upload_id = NULL WHERE state = 'writing' AND lease_until < ${sql.now()}`
}

/** In id order, strictly after `after`: one that cannot be removed does not stop those behind it. */
export async function objectsToDelete(sql: Reader, limit: number, after: string): Promise<string[]> {
  const rows = await sql.all<{ id: string }>`
    SELECT id FROM objects WHERE state = 'deleting' AND id > ${after} ORDER BY id LIMIT ${limit}`
  return rows.map((row) => row.id)
}

/** Writes the marks again, in the caller's durable transaction: from its commit on no power failure brings the objects back. */
export async function confirmDeleting(sql: Transaction, ids: readonly string[]): Promise<void> {
  for (const id of ids) await sql.run`UPDATE objects SET upload_id = NULL WHERE id = ${id} AND state = 'deleting'`
}

export async function forgetObject(sql: Transaction, id: string): Promise<void> {
  await sql.run`DELETE FROM objects WHERE id = ${id} AND state = 'deleting'`
}
