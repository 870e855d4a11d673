import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate } from '../sql.ts'

export interface UploadRow {
  readonly id: string
  readonly registry_id: number
  readonly repository: string
  readonly principal: string
  readonly state: 'open' | 'committed'
  readonly committed_as: string | null
  readonly algorithm: string
  readonly size: number
  readonly digest_so_far: string | null
  readonly object_count: number
  readonly generation: number
}

export async function insertUpload(
  sql: Transaction,
  upload: { id: string; registryId: number; repository: string; principal: string; algorithm: string },
): Promise<void> {
  const now = sql.now()
  await sql.run`
    INSERT INTO uploads (id, registry_id, repository, principal, algorithm, created_at, updated_at)
    VALUES (${upload.id}, ${upload.registryId}, ${upload.repository}, ${upload.principal}, ${upload.algorithm}, ${now}, ${now})`
}

export async function findUpload(sql: Reader, id: string): Promise<UploadRow | null> {
  return await sql.get<UploadRow>`
    SELECT u.id, u.registry_id, u.repository, u.principal, u.state, u.committed_as, u.algorithm, u.size, u.digest_so_far,
           u.object_count, u.generation
      FROM uploads u JOIN registries g ON g.id = u.registry_id AND g.delete_id IS NULL WHERE u.id = ${id}`
}

/**
 * Takes the session over as it was seen: writers with an older generation can commit nothing any more. The new
 * generation, or null when the session has changed since (another request's bytes, a commit, a cancel).
 */
export async function fenceUpload(sql: Transaction, seen: UploadRow): Promise<number | null> {
  const row = await sql.get<{ generation: number }>`
    UPDATE uploads SET generation = generation + 1, updated_at = ${sql.now()}
     WHERE id = ${seen.id} AND state = 'open' AND generation = ${seen.generation} AND size = ${seen.size} RETURNING generation`
  return row?.generation ?? null
}

/** Locks the session if `generation` is still its newest writer; false: fenced off, cancelled or gone. */
export async function holdUpload(sql: Transaction, id: string, generation: number): Promise<UploadRow | null> {
  return await sql.get<UploadRow>`
    SELECT id, registry_id, repository, principal, state, committed_as, algorithm, size, digest_so_far, object_count, generation
      FROM uploads WHERE id = ${id} AND generation = ${generation} AND state = 'open' ${forUpdate(sql)}`
}

/** Appends one stored object to the session. The caller holds the session. */
export async function appendObject(
  sql: Transaction,
  upload: UploadRow,
  object: { id: string; size: number },
): Promise<UploadRow> {
  await sql.run`
    INSERT INTO upload_objects (upload_id, position, object_id, size)
    VALUES (${upload.id}, ${upload.object_count}, ${object.id}, ${object.size})`
  await sql.run`
    UPDATE uploads SET size = size + ${object.size}, object_count = object_count + 1, digest_so_far = NULL, updated_at = ${sql.now()}
     WHERE id = ${upload.id}`
  return { ...upload, size: upload.size + object.size, object_count: upload.object_count + 1, digest_so_far: null }
}

export async function rememberDigest(sql: Transaction, id: string, generation: number, digest: string): Promise<void> {
  await sql.run`UPDATE uploads SET digest_so_far = ${digest} WHERE id = ${id} AND generation = ${generation}`
}

export interface UploadPart {
  readonly object_id: string
  readonly size: number
  readonly data_key_id: number
}

export async function uploadParts(sql: Reader, id: string): Promise<UploadPart[]> {
  return await sql.all<UploadPart>`
    SELECT p.object_id, p.size, o.data_key_id FROM upload_objects p JOIN objects o ON o.id = p.object_id
     WHERE p.upload_id = ${id} ORDER BY p.position`
}

/** Forgets the session's list of objects; they belong to a blob, or are marked for removal by the caller. */
export async function clearUploadParts(sql: Transaction, id: string): Promise<void> {
  await sql.run`DELETE FROM upload_objects WHERE upload_id = ${id}`
}

/** Remembered for a while, so that a repeated PUT is answered like the first. */
export async function markCommitted(sql: Transaction, id: string, digest: string): Promise<void> {
  await sql.run`UPDATE uploads SET state = 'committed', committed_as = ${digest}, updated_at = ${sql.now()} WHERE id = ${id}`
}

export async function deleteUpload(sql: Transaction, id: string): Promise<void> {
  await sql.run`DELETE FROM upload_objects WHERE upload_id = ${id}`
  await sql.run`DELETE FROM uploads WHERE id = ${id}`
}

/** Sessions nobody has touched since `before`. */
export async function idleUploads(
  sql: Reader,
  openBefore: number,
  committedBefore: number,
  limit: number,
): Promise<string[]> {
  const rows = await sql.all<{ id: string }>`
    SELECT id FROM uploads
     WHERE (state = 'open' AND updated_at < ${openBefore}) OR (state = 'committed' AND updated_at < ${committedBefore})
     ORDER BY updated_at LIMIT ${limit}`
  return rows.map((row) => row.id)
}

/** The session's objects from `position` on are these now. The caller holds the session. */
export async function replaceUploadTail(
  sql: Transaction,
  id: string,
  position: number,
  parts: readonly { id: string; size: number }[],
): Promise<void> {
  await sql.run`DELETE FROM upload_objects WHERE upload_id = ${id} AND position >= ${position}`
  for (const [index, part] of parts.entries())
    await sql.run`
      INSERT INTO upload_objects (upload_id, position, object_id, size) VALUES (${id}, ${position + index}, ${part.id}, ${part.size})`
  await sql.run`UPDATE uploads SET object_count = ${position + parts.length}, updated_at = ${sql.now()} WHERE id = ${id}`
}

/** Takes an idle session away from whoever might come back to it; false when somebody has. */
export async function endIdleUpload(
  sql: Transaction,
  id: string,
  openBefore: number,
  committedBefore: number,
): Promise<boolean> {
  const changed = await sql.run`
    UPDATE uploads SET generation = generation + 1
     WHERE id = ${id} AND ((state = 'open' AND updated_at < ${openBefore}) OR (state = 'committed' AND updated_at < ${committedBefore}))`
  return changed === 1
}
