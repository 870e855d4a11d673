import { DomainError } from '../domain/error.ts'
import { DAY_MS, dayOf } from '../metadata/tables/usage-days.ts'

/** How long days are kept, and so the longest span. */
export const KEPT_DAYS = 400
const DEFAULT_DAYS = 30

/** As asked: `YYYY-MM-DD` in UTC, or null. */
export interface AskedSpan {
  readonly from: string | null
  readonly to: string | null
}

/** Both ends included. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Without `to`: until today; without `from`: 30 days. @throws `input_invalid` */
export function readSpan({ from, to }: AskedSpan, now: number): Span {
  const last = to === null ? dayOf(now) : readDay('to', to)
  const first = from === null ? last - DEFAULT_DAYS + 1 : readDay('from', from)
  if (first > last) throw new DomainError('input_invalid', `from (${textOf(first)}) is later than to (${textOf(last)})`)
  if (last - first >= KEPT_DAYS)
    throw new DomainError(
      'input_invalid',
      `from ${textOf(first)} to ${textOf(last)} are ${last - first + 1} days: at most ${KEPT_DAYS} are kept and answered`,
    )
  return { from: first, to: last }
}

export function textOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

function readDay(name: string, text: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // Date.parse takes the 31st of February for the 3rd of March.
  if (!Number.isNaN(at) && textOf(dayOf(at)) === text) return dayOf(at)
  throw new DomainError(
    'input_invalid',
    `${name} "${text.slice(0, 40)}" is no day: write YYYY-MM-DD, for example 2026-01-31`,
  )
}
