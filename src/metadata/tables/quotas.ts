import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdateOf } from '../sql.ts'

// Room in a contract with quotas is decided by one at a time: the contract's turn is locked, then asked in a statement of
// its own (docs/garbage-collection.md 5). What gives room back takes no turn: it can only make a decision too careful.

/** What counts against one limit. */
export interface QuotaRow {
  /** Null: no limit. */
  readonly limit_bytes: number | null
  /** Live bytes as added up, and those of blobs that are in no sum yet. */
  readonly used: number
  /** By uploads that are open. */
  readonly reserved: number
}

/** Does anybody limit anything? Two index look-ups. */
export async function someQuotaExists(sql: Reader): Promise<boolean> {
  const row = await sql.get<{ found: number }>`
    SELECT CASE WHEN EXISTS (SELECT 1 FROM contracts WHERE quota_bytes IS NOT NULL)
                  OR EXISTS (SELECT 1 FROM registries WHERE quota_bytes IS NOT NULL AND delete_id IS NULL)
                THEN 1 ELSE 0 END AS found`
  return row?.found === 1
}

export async function registryIsLimited(sql: Reader, registryId: number): Promise<boolean> {
  const row = await sql.get<{ id: number }>`
    SELECT r.id FROM registries r JOIN contracts c ON c.id = r.contract_id
     WHERE r.id = ${registryId} AND (r.quota_bytes IS NOT NULL OR c.quota_bytes IS NOT NULL)`
  return row !== null
}

/** Waits for the contract's turn and keeps it until the transaction ends. SQLite's one writer has it anyway. */
export async function takeQuotaTurn(sql: Transaction, contractId: number): Promise<void> {
  if (sql.dialect === 'sqlite' || (await lockTurn(sql, contractId))) return
  await sql.run`INSERT INTO quota_turns (contract_id) VALUES (${contractId}) ON CONFLICT (contract_id) DO NOTHING`
  await lockTurn(sql, contractId)
}

async function lockTurn(sql: Transaction, contractId: number): Promise<boolean> {
  const row = await sql.get`
    SELECT t.contract_id FROM quota_turns t WHERE t.contract_id = ${contractId} ${forUpdateOf(sql, 't')}`
  return row !== null
}

export interface LimitedRegistry {
  readonly name: string
  readonly contract_id: number
}

export async function limitedRegistry(sql: Reader, registryId: number): Promise<LimitedRegistry | null> {
  return await sql.get<LimitedRegistry>`SELECT name, contract_id FROM registries WHERE id = ${registryId}`
}

export async function quotaOfRegistry(sql: Reader, registryId: number): Promise<QuotaRow | null> {
  return await sql.get<QuotaRow>`
    SELECT r.quota_bytes AS limit_bytes,
           COALESCE((SELECT u.live_bytes FROM usage u WHERE u.registry_id = r.id), 0) +
           CAST(COALESCE((SELECT SUM(p.bytes) FROM usage_pending p WHERE p.registry_id = r.id), 0) AS BIGINT) AS used,
           CAST(COALESCE((SELECT SUM(q.bytes) FROM quota_reservations q JOIN uploads o ON o.id = q.upload_id AND o.state = 'open'
                           WHERE q.registry_id = r.id), 0) AS BIGINT) AS reserved
      FROM registries r WHERE r.id = ${registryId}`
}

