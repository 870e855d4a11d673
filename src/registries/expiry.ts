import { DomainError } from '../domain/error.ts'

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * RFC 3339 (5.6) to milliseconds UTC, null staying null, cut to whole seconds: clients compare the text they get back. A past date is
 * accepted, the token is then expired (management-api.md 4.3). @throws `input_invalid`
 */
export function parseExpiry(text: string): number
export function parseExpiry(text: string | null): number | null
export function parseExpiry(text: string | null): number | null {
  if (text === null) return null
  const [, year, month, day, hour, minute, second, zone = ''] = RFC3339.exec(text) ?? []
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone.toUpperCase()}`)
  if (Number.isNaN(at) || Number(day) > daysIn(Number(year), Number(month)) || hour === '24') throw invalid(text)
  return at
}

/** `2026-01-31T12:00:00Z`: the same instant, UTC, whole seconds. */
export function formatInstant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

function invalid(text: string): DomainError {
  return new DomainError(
    'input_invalid',
    `expiryDate "${text.slice(0, 60)}" is not valid: write an RFC 3339 date and time such as 2030-12-31T23:59:59Z, or null for none`,
  )
}
