import { DomainError } from '../domain/error.ts'
import type { Severity } from '../domain/severity.ts'
import { findSeverity, SEVERITIES } from '../domain/severity.ts'
import type { Links } from './contents-contract.ts'
import { withQuery } from './links.ts'

// What lists of repositories, artifacts and vulnerabilities have in common: management-api.md 5 and 5.5.

export interface AskedPage {
  readonly offset: number
  readonly limit: number
}

export function pageOf({ offset = 0, limit = 100 }: { offset?: number; limit?: number }): AskedPage {
  return { offset, limit }
}

/** `-lastPush`: descending by lastPush. */
export function orderOf<Order extends string>(
  asked: Order | `-${Order}`,
): { readonly orderBy: Order; readonly descending: boolean } {
  const descending = asked.startsWith('-')
  return { orderBy: (descending ? asked.slice(1) : asked) as Order, descending }
}

/** Absent or empty: null. @throws `input_invalid` */
export function severityOf(parameter: string, text: string | undefined): Severity | null {
  if (text === undefined || text === '') return null
  const severity = findSeverity(text)
  if (severity !== null) return severity
  throw new DomainError('input_invalid', `${parameter} "${text}" is not valid: write one of ${SEVERITIES.join(', ')}`)
}

/** The envelope of a list, with links to the pages around this one. */
export function listOf<Id extends string, Item>(
  id: Id,
  href: string,
  of: {
    readonly items: Item[]
    readonly page: AskedPage
    readonly more: boolean
    /** What else was asked for, to be asked for again. */
    readonly query: Readonly<Record<string, string | number | undefined>>
  },
): { id: Id; type: 'collection'; href: string; items: Item[]; offset: number; limit: number; _links: Links } {
  const { items, more, query } = of
  const { offset, limit } = of.page
  const link = (from: number) => withQuery(href, { limit, offset: from, ...query })
  const _links: Links = {
    ...(offset > 0 ? { prev: link(Math.max(0, offset - limit)) } : {}),
    self: link(offset),
    ...(more ? { next: link(offset + limit) } : {}),
  }
  return { id, type: 'collection', href, items, offset, limit, _links }
}
