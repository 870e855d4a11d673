import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { IdentityRow } from '../metadata/tables/identities.ts'
import { lockIdentity, setPasswordHash } from '../metadata/tables/identities.ts'
import { countMembershipsOf, findMembership } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { deleteSessionsOf } from '../metadata/tables/sessions.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { checkNewPassword } from './password-rule.ts'

export interface NewPassword {
  readonly userId: string
  readonly password: string
  /** The contract whose administrator asks; null: the operator, or the person. */
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
    if (person === null) throw notFound(input.userId)
    if (input.contractId !== null) await checkSoleContract(sql, person, input.contractId)
    await setPasswordHash(sql, person.id, passwordHash)
    await deleteRefreshTokensOf(sql, 'user', person.id)
    await deleteSessionsOf(sql, person.id)
    await bumpAuthEpoch(sql)
    await deps.audit(sql, {
      contractId: input.contractId,
      registryId: null,
      actor: doer.label,
      action: 'user.set-password',
      subject: person.email,
      address: doer.address,
    })
  })
}

/** Else one contract's administrator could log in to another contract. */
async function checkSoleContract(sql: Transaction, person: IdentityRow, contractId: number): Promise<void> {
  if ((await findMembership(sql, contractId, person.id)) === null) throw notFound(person.user_id)
  if ((await countMembershipsOf(sql, person.id)) === 1) return
  throw new DomainError('denied', `only ${person.email} or the operator can change this password`)
}

function notFound(userId: string): DomainError {
  return new DomainError('not_found', `user ${userId.slice(0, 80)} does not exist`)
}
