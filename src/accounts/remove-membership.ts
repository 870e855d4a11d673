import { DomainError } from '../domain/error.ts'
import { revokeApiKeysOf } from '../metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import { lockIdentity } from '../metadata/tables/identities.ts'
import { deleteMembership, findMembership, otherOwnerExists } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { deleteSessionsOf } from '../metadata/tables/sessions.ts'
import type { AccountsDeps, Doer } from './deps.ts'

/**
 * The person is out of the contract within a second, with the keys they had in it. Their account stays: it may open other
 * contracts. @throws `not_found`, `conflict` (the last owner).
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
    if (!person || !membership) throw new DomainError('not_found', `user ${userId.slice(0, 80)} does not exist`)
    if (membership.role === 'owner' && !(await otherOwnerExists(sql, contractId, person.id))) {
      throw new DomainError('conflict', `${person.email} is the last owner: a contract needs one, add another first`)
    }
    await deleteMembership(sql, contractId, person.id)
    await revokeApiKeysOf(sql, contractId, person.id)
    await deleteRefreshTokensOf(sql, 'user', person.id)
    await deleteSessionsOf(sql, person.id)
    await bumpAuthEpoch(sql)
    await deps.audit(sql, {
      contractId,
      registryId: null,
      actor: doer.label,
      action: 'user.remove',
      subject: person.email,
      address: doer.address,
    })
  })
}
