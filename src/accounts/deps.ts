import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'

export interface AccountsDeps {
  readonly metadata: MetadataStore
  /** A slow hash as a PHC string. */
  readonly hashPassword: (password: string) => Promise<string>
  /** Inside the transaction of what it tells. */
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
  /** UUID v4, lower case. */
  readonly newId: () => string
}

/** Who does it, as audit rows show it. That they may was decided before. */
export interface Doer {
  /** An e-mail, `key:laptop (…)`, or `operator` for whoever sits at the machine. */
  readonly label: string
  /** null: at the machine itself. */
  readonly address: string | null
}

export const OPERATOR: Doer = { label: 'operator', address: null }
