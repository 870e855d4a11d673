import { createContract, setContractState } from './contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import type { FirstOwner } from './first-owner.ts'
import { createFirstOwner } from './first-owner.ts'
import { removeMembership } from './remove-membership.ts'
import { setOperator } from './set-operator.ts'
import type { NewPassword } from './set-password.ts'
import { setPassword } from './set-password.ts'
import type { NewUser, User } from './users.ts'
import { addUser, listUsers } from './users.ts'

/** Contracts and the people in them. What each act throws is said where it is written. */
export interface Accounts {
  createContract(input: { readonly name: string }, doer: Doer): Promise<number>
  setContractState(
    input: { readonly contractId: number; readonly state: 'active' | 'suspended' },
    doer: Doer,
  ): Promise<void>
  addUser(input: NewUser, doer: Doer): Promise<{ userId: string }>
  listUsers(contractId: number): Promise<User[]>
  setPassword(input: NewPassword, doer: Doer): Promise<void>
  setOperator(input: { readonly email: string; readonly isOperator: boolean }, doer: Doer): Promise<void>
  removeMembership(input: { readonly contractId: number; readonly userId: string }, doer: Doer): Promise<void>
  createFirstOwner(input: { readonly email: string; readonly password: string | null }): Promise<FirstOwner | null>
}

export function createAccounts(deps: AccountsDeps): Accounts {
  return {
    createContract: (input, doer) => createContract(deps, input, doer),
    setContractState: (input, doer) => setContractState(deps, input, doer),
    addUser: (input, doer) => addUser(deps, input, doer),
    listUsers: (contractId) => listUsers(deps, contractId),
    setPassword: (input, doer) => setPassword(deps, input, doer),
    setOperator: (input, doer) => setOperator(deps, input, doer),
    removeMembership: (input, doer) => removeMembership(deps, input, doer),
    createFirstOwner: (input) => createFirstOwner(deps, input),
  }
}
