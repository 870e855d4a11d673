import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteLinksBy, deleteResetsOf } from '../metadata/tables/account-links.ts'
import { revokeApiKeysOf } from '../metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import { lockIdentity } from '../metadata/tables/identities.ts'
import { deleteMembership, findMembership } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensIn } from '../metadata/tables/refresh-tokens.ts'
import { deleteSessionsIn } from '../metadata/tables/sessions.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { keepAnOwner, mayConcernOwners } from './owners.ts'
import { noSuchUser } from './users.ts'

/**
 * The person is out of the contract within a second, with the keys they had in it. Their account stays: it may open other
 * contracts, and what they do there goes on. @throws `not_found`, `denied` (an owner, by somebody who is none), `conflict`
 * (the last owner).
 */
export async function removeMembership(
  deps: AccountsDeps,
  input: { readonly contractId: number; readonly userId: string },
  doer: Doer,
): Promise<void> {
  const { contractId, userId } = input
  await deps.metadata.transact(async (sql) => {
    await lockContract(sql, contractId)
    const person = await lockIdentity(sql, userId)
    const membership = person && (await findMembership(sql, contractId, person.id))
    if (!person || !membership) throw noSuchUser(userId)
    mayConcernOwners(doer, [membership.role])
    if (membership.role === 'owner') await keepAnOwner(sql, contractId, person)
    await deleteMembership(sql, contractId, person.id)
    await revokeApiKeysOf(sql, contractId, person.id)
    await endStay(sql, contractId, person.id)
    await bumpAuthEpoch(sql)
    await deps.audit(sql, eventOf(contractId, doer, 'user.remove', person.email))
  })
}

/** What a person was given by way of this contract, besides keys, and what they gave: a link of their own leads back in. */
export async function endStay(sql: Transaction, contractId: number, identityId: number): Promise<void> {
  await deleteRefreshTokensIn(sql, contractId, identityId)
  await deleteSessionsIn(sql, contractId, identityId)
  await deleteResetsOf(sql, identityId)
  await deleteLinksBy(sql, contractId, identityId)
}
