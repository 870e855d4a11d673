import type { Reader, Transaction } from '../metadata-store.ts'

export interface LoginBrakeRow {
  readonly failures: number
  readonly last_failure_at: number
}

export async function findBrake(sql: Reader, idHash: string): Promise<LoginBrakeRow | null> {
  return await sql.get<LoginBrakeRow>`SELECT failures, last_failure_at FROM login_brakes WHERE id_hash = ${idHash}`
}

/** Counts from one again when the last failure was at or before `forgottenAt`. */
export async function countFailure(sql: Transaction, idHash: string, forgottenAt: number): Promise<void> {
  await sql.run`
    INSERT INTO login_brakes (id_hash, failures, last_failure_at) VALUES (${idHash}, 1, ${sql.now()})
    ON CONFLICT (id_hash) DO UPDATE SET
      failures = CASE WHEN login_brakes.last_failure_at <= ${forgottenAt} THEN 1 ELSE login_brakes.failures + 1 END,
      last_failure_at = excluded.last_failure_at`
}

export async function releaseBrake(sql: Transaction, idHash: string): Promise<void> {
  await sql.run`DELETE FROM login_brakes WHERE id_hash = ${idHash}`
}

/** At most `limit`; how many went. */
export async function deleteBrakesIdleSince(sql: Transaction, since: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM login_brakes
     WHERE id_hash IN (SELECT id_hash FROM login_brakes WHERE last_failure_at <= ${since} ORDER BY last_failure_at LIMIT ${limit})`
}
