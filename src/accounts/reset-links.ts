import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import { deleteResetsOf, insertLink } from '../metadata/tables/account-links.ts'
import { lockIdentity } from '../metadata/tables/identities.ts'
import { findMembership } from '../metadata/tables/memberships.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { mayConcernOwners } from './owners.ts'
import { requireSoleContract } from './set-password.ts'
import { noSuchUser } from './users.ts'

const RESET_LIFETIME_MS = 86_400_000

export interface ResetLink {
  readonly email: string
  /** In this answer only. */
  readonly secret: string
  readonly expiresAt: number
}

/**
 * Whoever opens the link sets a new password, once. A newer one replaces it, and so does every change of the person's
 * standing. An administrator's works only for people of their contract alone, when it is made and when it is used.
 * @throws `not_found`, `denied` (an owner, by somebody who is none; somebody of another contract as well).
 */
export async function createResetLink(
  deps: AccountsDeps,
  input: { readonly contractId: number; readonly userId: string },
  doer: Doer,
): Promise<ResetLink> {
  const { contractId, userId } = input
  const secret = newSecret(SECRET_PREFIX.accountLink)
  const publicId = deps.newId()
  const isOperators = doer.role === 'operator'
  return await deps.metadata.transact(async (sql) => {
    const person = await lockIdentity(sql, userId)
    const membership = person && (await findMembership(sql, contractId, person.id))
    if (!person || !membership) throw noSuchUser(userId)
    mayConcernOwners(doer, [membership.role])
    if (!isOperators) await requireSoleContract(sql, person, contractId)
    await deleteResetsOf(sql, person.id)
    const expiresAt = sql.now() + RESET_LIFETIME_MS
    await insertLink(sql, {
      publicId,
      secretHash: secret.hash,
      kind: 'reset',
      contractId: isOperators ? null : contractId,
      identityId: person.id,
      email: person.email,
      role: null,
      manageRegistry: false,
      createdBy: doer.label,
      createdById: doer.identityId ?? null,
      expiresAt,
    })
    await deps.audit(sql, eventOf(contractId, doer, 'user.reset-link', person.email))
    return { email: person.email, secret: secret.text, expiresAt }
  })
}
