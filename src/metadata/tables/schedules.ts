import type { Reader, Transaction } from '../metadata-store.ts'

/** Makes the schedule's row if it is new; due at once. */
export async function ensureSchedule(sql: Transaction, name: string): Promise<void> {
  await sql.run`
    INSERT INTO schedules (name, next_run_at) VALUES (${name}, ${sql.now()}) ON CONFLICT (name) DO NOTHING`
}

export async function dueSchedules(sql: Reader): Promise<string[]> {
  const now = sql.now()
  const rows = await sql.all<{ name: string }>`
    SELECT name FROM schedules WHERE next_run_at <= ${now} AND lease_until <= ${now} ORDER BY next_run_at`
  return rows.map((row) => row.name)
}

/** Exactly one process gets it; when that one dies, the lease's end gives it back. */
export async function claimSchedule(sql: Transaction, name: string, leaseMs: number): Promise<boolean> {
  const now = sql.now()
  const changed = await sql.run`
    UPDATE schedules SET lease_until = ${now + leaseMs}
     WHERE name = ${name} AND next_run_at <= ${now} AND lease_until <= ${now}`
  return changed === 1
}

/** The run is over: next one in `everyMs`. `error` is for operators. */
export async function finishSchedule(sql: Transaction, name: string, everyMs: number, error: string | null) {
  const now = sql.now()
  await sql.run`
    UPDATE schedules SET lease_until = 0, next_run_at = ${now + everyMs}, last_run_at = ${now}, last_error = ${error}
     WHERE name = ${name}`
}

export interface ScheduleRow {
  readonly name: string
  readonly next_run_at: number
  /** Beyond now: a process has it in hand. */
  readonly lease_until: number
  readonly last_run_at: number | null
  readonly last_error: string | null
}

export async function listSchedules(sql: Reader): Promise<ScheduleRow[]> {
  return await sql.all<ScheduleRow>`
    SELECT name, next_run_at, lease_until, last_run_at, last_error FROM schedules ORDER BY name`
}

/** False when there is no such schedule. One that runs just now is not run once more. */
export async function makeDue(sql: Transaction, name: string): Promise<boolean> {
  return (await sql.run`UPDATE schedules SET next_run_at = ${sql.now()} WHERE name = ${name}`) > 0
}
