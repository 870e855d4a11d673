import type { Fragment, Reader } from '../metadata-store.ts'
import { sql as fragment, literal, NOTHING } from '../sql.ts'

export interface AuditEventRow {
  readonly id: number
  /** UUID, public: internal ids count the events of all contracts. */
  readonly public_id: string
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  /** The registry's public id; null: about none. */
  readonly registry_id: string | null
  readonly address: string | null
  readonly outcome: 'ok' | 'refused'
  readonly count: number
  /** JSON. */
  readonly detail: string | null
}

export interface AuditFilter {
  /** Exactly. */
  readonly actor?: string | undefined
  /** How it begins: `tag.delete`, `tag.`, `t`. */
  readonly action?: string | undefined
  /** Somewhere in it. */
  readonly subject?: string | undefined
  /** A registry's public id, also of one that was deleted. */
  readonly registryId?: string | undefined
  readonly outcome?: 'ok' | 'refused' | undefined
  /** Milliseconds UTC, inclusive. */
  readonly from?: number | undefined
  /** Milliseconds UTC, exclusive. */
  readonly to?: number | undefined
}

/** Where a page goes on: after this event. */
export interface AuditCursor {
  readonly at: number
  readonly publicId: string
}

export interface AuditPage {
  readonly filter: AuditFilter
  readonly after: AuditCursor | null
  readonly limit: number
}

/** More actions than this under one prefix are read together with all others. */
const MOST_ACTIONS = 32

/**
 * A contract's events (null: nobody's), newest first. Read from an index in that order, the one by action where an action
 * is asked for; the other filters are looked at row by row, so that a filter that fits nothing reads all of that time.
 */
export async function auditPage(sql: Reader, contractId: number | null, page: AuditPage): Promise<AuditEventRow[]> {
  const { action } = page.filter
  const actions = action === undefined ? [] : await actionsFrom(sql, contractId, action)
  if (action !== undefined && actions.length === 0) return []
  const where = conditions(sql, contractId, page)
  const picked =
    action === undefined || actions.length > MOST_ACTIONS
      ? pick(fragment`${where} ${action === undefined ? NOTHING : beginsWith(action)}`, page.limit)
      : actions
          .map((one) => pick(fragment`${where} AND e.action = ${one}`, page.limit))
          .reduce((all, one) => fragment`${all} UNION ALL ${one}`)
  return await sql.all<AuditEventRow>`
    SELECT e.id, e.public_id, e.at, e.actor, e.action, e.subject, e.address, e.outcome, e.count, e.detail,
           r.public_id AS registry_id
      FROM (${picked}) AS picked
      JOIN audit_events e ON e.id = picked.id
      LEFT JOIN registries r ON r.id = e.registry_id
     ORDER BY e.at DESC, e.id DESC LIMIT ${page.limit}`
}

function pick(where: Fragment, limit: number): Fragment {
  return fragment`
    SELECT * FROM (SELECT e.id FROM audit_events e WHERE ${where} ORDER BY e.at DESC, e.id DESC LIMIT ${limit}) AS newest`
}

function conditions(sql: Reader, contractId: number | null, { filter, after }: AuditPage): Fragment {
  const { actor, subject, registryId, outcome, from, to } = filter
  const find = literal(sql.dialect === 'postgres' ? 'strpos' : 'instr')
  const parts = [
    actor === undefined ? NOTHING : fragment`AND e.actor = ${actor}`,
    subject === undefined ? NOTHING : fragment`AND ${find}(e.subject, ${subject}) > 0`,
    outcome === undefined ? NOTHING : fragment`AND e.outcome = ${outcome}`,
    from === undefined ? NOTHING : fragment`AND e.at >= ${from}`,
    to === undefined ? NOTHING : fragment`AND e.at < ${to}`,
    registryId === undefined
      ? NOTHING
      : fragment`AND e.registry_id IN (SELECT id FROM registries WHERE public_id = ${registryId})`,
    after === null ? NOTHING : olderThan(contractId, after),
  ]
  return parts.reduce((all, part) => fragment`${all} ${part}`, ofContract(contractId))
}

/** An event that is gone meanwhile counts as the oldest of its time. */
function olderThan(contractId: number | null, { at, publicId }: AuditCursor): Fragment {
  return fragment`AND (e.at, e.id) < (${at}, COALESCE(
    (SELECT e.id FROM audit_events e WHERE ${ofContract(contractId)} AND e.at = ${at} AND e.public_id = ${publicId}), 0))`
}

function ofContract(contractId: number | null): Fragment {
  return contractId === null ? literal('e.contract_id IS NULL') : fragment`e.contract_id = ${contractId}`
}

function beginsWith(prefix: string): Fragment {
  return fragment`AND e.action >= ${prefix} ${endsWithin(prefix)}`
}

/** U+10FFFF sorts after every other character. */
function endsWithin(prefix: string): Fragment {
  return fragment`AND e.action < ${`${prefix}\u{10ffff}`}`
}

/** Each of the contract's actions that begin so, by jumping from one to the next in the index: each jump has one lower bound. */
async function actionsFrom(sql: Reader, contractId: number | null, prefix: string): Promise<string[]> {
  const next = (range: Fragment) =>
    fragment`(SELECT MIN(e.action) FROM audit_events e WHERE ${ofContract(contractId)} ${range})`
  const rows = await sql.all<{ action: string }>`
    WITH RECURSIVE found (action) AS (
      SELECT ${next(beginsWith(prefix))}
      UNION ALL
      SELECT ${next(fragment`AND e.action > found.action ${endsWithin(prefix)}`)}
        FROM found WHERE found.action IS NOT NULL
    )
    SELECT action FROM found WHERE action IS NOT NULL LIMIT ${MOST_ACTIONS + 1}`
  return rows.map(({ action }) => action)
}
