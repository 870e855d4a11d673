import type { Role } from '../domain/actor.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteLinksBy, deleteResetsOf } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import { lockIdentity } from '../metadata/tables/identities.ts'
import type { MembershipRow } from '../metadata/tables/memberships.ts'
import { findMembership, memberByUserId, changeMembership as write } from '../metadata/tables/memberships.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { keepAnOwner, mayConcernOwners } from './owners.ts'
import { endStay } from './remove-membership.ts'
import type { User } from './users.ts'
import { noSuchUser, toUser } from './users.ts'

/** What is absent stays as it is. */
export interface MembershipChange {
  readonly contractId: number
  readonly userId: string
  readonly role?: Role | undefined
  readonly manageRegistry?: boolean | undefined
  /** A disabled member is out within a second; keys and role are kept for when they are enabled again. */
  readonly disabled?: boolean | undefined
}

/** @throws `not_found`, `denied` (owners, by somebody who is none), `conflict` (the last owner). */
export async function changeMembership(deps: AccountsDeps, change: MembershipChange, doer: Doer): Promise<User> {
  const { contractId, userId } = change
  return await deps.metadata.transact(async (sql) => {
    await lockContract(sql, contractId)
    const person = await lockIdentity(sql, userId)
    const before = person && (await findMembership(sql, contractId, person.id))
    if (!person || !before) throw noSuchUser(userId)
    const after = changed(before, change, sql.now())
    mayConcernOwners(doer, [before.role, after.role])
    if (ownsNow(before.role, before.disabled_at) && !ownsNow(after.role, after.disabledAt)) {
      await keepAnOwner(sql, contractId, person)
    }
    const differences = differencesOf(before, after)
    if (Object.keys(differences).length > 0) {
      await write(sql, { contractId, identityId: person.id }, after)
      await endFormerStanding(sql, contractId, person.id, before, after)
      await deps.audit(sql, eventOf(contractId, doer, 'user.change', person.email, differences))
    }
    const row = await memberByUserId(sql, contractId, userId)
    if (!row) throw noSuchUser(userId)
    return toUser(row)
  })
}

async function endFormerStanding(
  sql: Transaction,
  contractId: number,
  identityId: number,
  before: Pick<MembershipRow, 'role'>,
  after: { readonly role: Role; readonly disabledAt: number | null },
): Promise<void> {
  await deleteResetsOf(sql, identityId)
  if (after.role !== before.role) await deleteLinksBy(sql, contractId, identityId)
  if (after.disabledAt !== null) await endStay(sql, contractId, identityId)
  await bumpAuthEpoch(sql)
}

function ownsNow(role: Role, disabledAt: number | null): boolean {
  return role === 'owner' && disabledAt === null
}

function changed(before: MembershipRow, { role, manageRegistry, disabled }: MembershipChange, now: number) {
  return {
    role: role ?? before.role,
    manageRegistry: manageRegistry ?? before.manage_registry === 1,
    disabledAt: disabled === undefined ? before.disabled_at : disabled ? (before.disabled_at ?? now) : null,
  }
}

function differencesOf(before: MembershipRow, after: ReturnType<typeof changed>): Record<string, unknown> {
  return {
    ...(after.role !== before.role && { role: after.role, formerRole: before.role }),
    ...(after.manageRegistry !== (before.manage_registry === 1) && { manageRegistry: after.manageRegistry }),
    ...((after.disabledAt === null) !== (before.disabled_at === null) && { disabled: after.disabledAt !== null }),
  }
}
