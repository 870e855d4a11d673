import { randomUUID } from 'node:crypto'
import type { Transaction } from '../metadata-store.ts'

/** One thing that somebody did. */
export interface AuditRecord {
  /** null: nobody's, such as the making of a contract. */
  readonly contractId: number | null
  readonly registryId: number | null
  /** An e-mail, `token:ci`, `key:laptop (…)`, or what did it by itself. */
  readonly actor: string
  /** `registry.create`, `token.disable`, `manifest.delete` … */
  readonly action: string
  readonly subject: string
  /** null: at the machine itself. */
  readonly address: string | null
  readonly detail?: Readonly<Record<string, unknown>>
}

/** Several refusals of one minute that differ in nothing. */
export interface RefusalRecord {
  /** Start of the minute. */
  readonly at: number
  readonly contractId: number | null
  readonly registryId: number | null
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly address: string
  readonly count: number
}

export async function insertAuditEvent(sql: Transaction, record: AuditRecord): Promise<void> {
  await sql.run`
    INSERT INTO audit_events (public_id, at, contract_id, registry_id, actor, action, subject, address, detail)
    VALUES (${randomUUID()}, ${sql.now()}, ${record.contractId}, ${record.registryId}, ${record.actor}, ${record.action}, ${record.subject},
            ${record.address}, ${record.detail ? JSON.stringify(record.detail) : null})`
}

/** Adds to the row of the same minute, whichever process made it. */
export async function addRefusals(sql: Transaction, record: RefusalRecord): Promise<void> {
  await sql.run`
    INSERT INTO audit_events (public_id, at, contract_id, registry_id, actor, action, subject, address, outcome, count)
    VALUES (${randomUUID()}, ${record.at}, ${record.contractId}, ${record.registryId}, ${record.actor}, ${record.action}, ${record.subject},
            ${record.address}, 'refused', ${record.count})
    ON CONFLICT (at, address, actor, action, subject, COALESCE(contract_id, 0), COALESCE(registry_id, 0))
                WHERE outcome = 'refused'
    DO UPDATE SET count = audit_events.count + excluded.count`
}
