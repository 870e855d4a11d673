import type { Reader, Transaction } from '../metadata-store.ts'

/** Bytes of plaintext, each blob once; what the words mean: docs/usage.md. */
export interface UsageFigures {
  readonly live: number
  readonly quarantined: number
  /** Of the live ones. */
  readonly reclaimable: number
}

/** Something that counts has changed; a job adds up anew. Writes only where needed: no hot row under many pushes. */
export async function markUsageStale(sql: Transaction, registryId: number): Promise<void> {
  const known = await sql.get<{ stale: number }>`SELECT stale FROM usage WHERE registry_id = ${registryId}`
  if (known?.stale === 1) return
  if (known) await sql.run`UPDATE usage SET stale = 1 WHERE registry_id = ${registryId} AND stale <> 1`
  else
    await sql.run`
      INSERT INTO usage (registry_id, live_bytes, stale, updated_at) VALUES (${registryId}, 0, 1, ${sql.now()})
      ON CONFLICT (registry_id) DO NOTHING`
}

/** A sum that was begun and is not stored after so long has lost its process. */
const LOST_MS = 10 * 60_000

/** Who waits longest comes first. One whose sum takes long is added up so seldom that it costs a twentieth of the time. */
export async function staleUsage(sql: Reader, limit: number): Promise<number[]> {
  const rows = await sql.all<{ registry_id: number }>`
    SELECT registry_id FROM usage
     WHERE stale <> 0 AND updated_at + 20 * cost_ms <= ${sql.now()} AND (stale = 1 OR begun_at < ${sql.now() - LOST_MS})
     ORDER BY updated_at LIMIT ${limit}`
  return rows.map((row) => row.registry_id)
}

