import type { Role } from '../domain/actor.ts'
import type { Email } from '../domain/email.ts'
import { parseEmail } from '../domain/email.ts'
import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteResetsOf } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { identityByEmail, insertIdentity, lockIdentity } from '../metadata/tables/identities.ts'
import type { MemberRow } from '../metadata/tables/memberships.ts'
import { insertMembership, memberByUserId, membersOf, pageOfMembers } from '../metadata/tables/memberships.ts'
import { lockLiveContract } from './contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { checkNewPassword } from './password-rule.ts'

/** A person as their contract sees them. */
export interface User {
  /** UUID v4. */
  readonly userId: string
  readonly email: string
  readonly displayName: string | null
  readonly role: Role
  readonly manageRegistry: boolean
  readonly isDisabled: boolean
  /** When they joined; milliseconds UTC. */
  readonly since: number
}

export interface NewUser {
  readonly contractId: number
  readonly email: string
  /** null: none yet, such as for single sign-on. Not looked at when the person exists already. */
  readonly password: string | null
  readonly role: Role
  readonly manageRegistry?: boolean
  /**
   * May a person whom other contracts know be made a member? For the operator only: whoever first typed an address may
   * have chosen its password, so a contract must not take somebody in whom it knows by address alone.
   */
  readonly linkExisting?: boolean
}

/** @throws `input_invalid`, `not_found` (the contract), `conflict` (the address is in use). */
export async function addUser(deps: AccountsDeps, input: NewUser, doer: Doer): Promise<{ userId: string }> {
  const email = parseEmail(input.email)
  if (input.password !== null) checkNewPassword(input.password)
  const passwordHash = input.password === null ? null : await deps.hashPassword(input.password)
  const newId = deps.newId()
  return await deps.metadata.transact(async (sql) => {
    await lockLiveContract(sql, input.contractId)
    const { id, userId } = await identityFor(sql, email, { newId, passwordHash }, input.linkExisting === true)
    const { contractId, role, manageRegistry = false } = input
    if (!(await insertMembership(sql, { contractId, identityId: id, role, manageRegistry }))) throw inUse(email)
    await deleteResetsOf(sql, id)
    await bumpAuthEpoch(sql)
    await deps.audit(sql, eventOf(contractId, doer, 'user.add', email, { role, manageRegistry }))
    return { userId }
  })
}

/** By e-mail. */
export async function listUsers({ metadata }: AccountsDeps, contractId: number): Promise<User[]> {
  const rows = await metadata.read((sql) => membersOf(sql, contractId))
  return rows.map(toUser)
}

/** By e-mail, strictly after `after`. */
export async function pageOfUsers(
  { metadata }: AccountsDeps,
  contractId: number,
  page: { readonly after: string; readonly limit: number },
): Promise<User[]> {
  const rows = await metadata.read((sql) => pageOfMembers(sql, contractId, page))
  return rows.map(toUser)
}

/** @throws `not_found`, alike for people of other contracts and nobody. */
export async function getUser({ metadata }: AccountsDeps, contractId: number, userId: string): Promise<User> {
  const row = await metadata.read((sql) => memberByUserId(sql, contractId, userId))
  if (!row) throw noSuchUser(userId)
  return toUser(row)
}

export function toUser(row: MemberRow): User {
  return {
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    manageRegistry: row.manage_registry === 1,
    isDisabled: row.disabled_at !== null,
    since: row.created_at,
  }
}

export function noSuchUser(userId: string): DomainError {
  return new DomainError('not_found', `user ${userId.slice(0, 80)} does not exist`)
}

async function identityFor(
  sql: Transaction,
  email: Email,
  fresh: { readonly newId: string; readonly passwordHash: string | null },
  mayLink: boolean,
): Promise<{ id: number; userId: string }> {
  const made = await insertIdentity(sql, { userId: fresh.newId, email, passwordHash: fresh.passwordHash })
  if (made !== null) return { id: made, userId: fresh.newId }
  const known = await identityByEmail(sql, email)
  const held = known && (await lockIdentity(sql, known.user_id))
  if (!held || !mayLink) throw inUse(email)
  return { id: held.id, userId: held.user_id }
}

function inUse(email: Email): DomainError {
  return new DomainError(
    'conflict',
    `${email} cannot be added: the address is in use; ask the operator to add this person`,
  )
}
