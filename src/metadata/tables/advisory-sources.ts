import type { Reader, Transaction } from '../metadata-store.ts'

export interface AdvisorySourceRow {
  readonly name: string
  readonly wanted_at: number
  readonly next_at: number
  readonly forced: number
  readonly last_attempt_at: number | null
  readonly last_success_at: number | null
  readonly last_error: string | null
  readonly failures: number
  /** JSON: SourceKnowledge. */
  readonly knowledge: string | null
  readonly held_at: number | null
  readonly whole_at: number | null
  readonly warned_at: number | null
}

/** Also of sources that are not wanted any more. By name. */
export async function listAdvisorySources(sql: Reader): Promise<AdvisorySourceRow[]> {
  return await sql.all<AdvisorySourceRow>`
    SELECT name, wanted_at, next_at, forced, last_attempt_at, last_success_at, last_error, failures, knowledge, held_at,
           whole_at, warned_at FROM advisory_sources ORDER BY name`
}

/** Makes its row if it is new; due at once. */
export async function ensureAdvisorySource(sql: Transaction, name: string): Promise<void> {
  const now = sql.now()
  await sql.run`
    INSERT INTO advisory_sources (name, wanted_at, next_at) VALUES (${name}, ${now}, ${now}) ON CONFLICT (name) DO NOTHING`
}

/** It is asked now, and not again before `nextAt`, should that come to no end. */
export async function beginAttempt(sql: Transaction, name: string, nextAt: number): Promise<void> {
  await sql.run`
    UPDATE advisory_sources SET last_attempt_at = ${sql.now()}, next_at = ${nextAt}, forced = 0 WHERE name = ${name}`
}

export async function succeeded(
  sql: Transaction,
  name: string,
  state: {
    readonly at: number
    readonly nextAt: number
    /** Of what was taken in in part. */
    readonly error: string | null
    readonly knowledge: string
    readonly heldAt: number | null
    /** Null: as it was. */
    readonly wholeAt: number | null
  },
): Promise<void> {
  await sql.run`
    UPDATE advisory_sources
       SET last_success_at = ${state.at}, last_error = ${state.error}, failures = 0, warned_at = NULL, knowledge = ${state.knowledge},
           held_at = ${state.heldAt}, whole_at = COALESCE(${state.wholeAt}, whole_at),
           next_at = CASE WHEN forced = 1 THEN next_at ELSE ${state.nextAt} END
     WHERE name = ${name}`
}

export async function failed(
  sql: Transaction,
  name: string,
  state: { readonly nextAt: number; readonly error: string },
): Promise<void> {
  await sql.run`
    UPDATE advisory_sources SET last_error = ${state.error}, failures = failures + 1,
           next_at = CASE WHEN forced = 1 THEN next_at ELSE ${state.nextAt} END
     WHERE name = ${name}`
}

/** The snapshot that is in force now holds it as the one before did. */
export async function keepHeld(sql: Transaction, name: string, from: number, to: number): Promise<void> {
  await sql.run`UPDATE advisory_sources SET held_at = ${to} WHERE name = ${name} AND held_at = ${from}`
}

/** It is asked as soon as somebody has time. */
export async function makeSourceDue(sql: Transaction, name: string, forced: boolean): Promise<void> {
  await ensureAdvisorySource(sql, name)
  await sql.run`
    UPDATE advisory_sources SET next_at = ${sql.now()}, forced = CASE WHEN ${forced ? 1 : 0} = 1 THEN 1 ELSE forced END
     WHERE name = ${name}`
}

export async function noteWarning(sql: Transaction, name: string): Promise<void> {
  await sql.run`UPDATE advisory_sources SET warned_at = ${sql.now()} WHERE name = ${name}`
}

/** What packages of scanned images are of: `npm`, `Debian:12`. One look into the index for each, however many packages there are. */
export async function ecosystemsOfImages(sql: Reader): Promise<string[]> {
  const rows = await sql.all<{ ecosystem: string }>`
    WITH RECURSIVE found (ecosystem) AS (
      SELECT MIN(ecosystem) FROM judged_packages
      UNION ALL
      SELECT (SELECT MIN(p.ecosystem) FROM judged_packages p WHERE p.ecosystem > f.ecosystem)
        FROM found f WHERE f.ecosystem IS NOT NULL)
    SELECT ecosystem FROM found WHERE ecosystem IS NOT NULL`
  return rows.map(({ ecosystem }) => ecosystem)
}
