import { DomainError } from '../domain/error.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import { deleteResetsOf } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { IdentityRow } from '../metadata/tables/identities.ts'
import { lockIdentity, setPasswordHash } from '../metadata/tables/identities.ts'
import type { MembershipRow } from '../metadata/tables/memberships.ts'
import { countMembershipsOf, findMembership } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { deleteSessionsOf } from '../metadata/tables/sessions.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'
import { mayConcernOwners } from './owners.ts'
import { checkNewPassword } from './password-rule.ts'
import { noSuchUser } from './users.ts'

export interface NewPassword {
  readonly userId: string
  readonly password: string
  /** The contract whose administrator asks; null: the operator. */
  readonly contractId: number | null
}

/**
 * What was derived from the former password (bearer and refresh tokens, sessions) ends within a second; API keys stay.
 * @throws `input_invalid`, `not_found`, `denied` (the person belongs to another contract as well).
 */
export async function setPassword(deps: AccountsDeps, input: NewPassword, doer: Doer): Promise<void> {
  checkNewPassword(input.password)
  const passwordHash = await deps.hashPassword(input.password)
  await deps.metadata.transact(async (sql) => {
    const person = await lockIdentity(sql, input.userId)
    if (person === null) throw noSuchUser(input.userId)
    if (input.contractId !== null) {
      const { role } = await requireSoleContract(sql, person, input.contractId)
      mayConcernOwners(doer, [role])
    }
    await replacePassword(sql, person.id, passwordHash)
    await deps.audit(sql, eventOf(input.contractId, doer, 'user.set-password', person.email))
  })
}

/** With the person locked. `exceptSession`: the one that asks. */
export async function replacePassword(
  sql: Transaction,
  identityId: number,
  passwordHash: string,
  exceptSession = 0,
): Promise<void> {
  await setPasswordHash(sql, identityId, passwordHash)
  await deleteRefreshTokensOf(sql, 'user', identityId)
  await deleteSessionsOf(sql, identityId, exceptSession)
  await deleteResetsOf(sql, identityId)
  await bumpAuthEpoch(sql)
}

/** Else one contract's administrator could log in to another contract, or run the installation. @throws `not_found`, `denied` */
export async function requireSoleContract(
  sql: Reader,
  person: IdentityRow,
  contractId: number,
): Promise<MembershipRow> {
  const membership = await findMembership(sql, contractId, person.id)
  if (membership === null) throw noSuchUser(person.user_id)
  if (person.is_operator === 0 && (await countMembershipsOf(sql, person.id)) === 1) return membership
  throw new DomainError('denied', `only ${person.email} or the operator can change this password`)
}
