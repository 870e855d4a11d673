import type { Role } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { otherOwnerExists } from '../metadata/tables/memberships.ts'
import type { Doer } from './deps.ts'

/**
 * An administrator who could make an owner, end one, or log in as one would be one. `roles`: what the person concerned
 * is, and what they are to be. @throws `denied`
 */
export function mayConcernOwners(doer: Doer, roles: readonly (Role | null)[]): void {
  if (!roles.includes('owner') || doer.role === 'owner' || doer.role === 'operator') return
  throw new DomainError(
    'denied',
    'only an owner of the contract can make, change or remove an owner: ask one to do this',
  )
}

/** With the contract locked. @throws `conflict` */
export async function keepAnOwner(
  sql: Transaction,
  contractId: number,
  person: { readonly id: number; readonly email: string },
): Promise<void> {
  if (await otherOwnerExists(sql, contractId, person.id)) return
  throw new DomainError('conflict', `${person.email} is the last owner: a contract needs one, add another first`)
}
