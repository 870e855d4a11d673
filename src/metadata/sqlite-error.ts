import { PATIENCE_MS, pause, storageFull, unavailable } from './retry.ts'

const BUSY = 5
const IO_ERROR = 10
const FULL = 13

/** The low byte is the kind, the rest says more: SQLITE_BUSY_RECOVERY is 261. */
function kindOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

export function isBusy(error: unknown): boolean {
  return kindOf(error) === BUSY
}

/** What an operator or a later attempt can mend. A corrupt database flies as it is. */
export function translate(error: unknown, whileDoing: 'reading' | 'writing' = 'reading'): unknown {
  const kind = kindOf(error)
  if (kind === BUSY) return unavailable('The metadata database is busy. Try again in a moment.', error)
  if (kind === FULL || (kind === IO_ERROR && whileDoing === 'writing')) return storageFull(error)
  return error
}

/** Tries until it is not busy. Not by SQLite's own time-out, which sleeps in the event loop. */
export async function whileBusy<T>(act: () => T, deadline: number): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return act()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
    }
    await pause(attempt)
  }
}

/** Readers are never blocked by writers; only while a killed process's log is being recovered. */
export async function againIfBusy<T>(error: unknown, act: () => T): Promise<T> {
  try {
    if (!isBusy(error)) throw error
    return await whileBusy(act, performance.now() + PATIENCE_MS)
  } catch (failure) {
    throw translate(failure)
  }
}
