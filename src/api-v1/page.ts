import type { FastifyInstance } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'
import { DomainError } from '../domain/error.ts'
import type { Cursors } from '../doors/cursors.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

/** Of every list: `querystring: Type.Object({ ...pageQuery, … })`. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'How many items at most.' }),
  ),
  after: Type.Optional(
    Type.String({ maxLength: 1000, description: '`next` of the page before; absent: the first page.' }),
  ),
}

/** The answer of every list. */
export function pageOf<T extends TSchema>(item: T) {
  return Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()], {
      description: '`after` of the next page; null: this is the last one.',
    }),
  })
}

/** Where a list goes on: the columns it is ordered by, of the last row that was given. */
export type Key = readonly (string | number)[]

export interface AskedPage {
  readonly limit: number
  /** Of the last row of the page before; null: from the start. */
  readonly after: Key | null
}

/** `shape` says what the list is ordered by: `['number', 'string']`. @throws `input_invalid` */
export function askedPage(
  query: { readonly limit?: number; readonly after?: string },
  shape: readonly ('number' | 'string')[],
): AskedPage {
  const { limit = DEFAULT_LIMIT, after } = query
  return { limit, after: after === undefined || after === '' ? null : readCursor(after, shape) }
}

/**
 * A page out of up to `limit` + 1 rows: who asks the act for one more than the page holds knows whether another follows.
 * With exactly `limit` rows there is none.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => Key,
  toItem: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return { items: shown.map(toItem), next: last === undefined ? null : writeCursor(keyOf(last)) }
}

export function writeCursor(key: Key): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

function readCursor(text: string, shape: readonly ('number' | 'string')[]): Key {
  const key = parseJson(Buffer.from(text, 'base64url').toString())
  if (!Array.isArray(key) || key.length !== shape.length || !key.every((part, at) => fits(part, shape[at]))) {
    throw notOurs()
  }
  return key
}

/** What `toPage` writes is read by `askedPage` alone: on its way through the client it is sealed. */
export function sealCursors(app: FastifyInstance, cursors: Cursors): void {
  app.addHook('preValidation', async ({ query, routeOptions }) => {
    const values = query as Record<string, unknown>
    const { after } = values
    if (typeof after !== 'string' || after === '') return
    const position = cursors.open(routeOptions.url ?? '', after)
    if (position === null) throw notOurs()
    values['after'] = position
  })
  app.addHook('preSerialization', async ({ routeOptions }, reply, payload: unknown) => {
    const isPage = typeof payload === 'object' && payload !== null && 'next' in payload && 'items' in payload
    if (!isPage || typeof payload.next !== 'string' || reply.statusCode !== 200) return payload
    return { ...payload, next: cursors.seal(routeOptions.url ?? '', payload.next) }
  })
}

function notOurs(): DomainError {
  return new DomainError('input_invalid', 'after is not valid: send the `next` of the page before, as it was')
}

function fits(part: unknown, type: 'number' | 'string' | undefined): boolean {
  if (type === 'number') return Number.isSafeInteger(part)
  return typeof part === 'string' && !part.includes('\0')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export type PageQuery = Static<ReturnType<typeof Type.Object<typeof pageQuery>>>
