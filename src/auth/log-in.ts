import type { UserPrincipal } from '../domain/actor.ts'
import type { PasswordLogin, PasswordProof } from './auth.ts'
import type { Authenticator } from './authenticate.ts'
import { chooseContract } from './authenticate-person.ts'
import { wrongCredentials } from './refusals.ts'

/** Whoever is right but a member of no active contract reads what a wrong password reads. */
export async function logIn(
  authenticator: Authenticator,
  { email, password, address }: PasswordLogin,
  contractNumber: number | null,
): Promise<UserPrincipal> {
  const { standing } = await authenticator.logIn(email, password, address)
  const principal = standing && chooseContract(standing.principals, contractNumber)
  if (principal?.kind !== 'user') throw wrongCredentials()
  return principal
}

export async function provePassword(
  authenticator: Authenticator,
  { email, password, address }: PasswordLogin,
): Promise<PasswordProof> {
  const { claimant } = await authenticator.logIn(email, password, address)
  return { identityId: claimant.identityId, passwordVersion: claimant.passwordVersion }
}
