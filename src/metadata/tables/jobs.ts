import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate, sql as fragment, NOTHING } from '../sql.ts'

export type JobState = 'ready' | 'running' | 'dead'

export interface JobRow {
  readonly id: number
  readonly kind: string
  readonly state: JobState
  readonly run_after: number
  readonly attempts: number
  readonly max_attempts: number
  readonly last_error: string | null
  readonly created_at: number
}

const SELECT = fragment`
  SELECT id, kind, state, run_after, attempts, max_attempts, last_error, created_at FROM jobs`

/** In the order they were made; at most `limit`, after that id. */
export async function listJobs(
  sql: Reader,
  page: { readonly state: JobState | null; readonly after: number; readonly limit: number },
): Promise<JobRow[]> {
  const ofState = page.state === null ? NOTHING : fragment`AND state = ${page.state}`
  return await sql.all<JobRow>`${SELECT} WHERE id > ${page.after} ${ofState} ORDER BY id LIMIT ${page.limit}`
}

export async function lockJob(sql: Transaction, id: number): Promise<JobRow | null> {
  return await sql.get<JobRow>`${SELECT} WHERE id = ${id} ${forUpdate(sql)}`
}

/** Due at once, with all its attempts. @throws a unique violation when the same is waiting already. */
export async function readyJob(sql: Transaction, id: number): Promise<void> {
  await sql.run`
    UPDATE jobs SET state = 'ready', attempts = 0, run_after = ${sql.now()}, lease_until = NULL WHERE id = ${id}`
}

export async function deleteJob(sql: Transaction, id: number): Promise<void> {
  await sql.run`DELETE FROM jobs WHERE id = ${id}`
}
