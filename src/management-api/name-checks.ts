import { DomainError } from '../domain/error.ts'

/** What a name check tells is the one thing known across contracts (design.md 8): nobody gets to ask for a dictionary. */
export const NAME_CHECKS_PER_MINUTE = 60
const MINUTE_MS = 60_000
const MAX_REMEMBERED = 10_000

export interface NameCheckLimit {
  /** @throws `too_many_requests` when `who` has used up this minute's checks. */
  check(who: string): void
  /** One name more is known to `who`. */
  count(who: string): void
}

/** Counts by person and minute, in this process: what is lost with it only lets somebody ask a little more. */
export function createNameCheckLimit(now: () => number): NameCheckLimit {
  const windows = new Map<string, { start: number; count: number }>()
  const windowOf = (who: string): { start: number; count: number } => {
    const at = now()
    const known = windows.get(who)
    if (known && at - known.start < MINUTE_MS) return known
    if (windows.size >= MAX_REMEMBERED) windows.clear()
    const window = { start: at, count: 0 }
    windows.set(who, window)
    return window
  }
  return {
    check(who) {
      const { start, count } = windowOf(who)
      if (count < NAME_CHECKS_PER_MINUTE) return
      const seconds = Math.ceil((start + MINUTE_MS - now()) / 1000)
      throw new DomainError(
        'too_many_requests',
        `more than ${NAME_CHECKS_PER_MINUTE} name checks in a minute: try again in ${seconds} s`,
        { headers: { 'retry-after': String(seconds) } },
      )
    },
    count(who) {
      windowOf(who).count += 1
    },
  }
}
