import { parseAllowList } from '../domain/allow-list.ts'
import { DomainError } from '../domain/error.ts'
import type { RegistryName } from '../domain/registry-name.ts'
import { isRegistryName, REGISTRY_NAME_RULE } from '../domain/registry-name.ts'

// Source of all rules here: management-api.md 4.

export const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const
export type Day = (typeof DAYS)[number]

export interface GcSchedule {
  readonly days: readonly Day[]
  /** UTC time of day, as sent. */
  readonly time: string
}

/** As a client writes it; null days are not given. */
export interface SentSchedule {
  readonly days: readonly string[] | null
  readonly time: string
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|z|[+-]00:00)?$/

/** @throws `name_invalid` naming the rule. */
export function parseRegistryName(text: string): RegistryName {
  if (isRegistryName(text)) return text
  throw new DomainError('name_invalid', `registry name "${shorten(text)}" is not valid: ${REGISTRY_NAME_RULE}`)
}

/** @throws `input_invalid` naming the locations there are. */
export function parseLocation(text: string, locations: readonly string[]): string {
  if (locations.includes(text)) return text
  throw new DomainError(
    'input_invalid',
    `location "${shorten(text)}" does not exist: choose one of ${locations.join(', ')}`,
  )
}

/** `days: null` counts as none given. Days keep their order and the time its text. @throws `input_invalid` */
export function parseSchedule(sent: SentSchedule): GcSchedule {
  const days = sent.days ?? []
  const stranger = days.find((day) => !DAYS.some((known) => known === day))
  if (stranger !== undefined) throw invalid('garbageCollectionSchedule.days', stranger, `one of ${DAYS.join(', ')}`)
  if (days.length > DAYS.length) throw invalid('garbageCollectionSchedule.days', days.join(', '), 'each day once')
  if (!TIME.test(sent.time))
    throw invalid('garbageCollectionSchedule.time', sent.time, 'a UTC time of day such as 01:00:00Z')
  return { days: days as readonly Day[], time: sent.time }
}

/** Addresses and networks, verbatim; none: everybody. @throws `input_invalid` */
export function checkAllowList(entries: readonly string[]): readonly string[] {
  parseAllowList(entries)
  return entries
}

/** What a client may repeat but not change; absent is fine. @throws `input_invalid` */
export function mustStay(kind: string, is: string, field: string, sent: string | undefined): void {
  if (sent === undefined || sent === is) return
  throw new DomainError(
    'input_invalid',
    `the ${field} of a ${kind} cannot be changed: it is "${is}", not "${shorten(sent)}"; create another ${kind} instead`,
  )
}

export function invalid(what: string, value: string, expected: string): DomainError {
  return new DomainError('input_invalid', `${what}: "${shorten(value)}" is not valid: write ${expected}`)
}

export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
