import { DomainError } from '../domain/error.ts'

/** What a name check tells is the one thing known across contracts (design.md 8): nobody gets to ask for a dictionary. */
export const NAME_CHECKS_PER_MINUTE = 60
const MINUTE_MS = 60_000
const MAX_REMEMBERED = 10_000

/** Counts by person and minute, in this process: what is lost with it only lets somebody ask a little more. */
export function createNameCheckLimit(now: () => number): (who: string) => void {
  const windows = new Map<string, { start: number; count: number }>()
  return (who) => {
    const at = now()
    const known = windows.get(who)
    const window = known && at - known.start < MINUTE_MS ? known : { start: at, count: 0 }
    if (windows.size >= MAX_REMEMBERED && !known) windows.clear()
    windows.set(who, window)
    window.count++
    if (window.count <= NAME_CHECKS_PER_MINUTE) return
    const seconds = Math.ceil((window.start + MINUTE_MS - at) / 1000)
    throw new DomainError(
      'too_many_requests',
      `more than ${NAME_CHECKS_PER_MINUTE} name checks in a minute: try again in ${seconds} s`,
      { headers: { 'retry-after': String(seconds) } },
    )
  }
}
