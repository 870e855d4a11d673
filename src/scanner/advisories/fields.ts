import { BadRecord } from './import-error.ts'
import { MAX_ID_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from './limits.ts'

// Fields of records that strangers wrote. What matching rests on is right or the record is bad; what is for people is there or not.

export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {}
}

/** @throws BadRecord when it is there and no list. */
export function listOf(value: unknown, what: string, most: number): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new BadRecord(`${what} is no list`)
  if (value.length > most) throw new BadRecord(`${what} has ${value.length} elements; at most ${most} are read`)
  return value
}

/** Strings of a list; of what is no list, none. */
export function stringsOf(value: unknown, most: number): string[] {
  if (!Array.isArray(value)) return []
  return value.filter((one) => typeof one === 'string').slice(0, most)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be in a name
const CONTROL = /[\u0000-\u001f\u007f]/

/** @throws BadRecord */
export function idOf(value: unknown, what = 'id'): string {
  return nameLike(value, what, MAX_ID_LENGTH)
}

/** A package's name, an ecosystem or a version. @throws BadRecord */
export function nameOf(value: unknown, what: string): string {
  return nameLike(value, what, MAX_NAME_LENGTH)
}

function nameLike(value: unknown, what: string, most: number): string {
  if (typeof value !== 'string' || value === '') throw new BadRecord(`${what} is no text`)
  if (value.length > most) throw new BadRecord(`${what} has ${value.length} characters; at most ${most} are allowed`)
  if (CONTROL.test(value) || !value.isWellFormed()) throw new BadRecord(`${what} holds characters that no name has`)
  return value
}

/** Null: absent or not usable as one. */
export function textOf(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const text = value.trim().slice(0, MAX_TEXT_LENGTH).toWellFormed()
  return text === '' ? null : text
}

/** A finite number, also when written as a text. Null: neither. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,9}(\.\d{1,20})?(e-\d{1,3})?$/i.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

const YEAR_2100 = Date.UTC(2100, 0)

/** Milliseconds UTC. Null: none, or one that is nobody's date (Go writes the year 1 for "unknown"; a far future would win for ever). */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > 40) return null
  const time = Date.parse(value)
  return time >= 0 && time < YEAR_2100 ? time : null
}

const CVE = /^CVE-\d{4}-\d{4,19}$/

export function isCve(id: string): boolean {
  return CVE.test(id)
}

/** @throws BadRecord */
export function cveOf(value: unknown): string {
  const id = idOf(value, 'the CVE').trim().toUpperCase()
  if (!isCve(id)) throw new BadRecord(`"${id.slice(0, 40)}" is no CVE id`)
  return id
}
