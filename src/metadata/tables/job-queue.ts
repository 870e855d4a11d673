import type { Fragment, Reader, Transaction } from '../metadata-store.ts'
import { forUpdateSkipLocked, NOTHING, sql } from '../sql.ts'

// How jobs are made, claimed and ended. Operators' view of the same table: jobs.ts.

export interface NewJob {
  readonly kind: string
  /** JSON; ids and the like, never content. */
  readonly payload: string
  /** One of that kind and key waits at a time: what is asked twice is done once. null: each is its own. */
  readonly dedupeKey: string | null
  /** Milliseconds UTC; default: at once. */
  readonly runAfter?: number
  readonly maxAttempts?: number
}

const MAX_ATTEMPTS = 10

/** In the transaction of what causes it. One that waits already is done at the earlier of both times. */
export async function insertJob(sql: Transaction, job: NewJob): Promise<void> {
  const now = sql.now()
  await sql.run`
    INSERT INTO jobs (kind, payload, dedupe_key, run_after, max_attempts, created_at)
    VALUES (${job.kind}, ${job.payload}, ${job.dedupeKey}, ${job.runAfter ?? now}, ${job.maxAttempts ?? MAX_ATTEMPTS}, ${now})
    ON CONFLICT (kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND state = 'ready'
    DO UPDATE SET run_after = CASE WHEN excluded.run_after < jobs.run_after THEN excluded.run_after ELSE jobs.run_after END`
}

/** A job in somebody's hands. `attempts` is this one's number, and tells whether it is still in the same hands. */
export interface ClaimedJob {
  readonly id: number
  readonly kind: string
  readonly payload: string
  readonly dedupe_key: string | null
  readonly attempts: number
  readonly max_attempts: number
}

/** Jobs of one kind that others must not wait for, or all but those; absent: all. */
export interface Lane {
  readonly only?: string
  readonly except?: string
}

function inLane({ only, except }: Lane): Fragment {
  if (only !== undefined) return sql`AND kind = ${only}`
  return except === undefined ? NOTHING : sql`AND kind <> ${except}`
}

interface Claimant {
  readonly node: string
  readonly maxOfNode: number
  readonly lane?: Lane
}

/** Whether a claim is worth its transaction. */
export async function hasDueJob(reader: Reader, by: Claimant): Promise<boolean> {
  const now = reader.now()
  const lane = inLane(by.lane ?? {})
  if ((await jobsInHand(reader, by)) >= by.maxOfNode) return false
  const row = await reader.get`
    SELECT 1 AS one FROM jobs
     WHERE ((state = 'ready' AND run_after <= ${now}) OR (state = 'running' AND lease_until <= ${now})) ${lane} LIMIT 1`
  return row !== null
}

/**
 * The oldest that is due, or whose process died; none while this node has as many as it may, and none that is being done.
 * Two processes of a node that ask at the same moment may get one more: no harm is in that.
 */
export async function claimJob(
  transaction: Transaction,
  by: Claimant & { readonly leaseMs: number },
): Promise<ClaimedJob | null> {
  const now = transaction.now()
  const lane = inLane(by.lane ?? {})
  if ((await jobsInHand(transaction, by)) >= by.maxOfNode) return null
  const due = await transaction.get<{ id: number }>`
    SELECT id FROM jobs
     WHERE ((state = 'ready' AND run_after <= ${now}) OR (state = 'running' AND lease_until <= ${now})) ${lane}
       AND (dedupe_key IS NULL OR NOT EXISTS (
         SELECT 1 FROM jobs o WHERE o.kind = jobs.kind AND o.dedupe_key = jobs.dedupe_key AND o.id <> jobs.id
            AND o.state = 'running' AND o.lease_until > ${now}))
     ORDER BY run_after, id LIMIT 1 ${forUpdateSkipLocked(transaction)}`
  if (due === null) return null
  return await transaction.get<ClaimedJob>`
    UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until = ${now + by.leaseMs}, claimed_by = ${by.node}
     WHERE id = ${due.id} RETURNING id, kind, payload, dedupe_key, attempts, max_attempts`
}

async function jobsInHand(reader: Reader, { node, lane = {} }: Claimant): Promise<number> {
  const row = await reader.get<{ jobs: number }>`
    SELECT COUNT(*) AS jobs FROM jobs
     WHERE state = 'running' AND claimed_by = ${node} AND lease_until > ${reader.now()} ${inLane(lane)}`
  return row?.jobs ?? 0
}

/** False: it is in other hands, or gone; whoever did it stops. */
export async function renewJob(sql: Transaction, job: ClaimedJob, leaseMs: number): Promise<boolean> {
  const changed = await sql.run`
    UPDATE jobs SET lease_until = ${sql.now() + leaseMs}
     WHERE id = ${job.id} AND state = 'running' AND attempts = ${job.attempts}`
  return changed === 1
}

export async function finishJob(sql: Transaction, job: ClaimedJob): Promise<void> {
  await sql.run`DELETE FROM jobs WHERE id = ${job.id} AND state = 'running' AND attempts = ${job.attempts}`
}

/** Back into the queue; if the same waits there already, that one does for both. `attempts`: how many count. */
export async function putBackJob(
  sql: Transaction,
  job: ClaimedJob,
  to: { readonly runAfter: number; readonly attempts: number; readonly error: string | null },
): Promise<void> {
  const twin =
    job.dedupe_key === null
      ? null
      : await sql.get`
          SELECT id FROM jobs WHERE kind = ${job.kind} AND dedupe_key = ${job.dedupe_key} AND state = 'ready' LIMIT 1`
  if (twin !== null) return await finishJob(sql, job)
  await sql.run`
    UPDATE jobs SET state = 'ready', run_after = ${to.runAfter}, attempts = ${to.attempts}, lease_until = NULL,
                    last_error = COALESCE(${to.error}, last_error)
     WHERE id = ${job.id} AND state = 'running' AND attempts = ${job.attempts}`
}

/** It failed as often as it may: kept for operators. */
export async function buryJob(sql: Transaction, job: ClaimedJob, error: string): Promise<void> {
  await sql.run`
    UPDATE jobs SET state = 'dead', lease_until = NULL, last_error = ${error}
     WHERE id = ${job.id} AND state = 'running' AND attempts = ${job.attempts}`
}