/** Those of one contract whose figures may not be true, however dear their sums are. */
export async function staleUsageOf(sql: Reader, contractId: number): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT r.id FROM usage u JOIN registries r ON r.id = u.registry_id AND r.delete_id IS NULL
     WHERE u.stale <> 0 AND r.contract_id = ${contractId}`
  return rows.map((row) => row.id)
}

/** A sum that is being made: its number, and how many had been stored as it began. */
export interface UsageRound {
  readonly round: number
  readonly stored: number
}

/** Before adding up: what changes from here on marks again. Null when there is nothing to add up. */
export async function beginUsageRound(sql: Transaction, registryId: number): Promise<UsageRound | null> {
  return await sql.get<UsageRound>`
    UPDATE usage SET stale = 2, round = round + 1, begun_at = ${sql.now()} WHERE registry_id = ${registryId}
    RETURNING round, stored`
}

export interface CountedBlob {
  readonly id: number
  readonly digest: string
  readonly size: number
  readonly state: 'live' | 'reclaimable' | 'quarantined' | 'unheld'
  /** 1: its bytes also stand in usage_pending, as seen in the same instant. */
  readonly pending: number
}

/**
 * The next stored blobs of a registry in order of digest, and what each counts as. `live`: a live repository links it, and
 * needs it for a live manifest or by a lease. `reclaimable`: linked live, but neither. `quarantined`: only tombstones hold it.
 */
export async function countedBlobs(
  sql: Reader,
  registryId: number,
  after: string,
  limit: number,
): Promise<CountedBlob[]> {
  return await sql.all<CountedBlob>`
    SELECT b.id, b.digest, b.size, CASE WHEN p.blob_id IS NULL THEN 0 ELSE 1 END AS pending,
           CASE
             WHEN EXISTS (
               SELECT 1 FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id AND r.delete_id IS NULL
                WHERE l.blob_id = b.id AND l.delete_id IS NULL AND (l.lease_until > ${sql.now()} OR EXISTS (
                  SELECT 1 FROM manifest_edges e JOIN manifests m ON m.id = e.manifest_id AND m.delete_id IS NULL
                   WHERE e.repository_id = l.repository_id AND e.digest = l.digest AND e.kind IN ('config', 'layer'))))
               THEN 'live'
             WHEN EXISTS (
               SELECT 1 FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id AND r.delete_id IS NULL
                WHERE l.blob_id = b.id AND l.delete_id IS NULL)
               THEN 'reclaimable'
             WHEN EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id) THEN 'quarantined'
             ELSE 'unheld'
           END AS state
      FROM blobs b LEFT JOIN usage_pending p ON p.blob_id = b.id
     WHERE b.registry_id = ${registryId} AND b.state = 'live' AND b.digest > ${after}
     ORDER BY b.digest LIMIT ${limit}`
}

/**
 * False when another sum was stored since this one began: what that one has dropped from usage_pending this one may not
 * have seen. Then one more is due.
 */
export async function storeUsage(
  sql: Transaction,
  registryId: number,
  { round, stored }: UsageRound,
  { live, quarantined, reclaimable }: UsageFigures,
  costMs: number,
): Promise<boolean> {
  const written = await sql.run`
    UPDATE usage SET live_bytes = ${live}, quarantined_bytes = ${quarantined}, reclaimable_bytes = ${reclaimable},
                     updated_at = ${sql.now()}, cost_ms = ${costMs}, stored = stored + 1,
                     stale = CASE WHEN stale = 2 AND round = ${round} THEN 0 ELSE stale END
     WHERE registry_id = ${registryId} AND stored = ${stored}`
  if (written === 1) return true
  await sql.run`UPDATE usage SET stale = 1 WHERE registry_id = ${registryId} AND stale = 2 AND round = ${round}`
  return false
}

export async function markAllUsageStale(sql: Transaction): Promise<void> {
  await sql.run`UPDATE usage SET stale = 1 WHERE stale = 0`
}

export interface UsageRow {
  readonly live: number
  readonly quarantined: number
  readonly reclaimable: number
  /** Null: never added up. */
  readonly updated_at: number | null
}

export async function usageOfRegistry(sql: Reader, registryId: number): Promise<UsageRow> {
  const row = await sql.get<UsageRow>`
    SELECT live_bytes AS live, quarantined_bytes AS quarantined, reclaimable_bytes AS reclaimable,
           CASE WHEN stored > 0 THEN updated_at ELSE NULL END AS updated_at
      FROM usage WHERE registry_id = ${registryId}`
  return row ?? { live: 0, quarantined: 0, reclaimable: 0, updated_at: null }
}

/** Of all its registries; whatever a deleted registry holds is in quarantine. */
export async function usageOfContract(
  sql: Reader,
  contractId: number,
): Promise<UsageRow & { readonly registries: number }> {
  const live = await sql.get<UsageRow & { readonly registries: number }>`
    SELECT CAST(COALESCE(SUM(u.live_bytes), 0) AS BIGINT) AS live,
           CAST(COALESCE(SUM(u.quarantined_bytes), 0) AS BIGINT) AS quarantined,
           CAST(COALESCE(SUM(u.reclaimable_bytes), 0) AS BIGINT) AS reclaimable,
           MIN(CASE WHEN u.stored > 0 THEN u.updated_at ELSE NULL END) AS updated_at, COUNT(*) AS registries
      FROM registries r LEFT JOIN usage u ON u.registry_id = r.id
     WHERE r.contract_id = ${contractId} AND r.delete_id IS NULL`
  const deleted = await sql.get<{ bytes: number }>`
    SELECT CAST(COALESCE(SUM(u.live_bytes + u.quarantined_bytes), 0) AS BIGINT) AS bytes
      FROM registries r JOIN usage u ON u.registry_id = r.id JOIN deletions d ON d.id = r.delete_id AND d.purged_at IS NULL
     WHERE r.contract_id = ${contractId} AND r.delete_id IS NOT NULL`
  if (!live) throw new TypeError('a sum is a row')
  const quarantined = Number(live.quarantined) + Number(deleted?.bytes ?? 0)
  return { ...live, quarantined, registries: Number(live.registries) }
}
