import { wholeNumber } from '../http/byte-range.ts'
import { queryValue } from '../http/query.ts'
import { WireError } from './errors.ts'

/** `limit` 0 asks for nothing: an empty list, and no link to more. */
export interface AskedPage {
  readonly limit: number
  readonly after: string | null
}

/** How many names one answer holds when the client does not say, and at most. */
export const DEFAULT_PAGE = 1_000
export const MAX_PAGE = 10_000

/** `n` and `last` of a list. @throws 400 PAGINATION_NUMBER_INVALID */
export function parsePage(query: string): AskedPage {
  if (query === '') return FIRST_PAGE
  const n = queryValue(query, 'n')
  const last = queryValue(query, 'last')
  return { limit: n === null ? DEFAULT_PAGE : parseLimit(n), after: last === null || last === '' ? null : last }
}

const FIRST_PAGE: AskedPage = { limit: DEFAULT_PAGE, after: null }

function parseLimit(text: string): number {
  const limit = wholeNumber(text)
  if (limit !== null) return Math.min(limit, MAX_PAGE)
  throw new WireError(
    400,
    'PAGINATION_NUMBER_INVALID',
    `n="${text.slice(0, 40)}" is not a number of entries: write a whole number from 0; at most ${MAX_PAGE} come at once`,
  )
}
