import type { Reader, Transaction } from '../metadata-store.ts'

/** Something that counts has changed; a job adds up anew. Writes only where needed: no hot row under many pushes. */
export async function markUsageStale(sql: Transaction, registryId: number): Promise<void> {
  const known = await sql.get<{ stale: number }>`SELECT stale FROM usage WHERE registry_id = ${registryId}`
  if (known?.stale === 1) return
  if (known) await sql.run`UPDATE usage SET stale = 1 WHERE registry_id = ${registryId} AND stale = 0`
  else
    await sql.run`
      INSERT INTO usage (registry_id, live_bytes, stale, updated_at) VALUES (${registryId}, 0, 1, ${sql.now()})
      ON CONFLICT (registry_id) DO NOTHING`
}

export async function staleUsage(sql: Reader, limit: number): Promise<number[]> {
  const rows = await sql.all<{ registry_id: number }>`SELECT registry_id FROM usage WHERE stale = 1 LIMIT ${limit}`
  return rows.map((row) => row.registry_id)
}

export async function unmarkUsage(sql: Transaction, registryId: number): Promise<void> {
  await sql.run`UPDATE usage SET stale = 0 WHERE registry_id = ${registryId}`
}

/** Bytes of live blobs that at least one live repository may serve, each once (design.md 9: quota counts live bytes only). */
export async function liveBytes(sql: Reader, registryId: number): Promise<number> {
  const row = await sql.get<{ bytes: number | null }>`
    SELECT CAST(SUM(b.size) AS BIGINT) AS bytes FROM blobs b
     WHERE b.registry_id = ${registryId} AND b.state = 'live' AND EXISTS (
       SELECT 1 FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id
        WHERE l.blob_id = b.id AND l.delete_id IS NULL AND r.delete_id IS NULL)`
  return Number(row?.bytes ?? 0)
}

export async function storeUsage(sql: Transaction, registryId: number, bytes: number): Promise<void> {
  await sql.run`UPDATE usage SET live_bytes = ${bytes}, updated_at = ${sql.now()} WHERE registry_id = ${registryId}`
}

export async function markAllUsageStale(sql: Transaction): Promise<void> {
  await sql.run`UPDATE usage SET stale = 1 WHERE stale = 0`
}
