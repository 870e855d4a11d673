import { DomainError } from '../domain/error.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { AuditCursor, AuditEventRow, AuditFilter, AuditPage } from '../metadata/tables/audit-log.ts'
import { auditPage } from '../metadata/tables/audit-log.ts'

export type { AuditCursor, AuditFilter, AuditPage } from '../metadata/tables/audit-log.ts'

export interface AuditEvent {
  /** UUID. */
  readonly id: string
  /** Milliseconds UTC; of refusals the start of their minute. */
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  /** The registry's public id; null: about none. */
  readonly registryId: string | null
  /** null: at the machine itself. */
  readonly address: string | null
  readonly outcome: 'ok' | 'refused'
  /** How many refusals of that minute this is. */
  readonly count: number
  readonly detail: Readonly<Record<string, unknown>> | null
}

/** Whose events: a contract's by its number; null: nobody's, such as refused logins and what operators did. */
export type AuditOf = number | null

export interface AuditLog {
  /** Newest first. */
  page(of: AuditOf, page: AuditPage): Promise<AuditEvent[]>
  /** All of them, newest first, read a thousand at a time as they are asked for. */
  all(of: AuditOf, filter: AuditFilter): AsyncGenerator<readonly AuditEvent[]>
}

const EXPORTED_AT_A_TIME = 1000

export function createAuditLog({ metadata }: { readonly metadata: MetadataStore }): AuditLog {
  const page = async (of: AuditOf, asked: AuditPage): Promise<AuditEvent[]> => {
    const { from, to } = asked.filter
    if (from !== undefined && to !== undefined && from >= to) {
      throw new DomainError('input_invalid', 'from must be before to: nothing happens in between')
    }
    return (await metadata.read((sql) => auditPage(sql, of, asked))).map(toEvent)
  }
  return {
    page,
    async *all(of, filter) {
      for (let after: AuditCursor | null = null; ; ) {
        const events: AuditEvent[] = await page(of, { filter, after, limit: EXPORTED_AT_A_TIME })
        yield events
        const last = events.at(-1)
        if (last === undefined || events.length < EXPORTED_AT_A_TIME) return
        after = { at: last.at, publicId: last.id }
      }
    },
  }
}

function toEvent(row: AuditEventRow): AuditEvent {
  return {
    id: row.public_id,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    registryId: row.registry_id,
    address: row.address,
    outcome: row.outcome,
    count: row.count,
    detail: row.detail === null ? null : JSON.parse(row.detail),
  }
}
