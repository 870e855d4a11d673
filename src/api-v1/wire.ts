import type { TSchema, TSchemaOptions } from 'typebox'
import { Type } from 'typebox'
import { DomainError } from '../domain/error.ts'

// What many schemas are made of.

export const nullable = <T extends TSchema>(schema: T, options: TSchemaOptions = {}) =>
  Type.Union([schema, Type.Null()], options)

const UUID = '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'
const UUID_EXAMPLE = '6f1c7f0a-4f0e-4b57-9d0c-2c1f3f7d9a11'

/** In paths and queries they arrive in lower case, whatever was sent. */
export const uuid = (description: string) =>
  Type.String({ format: 'uuid', pattern: UUID, expects: 'a UUID', description, examples: [UUID_EXAMPLE] })

/** A time in an answer. */
export const instant = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-01-31T12:00:00.000Z'] })

/** A time in a request; `parseInstant` reads it. */
export const givenInstant = (description: string) =>
  Type.String({
    format: 'date-time',
    expects: 'a time such as 2026-01-31T12:00:00Z',
    description: `${description} RFC 3339.`,
    examples: ['2026-01-31T12:00:00Z'],
  })

/** A body-less answer. */
export const NO_CONTENT = Type.Unsafe<undefined>({ type: 'null', description: 'Done.' })

export function toInstant(ms: number): string {
  return new Date(ms).toISOString()
}

export function toInstantOrNull(ms: number | null): string | null {
  return ms === null ? null : toInstant(ms)
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** Milliseconds UTC. @throws `input_invalid` naming the field */
export function parseInstant(name: string, text: string): number {
  const at = RFC3339.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(at)) return at
  const sent = text.slice(0, 60)
  throw new DomainError('input_invalid', `${name} "${sent}" is not valid: write a time such as 2026-01-31T12:00:00Z`)
}
