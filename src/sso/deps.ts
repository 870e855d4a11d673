import type { Role } from '../domain/actor.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord, RefusalRecord } from '../metadata/tables/audit-events.ts'
import type { IdentityProviders } from './provider.ts'

export interface SsoDeps {
  readonly metadata: MetadataStore
  readonly providers: IdentityProviders
  /** Sealed bytes open under the installation's master key and for the same purpose only. */
  readonly secrets: {
    seal(bytes: Uint8Array, purpose: string): Promise<Uint8Array>
    open(sealed: Uint8Array, purpose: string): Promise<Uint8Array>
    /** In the transaction that stores what was sealed: refuses when the master key was changed meanwhile. */
    hold(sql: Transaction): Promise<void>
  }
  /** 32 bytes, alike in every process: what a browser keeps for us during a sign-on is encrypted with it. */
  readonly flowKey: () => Uint8Array
  /** Inside the transaction of what it tells. */
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
  /** Counts a refused sign-on; does no I/O. */
  readonly refused: (refusal: Omit<RefusalRecord, 'at' | 'count'>) => void
  /** UUID v4, lower case. */
  readonly newId: () => string
  /** Milliseconds UTC. */
  readonly now: () => number
}

/** Who does it, as audit rows show it; that they may was decided before, as far as the operation's access says. */
export interface Doer {
  readonly label: string
  readonly address: string | null
  /** In the contract concerned. */
  readonly role: Role | 'operator'
  /** Absent: at the machine itself. */
  readonly identityId?: number
}

export function eventOf(
  contractId: number,
  { label: actor, address }: Pick<Doer, 'label' | 'address'>,
  action: string,
  subject: string,
  detail?: Readonly<Record<string, unknown>>,
): AuditRecord {
  return { contractId, registryId: null, actor, action, subject, address, ...(detail && { detail }) }
}
