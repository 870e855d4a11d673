import type { Role } from '../domain/actor.ts'
import type { Email } from '../domain/email.ts'
import { parseEmail } from '../domain/email.ts'
import { DomainError } from '../domain/error.ts'
import type { NewSecret } from '../domain/secret.ts'
import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import type { AccountLinkRow } from '../metadata/tables/account-links.ts'
import {
  countInvitations,
  deleteInvitationsOf,
  deleteLink,
  findInvitation,
  insertLink,
  pageOfInvitations,
} from '../metadata/tables/account-links.ts'
import { memberByEmail, someOwnerExists } from '../metadata/tables/memberships.ts'
import { lockLiveContract } from './contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { mayConcernOwners } from './owners.ts'

export const INVITATION_LIFETIME_MS = 7 * 86_400_000
const MOST_OPEN = 1_000

export interface InvitationInput {
  readonly contractId: number
  readonly email: string
  readonly role: Role
  readonly manageRegistry: boolean
}

export interface Invitation {
  readonly id: string
  readonly email: string
  readonly role: Role
  readonly manageRegistry: boolean
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number
  /** Where a list goes on. */
  readonly position: number
}

export interface NewInvitation {
  readonly invitation: Invitation
  /** In this answer only. */
  readonly secret: string
}

/**
 * Whether the address has an account already shows nowhere: the answer is the same, and only who accepts is asked for their
 * own password or a new one. A newer invitation of the same address replaces the older one.
 * @throws `input_invalid`, `denied` (an owner, by somebody who is none), `conflict` (a member already; too many open ones).
 */
export async function createInvitation(deps: AccountsDeps, input: InvitationInput, doer: Doer): Promise<NewInvitation> {
  const fresh = freshInvitation(deps, input, doer)
  return await deps.metadata.transact((sql) => invite(deps, sql, fresh, doer))
}

export interface FreshInvitation extends Omit<InvitationInput, 'email'> {
  readonly email: Email
  readonly id: string
  readonly secret: NewSecret
}

/** Outside the transaction, which may run again. @throws `input_invalid`, `denied` */
export function freshInvitation(deps: AccountsDeps, input: InvitationInput, doer: Doer): FreshInvitation {
  mayConcernOwners(doer, [input.role])
  return { ...input, email: parseEmail(input.email), id: deps.newId(), secret: newSecret(SECRET_PREFIX.accountLink) }
}

/** @throws `not_found`, `conflict` */
export async function invite(
  deps: AccountsDeps,
  sql: Transaction,
  fresh: FreshInvitation,
  doer: Doer,
): Promise<NewInvitation> {
  const { contractId, email, id, role, manageRegistry, secret } = fresh
  const { state } = await lockLiveContract(sql, contractId)
  if (doer.role === 'operator') await refuseWithOwner(sql, contractId)
  if (state !== 'active') throw new DomainError('conflict', `contract ${contractId} is suspended: resume it first`)
  if (await memberByEmail(sql, contractId, email)) {
    throw new DomainError('conflict', `${email} is a member of the contract already`)
  }
  await deleteInvitationsOf(sql, contractId, email)
  if ((await countInvitations(sql, contractId)) >= MOST_OPEN) {
    throw new DomainError('conflict', `the contract has ${MOST_OPEN} open invitations: revoke some first`)
  }
  const expiresAt = sql.now() + INVITATION_LIFETIME_MS
  const link = { publicId: id, secretHash: secret.hash, kind: 'invite', contractId, identityId: null } as const
  await insertLink(sql, {
    ...link,
    email,
    role,
    manageRegistry,
    createdBy: doer.label,
    createdById: doer.identityId ?? null,
    expiresAt,
  })
  await deps.audit(sql, eventOf(contractId, doer, 'invitation.create', email, { id, role, manageRegistry }))
  const row = await findInvitation(sql, contractId, id)
  if (!row) throw new TypeError('what was inserted is there')
  return { invitation: toInvitation(row), secret: secret.text }
}

/** The open ones, in order of making, strictly after `after`. */
export async function listInvitations(
  { metadata }: AccountsDeps,
  contractId: number,
  page: { readonly after: number; readonly limit: number },
): Promise<Invitation[]> {
  const rows = await metadata.read((sql) => pageOfInvitations(sql, contractId, page))
  return rows.map(toInvitation)
}

/** Its link stops at once. @throws `not_found` */
export async function revokeInvitation(
  { metadata, audit }: AccountsDeps,
  input: { readonly contractId: number; readonly id: string },
  doer: Doer,
): Promise<void> {
  const { contractId, id } = input
  await metadata.transact(async (sql) => {
    const row = await findInvitation(sql, contractId, id)
    if (!row || !(await deleteLink(sql, row.id))) {
      throw new DomainError('not_found', `invitation ${id.slice(0, 80)} does not exist, or was used`)
    }
    await audit(sql, eventOf(contractId, doer, 'invitation.revoke', row.email, { id }))
  })
}

/** An operator founds a contract and saves one that lost its owners; within it they have no say. */
async function refuseWithOwner(sql: Transaction, contractId: number): Promise<void> {
  if (!(await someOwnerExists(sql, contractId))) return
  throw new DomainError('conflict', `contract ${contractId} has an owner, who can invite people: ask them`)
}

function toInvitation(row: AccountLinkRow): Invitation {
  return {
    id: row.public_id,
    email: row.email,
    role: row.role ?? 'member',
    manageRegistry: row.manage_registry === 1,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    position: row.id,
  }
}
