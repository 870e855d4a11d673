import type { Person } from '../domain/access.ts'
import type { Role } from '../domain/actor.ts'
import { actorName } from '../domain/actor.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'

export interface AccountsDeps {
  readonly metadata: MetadataStore
  /** A slow hash as a PHC string. */
  readonly hashPassword: (password: string) => Promise<string>
  /** Who knows that password now. @throws `unauthenticated`, `too_many_requests` */
  readonly provePassword: (login: PasswordLogin) => Promise<PasswordProof>
  /** Inside the transaction of what it tells. */
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
  /** UUID v4, lower case. */
  readonly newId: () => string
  /** How long what a deleted contract's registries hold can be brought back. */
  readonly quarantineDays: number
}

export interface PasswordLogin {
  readonly email: string
  readonly password: string
  readonly address: string
}

/** To be compared in the transaction that relies on it: the password may change in between. */
export interface PasswordProof {
  readonly identityId: number
  readonly passwordVersion: number
}

/** Who does it, as audit rows show it. That they may was decided before, as far as the operation's access says. */
export interface Doer {
  /** An e-mail, `key:laptop (…)`, or `operator` for whoever sits at the machine. */
  readonly label: string
  /** null: at the machine itself. */
  readonly address: string | null
  /** In the contract concerned: only an owner makes and unmakes owners. `operator`: no rank in it binds them. */
  readonly role: Role | 'operator'
  /** Links that they make stop when their standing ends. Absent: at the machine itself. */
  readonly identityId?: number
}

export const OPERATOR: Doer = { label: 'operator', address: null, role: 'operator' }

/** A person who acts in one contract, about themselves or others. */
export interface Asker {
  readonly person: Person
  readonly address: string
}

export function doerOf({ person, address }: Asker): Doer {
  return { label: actorName(person), address, role: person.role, identityId: person.identityId }
}

/** An operator acting in a contract that need not be theirs. */
export function operatorOf({ person, address }: Asker): Doer {
  return { label: actorName(person), address, role: 'operator', identityId: person.identityId }
}

/** The audit row of an act upon a contract or its people. */
export function eventOf(
  contractId: number | null,
  doer: Doer,
  action: string,
  subject: string,
  detail?: Readonly<Record<string, unknown>>,
): AuditRecord {
  const { label: actor, address } = doer
  return { contractId, registryId: null, actor, action, subject, address, ...(detail && { detail }) }
}
