import { DomainError } from '../domain/error.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'
import type { JobRow, JobState } from '../metadata/tables/jobs.ts'
import { deleteJob, listJobs, lockJob, readyJob } from '../metadata/tables/jobs.ts'
import type { ScheduleRow } from '../metadata/tables/schedules.ts'
import { listSchedules, makeDue } from '../metadata/tables/schedules.ts'
import { isUniqueViolation } from '../metadata/violations.ts'

export type { JobState } from '../metadata/tables/jobs.ts'

/** Something the installation does from time to time. Times are milliseconds UTC. */
export interface ScheduleView {
  readonly name: string
  readonly isRunning: boolean
  readonly nextRunAt: number
  /** null: never yet. */
  readonly lastRunAt: number | null
  /** Of the last run; null: it went well. */
  readonly lastError: string | null
}

/** Something to be done once. Times are milliseconds UTC. */
export interface JobView {
  readonly id: number
  readonly kind: string
  /** `dead`: it failed as often as it may. */
  readonly state: JobState
  readonly runAfter: number
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
  readonly createdAt: number
}

export interface JobsDoer {
  readonly label: string
  readonly address: string | null
}

/** What operators see and steer of what the installation does by itself. */
export interface Jobs {
  /** By name. */
  schedules(): Promise<ScheduleView[]>
  /** Makes it due; some process begins within a second or two, unless it runs just now. @throws `not_found` */
  runNow(name: string, doer: JobsDoer): Promise<void>
  /** In the order they were made. */
  list(page: { readonly state: JobState | null; readonly after: number; readonly limit: number }): Promise<JobView[]>
  /** A dead job gets all its attempts again. @throws `not_found`, `conflict` (not dead, or the same is waiting already). */
  retry(id: number, doer: JobsDoer): Promise<void>
  /** @throws `not_found`, `in_use` (it runs). */
  remove(id: number, doer: JobsDoer): Promise<void>
}

export interface JobsDeps {
  readonly metadata: MetadataStore
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
}

export function createJobs(deps: JobsDeps): Jobs {
  const { metadata } = deps
  return {
    schedules: () => metadata.read(async (sql) => (await listSchedules(sql)).map((row) => toSchedule(row, sql.now()))),
    runNow: (name, doer) => runNow(deps, name, doer),
    list: async (page) => (await metadata.read((sql) => listJobs(sql, page))).map(toJob),
    retry: (id, doer) => retry(deps, id, doer),
    remove: (id, doer) => remove(deps, id, doer),
  }
}

async function runNow({ metadata, audit }: JobsDeps, name: string, doer: JobsDoer): Promise<void> {
  await metadata.transact(async (sql) => {
    if (!(await makeDue(sql, name))) throw new DomainError('not_found', `there is no schedule "${name.slice(0, 100)}"`)
    await audit(sql, event(doer, 'schedule.run', name))
  })
}

async function retry({ metadata, audit }: JobsDeps, id: number, doer: JobsDoer): Promise<void> {
  try {
    await metadata.transact(async (sql) => {
      const job = await locked(sql, id)
      if (job.state !== 'dead')
        throw new DomainError('conflict', `job ${id} is ${job.state}: only a dead one is retried`)
      await readyJob(sql, id)
      await audit(sql, event(doer, 'job.retry', `${job.kind} ${id}`))
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new DomainError('conflict', `the same as job ${id} is waiting already: delete the dead one`, { cause: error })
  }
}

async function remove({ metadata, audit }: JobsDeps, id: number, doer: JobsDoer): Promise<void> {
  await metadata.transact(async (sql) => {
    const job = await locked(sql, id)
    if (job.state === 'running') throw new DomainError('in_use', `job ${id} is running: wait until it ends`)
    await deleteJob(sql, id)
    await audit(sql, event(doer, 'job.delete', `${job.kind} ${id}`))
  })
}

async function locked(sql: Transaction, id: number): Promise<JobRow> {
  const job = await lockJob(sql, id)
  if (job === null) throw new DomainError('not_found', `there is no job ${id}`)
  return job
}

function event({ label, address }: JobsDoer, action: string, subject: string): AuditRecord {
  return { contractId: null, registryId: null, actor: label, action, subject, address }
}

function toSchedule(row: ScheduleRow, now: number): ScheduleView {
  return {
    name: row.name,
    isRunning: row.lease_until > now,
    nextRunAt: row.next_run_at,
    lastRunAt: row.last_run_at,
    lastError: row.last_error,
  }
}

function toJob(row: JobRow): JobView {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    runAfter: row.run_after,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    lastError: row.last_error,
    createdAt: row.created_at,
  }
}
