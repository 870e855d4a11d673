import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { ClaimedJob, Lane } from '../metadata/tables/job-queue.ts'
import { buryJob, claimJob, finishJob, hasDueJob, putBackJob, renewJob } from '../metadata/tables/job-queue.ts'

/** One try at a job, as its handler sees it. */
export interface Attempt {
  readonly payload: unknown
  /** From 1 on. */
  readonly number: number
  /** Whether it is given up when this try fails. */
  readonly isLast: boolean
  /** Aborted when the process ends, the deadline is reached, or the job is in other hands. */
  readonly signal: AbortSignal
}

export interface Handler {
  /** How long one try may take; beyond it has failed. Milliseconds. */
  readonly deadlineMs: number
  readonly run: (attempt: Attempt) => Promise<void>
}

export interface QueueDeps {
  readonly metadata: MetadataStore
  readonly handlers: Readonly<Record<string, Handler>>
  /** Jobs that others must not wait for have one of their own; absent: all jobs. */
  readonly lane?: Lane
  /** The machine or container: jobs in hand are counted by it. */
  readonly node: string
  /** Jobs in hand of all processes of the node, in this lane. */
  readonly maxOfNode: number
  readonly leaseMs: number
  /** 0 to 1; spreads retries. */
  readonly random: () => number
  /** A try failed: `dead` says that it was the last. */
  readonly onFailure: (job: ClaimedJob, error: unknown, dead: boolean) => void
}

const FIRST_BACKOFF_MS = 2_000
const LONGEST_BACKOFF_MS = 15 * 60_000

/** Exponential, between half and the whole of it: what failed together is not tried again together. */
export function backOff(attempts: number, random: () => number): number {
  const whole = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1))
  return Math.round(whole * (0.5 + random() / 2))
}

/** Does jobs one after the other until none is due or `signal` aborts. Called by a timer, or by a test. @returns how many. */
export async function runDueJobs(deps: QueueDeps, signal: AbortSignal): Promise<number> {
  let done = 0
  while (!signal.aborted && (await deps.metadata.read((sql) => hasDueJob(sql, deps)))) {
    const job = await deps.metadata.transact((sql) => claimJob(sql, deps), { durable: false })
    if (job === null) break
    await work(deps, job, signal)
    done += 1
  }
  return done
}

async function work(deps: QueueDeps, job: ClaimedJob, ending: AbortSignal): Promise<void> {
  const handler = deps.handlers[job.kind]
  // The process that had it died with it: that was a try, too.
  if (handler === undefined || job.attempts > job.max_attempts) {
    const reason = handler === undefined ? `nobody knows jobs of the kind "${job.kind}"` : 'its process died each time'
    await settle(deps, job, new Error(reason), { dead: true })
    return
  }
  const own = new AbortController()
  const deadline = AbortSignal.timeout(handler.deadlineMs)
  const signal = AbortSignal.any([ending, deadline, own.signal])
  const heart = setInterval(() => void beat(deps, job, own), deps.leaseMs / 3)
  try {
    const isLast = job.attempts >= job.max_attempts
    await handler.run({ payload: JSON.parse(job.payload), number: job.attempts, isLast, signal })
    await deps.metadata.transact((sql) => finishJob(sql, job))
  } catch (error) {
    if (ending.aborted) await handBack(deps, job)
    else
      await settle(deps, job, deadline.aborted ? new Error(`it took longer than ${handler.deadlineMs} ms`) : error, {})
  } finally {
    clearInterval(heart)
  }
}

async function beat({ metadata, leaseMs }: QueueDeps, job: ClaimedJob, own: AbortController): Promise<void> {
  const held = await metadata.transact((sql) => renewJob(sql, job, leaseMs), { durable: false }).catch(() => true)
  if (!held) own.abort()
}

/** The process ends: another one begins it anew at once, and this try does not count. */
async function handBack({ metadata }: QueueDeps, job: ClaimedJob): Promise<void> {
  await metadata.transact((sql) =>
    putBackJob(sql, job, { runAfter: sql.now(), attempts: job.attempts - 1, error: null }),
  )
}

async function settle(deps: QueueDeps, job: ClaimedJob, error: unknown, { dead = false }): Promise<void> {
  const isDead = dead || job.attempts >= job.max_attempts
  deps.onFailure(job, error, isDead)
  const text = (error instanceof Error ? error.message : String(error)).slice(0, 500)
  await deps.metadata.transact(async (sql) => {
    if (isDead) return await buryJob(sql, job, text)
    const runAfter = sql.now() + backOff(job.attempts, deps.random)
    await putBackJob(sql, job, { runAfter, attempts: job.attempts, error: text })
  })
}
