import type { MetadataStore } from '../metadata/metadata-store.ts'
import { claimSchedule, dueSchedules, ensureSchedule, finishSchedule } from '../metadata/tables/schedules.ts'

/** Something that one process of the installation does from time to time. */
export interface Schedule {
  readonly name: string
  readonly everyMs: number
  /** Longer than `run` ever takes; another process may take over after that. */
  readonly leaseMs: number
  readonly run: () => Promise<void>
}

export interface SchedulerDeps {
  readonly metadata: MetadataStore
  readonly onError: (schedule: string, error: unknown) => void
}

/** Names nobody knows any more stay as rows and are not run. */
export async function registerSchedules(metadata: MetadataStore, schedules: readonly Schedule[]): Promise<void> {
  await metadata.transact(async (sql) => {
    for (const schedule of schedules) await ensureSchedule(sql, schedule.name)
  })
}

/** Runs whatever is due and not claimed by another process, one after the other. Called by a timer, or by a test. */
export async function runDueSchedules(deps: SchedulerDeps, schedules: readonly Schedule[]): Promise<number> {
  const due = await deps.metadata.read(dueSchedules)
  let ran = 0
  for (const name of due) {
    const schedule = schedules.find((candidate) => candidate.name === name)
    if (!schedule) continue
    if (!(await deps.metadata.transact((sql) => claimSchedule(sql, name, schedule.leaseMs), { durable: false })))
      continue
    const error = await attempt(deps, schedule)
    await deps.metadata.transact((sql) => finishSchedule(sql, name, schedule.everyMs, error), { durable: false })
    ran += 1
  }
  return ran
}

async function attempt(deps: SchedulerDeps, schedule: Schedule): Promise<string | null> {
  try {
    await schedule.run()
    return null
  } catch (error) {
    deps.onError(schedule.name, error)
    return error instanceof Error ? error.message.slice(0, 500) : 'unknown error'
  }
}

/** Calls `tick` every `everyMs` until disposed, never twice at once; disposing waits for the one that runs. */
export function every(everyMs: number, tick: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= tick().finally(() => {
      running = null
    })
  }, everyMs)
  timer.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
