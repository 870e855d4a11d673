import type { ApiKeyPrincipal, Principal, UserPrincipal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { Authenticator } from './authenticate.ts'
import { noPerson, wrongBearer, wrongCredentials } from './refusals.ts'

/**
 * The management plane: people and their keys; a registry's token is nobody there. Foreign, suspended and absent contracts
 * read the same.
 */
export async function authenticatePerson(
  authenticator: Authenticator,
  credentials: { readonly authorization: string | undefined; readonly address: string },
  contractNumber: number | null,
): Promise<UserPrincipal | ApiKeyPrincipal> {
  const { authorization, address } = credentials
  if (authorization === undefined) throw noPerson()
  const pass = await authenticator.identify(authorization, address)
  if (pass.via === 'jwt') throw wrongBearer()
  return chooseContract(pass.holder.standing?.principals ?? [], contractNumber)
}

/** `contractNumber`, or the first they have. @throws `unauthenticated` (a registry's token), `denied`. */
export function chooseContract(
  principals: readonly Principal[],
  contractNumber: number | null,
): UserPrincipal | ApiKeyPrincipal {
  const [first] = principals
  if (first === undefined || first.kind === 'registry_token') throw wrongCredentials()
  const chosen = contractNumber === null ? first : principals.find(({ contractId }) => contractId === contractNumber)
  if (chosen === undefined || chosen.kind === 'registry_token') {
    throw new DomainError('denied', `contract ${contractNumber} is not one of yours`)
  }
  return chosen
}
