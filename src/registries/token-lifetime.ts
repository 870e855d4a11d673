import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { maxTokenLifetime } from '../metadata/tables/token-secrets-control.ts'
import { formatInstant } from './expiry.ts'

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/**
 * A token's expiry, as somebody wants it, against the contract's limit on lifetimes. `madeAt`: when the newest of its
 * passwords was made, since moving the date alone must not prolong that one; null: one is made just now.
 * @throws `input_invalid` naming the limit and the latest date.
 */
export async function checkTokenExpiry(
  sql: Reader,
  contractId: number,
  expiresAt: number | null,
  madeAt: number | null = null,
): Promise<void> {
  const limit = await maxTokenLifetime(sql, contractId)
  if (limit === null) return
  const latest = cutToSeconds((madeAt ?? sql.now()) + limit)
  if (expiresAt !== null && expiresAt <= latest) return
  const what =
    expiresAt === null ? 'expiryDate is missing' : `expiryDate "${formatInstant(expiresAt)}" is too far in the future`
  const why = `passwords of registry tokens live at most ${inWords(limit)} in contract ${contractId} (maxTokenLifetime)`
  const what2do = `write ${formatInstant(latest)} or earlier${madeAt === null ? '' : ', or rotate the token first'}`
  throw new DomainError('input_invalid', `${what}: ${why}; ${what2do}`)
}

/** `90 days`, `36 hours`: in the largest unit that is exact. */
function inWords(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['millisecond', 1]
  const count = ms / length
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Dates on the wire have whole seconds: the one we name must be one that we take. */
function cutToSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}
