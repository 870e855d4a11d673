import { DomainError } from '../domain/error.ts'

const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100

/** `limit` is text on the wire. Absent or empty: 100. @throws `input_invalid` naming the bounds. */
export function parseLimit(text: string | undefined): number {
  return parseWhole('limit', text, { least: 1, most: MAX_LIMIT, otherwise: DEFAULT_LIMIT })
}

/** @throws `input_invalid` */
export function parseOffset(text: string | undefined): number {
  return parseWhole('offset', text, { least: 0, most: 1_000_000_000, otherwise: 0 })
}

function parseWhole(
  name: string,
  text: string | undefined,
  bounds: { least: number; most: number; otherwise: number },
): number {
  if (text === undefined || text === '') return bounds.otherwise
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.least && value <= bounds.most) return value
  throw new DomainError(
    'input_invalid',
    `${name} "${text.slice(0, 40)}" is not valid: write a whole number from ${bounds.least} to ${bounds.most}`,
  )
}