/** Of all live registries of the contract. Without a limit nothing is added up unless `always`. */
export async function quotaOfContract(sql: Reader, contractId: number, always: boolean): Promise<QuotaRow | null> {
  const row = await sql.get<{ limit_bytes: number | null }>`
    SELECT quota_bytes AS limit_bytes FROM contracts WHERE id = ${contractId}`
  if (!row || (row.limit_bytes === null && !always)) return row && { ...row, used: 0, reserved: 0 }
  return await sql.get<QuotaRow>`
    SELECT c.quota_bytes AS limit_bytes,
           CAST(COALESCE((SELECT SUM(u.live_bytes) FROM registries r JOIN usage u ON u.registry_id = r.id
                           WHERE r.contract_id = c.id AND r.delete_id IS NULL), 0) +
                COALESCE((SELECT SUM(p.bytes) FROM usage_pending p JOIN registries r ON r.id = p.registry_id AND r.delete_id IS NULL
                           WHERE r.contract_id = c.id), 0) AS BIGINT) AS used,
           CAST(COALESCE((SELECT SUM(q.bytes) FROM quota_reservations q JOIN registries r ON r.id = q.registry_id AND r.delete_id IS NULL
                            JOIN uploads o ON o.id = q.upload_id AND o.state = 'open'
                           WHERE r.contract_id = c.id), 0) AS BIGINT) AS reserved
      FROM contracts c WHERE c.id = ${contractId}`
}

/** The caller has the contract's turn. */
export async function setRegistryQuota(sql: Transaction, registryId: number, bytes: number | null): Promise<void> {
  await sql.run`UPDATE registries SET quota_bytes = ${bytes} WHERE id = ${registryId}`
}

/** The caller has the contract's turn. */
export async function setContractQuota(sql: Transaction, contractId: number, bytes: number | null): Promise<void> {
  await sql.run`UPDATE contracts SET quota_bytes = ${bytes} WHERE id = ${contractId}`
}

export async function reservationOf(sql: Reader, uploadId: string): Promise<number> {
  const row = await sql.get<{ bytes: number }>`SELECT bytes FROM quota_reservations WHERE upload_id = ${uploadId}`
  return row?.bytes ?? 0
}

export async function putReservation(
  sql: Transaction,
  uploadId: string,
  registryId: number,
  bytes: number,
): Promise<void> {
  await sql.run`
    INSERT INTO quota_reservations (upload_id, registry_id, bytes) VALUES (${uploadId}, ${registryId}, ${bytes})
    ON CONFLICT (upload_id) DO UPDATE SET bytes = excluded.bytes`
}

/** What was reserved beyond `bytes` is free again. */
export async function trimReservation(sql: Transaction, uploadId: string, bytes: number): Promise<void> {
  await sql.run`UPDATE quota_reservations SET bytes = ${bytes} WHERE upload_id = ${uploadId} AND bytes > ${bytes}`
}

export async function dropReservation(sql: Transaction, uploadId: string): Promise<void> {
  await sql.run`DELETE FROM quota_reservations WHERE upload_id = ${uploadId}`
}

/** The blob counts from this commit on, and stands here until a sum has seen it. */
export async function addPending(sql: Transaction, registryId: number, blobId: number, bytes: number): Promise<void> {
  await sql.run`
    INSERT INTO usage_pending (blob_id, registry_id, bytes) VALUES (${blobId}, ${registryId}, ${bytes})
    ON CONFLICT (blob_id) DO NOTHING`
}

export async function pendingOf(sql: Reader, registryId: number): Promise<number[]> {
  const rows = await sql.all<{ blob_id: number }>`SELECT blob_id FROM usage_pending WHERE registry_id = ${registryId}`
  return rows.map((row) => row.blob_id)
}

export async function dropPending(sql: Transaction, blobIds: Iterable<number>): Promise<void> {
  for (const id of blobIds) await sql.run`DELETE FROM usage_pending WHERE blob_id = ${id}`
}

/** Does a live repository other than `repositoryId` link the blob? Then its bytes count already. */
export async function isServedElsewhere(sql: Reader, blobId: number, repositoryId: number | null): Promise<boolean> {
  const row = await sql.get<{ id: number }>`
    SELECT l.id FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id AND r.delete_id IS NULL
     WHERE l.blob_id = ${blobId} AND l.delete_id IS NULL AND l.repository_id <> ${repositoryId ?? 0} LIMIT 1`
  return row !== null
}
