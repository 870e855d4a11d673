import type { Config } from './config/config.ts'
import { every } from './jobs/schedules.ts'
import type { Checkpointer } from './metadata/sqlite.ts'
import { openCheckpointer } from './metadata/sqlite.ts'
import { sqlitePathOf } from './open-stores.ts'
import type { Log } from './telemetry/log.ts'

const EVERY_MS = 1_000

/**
 * In the primary, which answers nobody: writes SQLite's log back into the database, so that no worker does it inside a
 * COMMIT. From after `prepare` until the workers have ended; ending empties the log. With PostgreSQL it is nothing.
 */
export function startCheckpointer(config: Config, log: Log): AsyncDisposable {
  const path = sqlitePathOf(config)
  return path === null ? new AsyncDisposableStack() : checkpointing(openCheckpointer({ path }), log, EVERY_MS)
}

/** A failure is told once until it succeeds again; none reaches the timer. */
export function checkpointing(checkpointer: Checkpointer, log: Pick<Log, 'warn'>, everyMs: number): AsyncDisposable {
  let isFailing = false
  const attempt = (act: () => void): void => {
    try {
      act()
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn({ err: error }, "the database's log cannot be written back now; it grows until it can")
      isFailing = true
    }
  }
  const resources = new AsyncDisposableStack()
  resources.defer(() => attempt(() => checkpointer[Symbol.dispose]()))
  resources.use(every(everyMs, async () => attempt(() => checkpointer.checkpoint())))
  return resources
}
