import type { ApiKey, ApiKeyInput } from './api-keys.ts'
import { createApiKey, getApiKey, listApiKeys, revokeKey } from './api-keys.ts'
import type { MembershipChange } from './change-membership.ts'
import { changeMembership } from './change-membership.ts'
import type { Contract, ContractChange } from './contracts.ts'
import { changeContract, createContract, getContract, listContracts, setContractState } from './contracts.ts'
import type { DeletedContract } from './delete-contract.ts'
import { deleteContract, finishDeletedContracts } from './delete-contract.ts'
import type { AccountsDeps, Asker, Doer } from './deps.ts'
import type { FirstOwner } from './first-owner.ts'
import { createFirstOwner } from './first-owner.ts'
import { foundContract } from './found-contract.ts'
import type { Invitation, InvitationInput, NewInvitation } from './invitations.ts'
import { createInvitation, listInvitations, revokeInvitation } from './invitations.ts'
import type { OwnContract, Profile } from './own-account.ts'
import { changeOwnPassword, changeProfile, getProfile, listOwnContracts } from './own-account.ts'
import type { Redeemed, Redemption } from './redeem-link.ts'
import { redeemLink } from './redeem-link.ts'
import { removeMembership } from './remove-membership.ts'
import type { ResetLink } from './reset-links.ts'
import { createResetLink } from './reset-links.ts'
import type { NewSession, Session } from './sessions.ts'
import { createSession, endCurrentSession, endOtherSessions, endSession, listSessions } from './sessions.ts'
import { setOperator } from './set-operator.ts'
import type { NewPassword } from './set-password.ts'
import { setPassword } from './set-password.ts'
import type { NewUser, User } from './users.ts'
import { addUser, getUser, listUsers, pageOfUsers } from './users.ts'

/** Strictly after the `position` of the last one that was seen; 0: from the start. */
export interface Page {
  readonly after: number
  readonly limit: number
}

/** Somebody of a contract. */
export interface Whom {
  readonly contractId: number
  readonly userId: string
}

/** Contracts and the people in them. What each act means and throws is said where it is written. */
export interface Accounts extends ContractsAndPeople, LinksKeysAndSessions {}

interface ContractsAndPeople {
  createContract(input: { readonly name: string }, doer: Doer): Promise<number>
  foundContract(
    input: { readonly name: string; readonly ownerEmail: string },
    doer: Doer,
  ): Promise<NewInvitation & { readonly contract: Contract }>
  changeContract(change: ContractChange, doer: Doer): Promise<Contract>
  setContractState(
    input: { readonly contractId: number; readonly state: 'active' | 'suspended' },
    doer: Doer,
  ): Promise<void>
  getContract(contractId: number): Promise<Contract>
  listContracts(page: Page): Promise<Contract[]>
  deleteContract(contractId: number, doer: Doer): Promise<DeletedContract>
  finishDeletedContracts(): Promise<void>
  createFirstOwner(input: { readonly email: string; readonly password: string | null }): Promise<FirstOwner | null>

  addUser(input: NewUser, doer: Doer): Promise<{ userId: string }>
  listUsers(contractId: number): Promise<User[]>
  pageOfUsers(contractId: number, page: { readonly after: string; readonly limit: number }): Promise<User[]>
  getUser(contractId: number, userId: string): Promise<User>
  changeMembership(change: MembershipChange, doer: Doer): Promise<User>
  removeMembership(input: Whom, doer: Doer): Promise<void>
  setPassword(input: NewPassword, doer: Doer): Promise<void>
  setOperator(input: { readonly email: string; readonly isOperator: boolean }, doer: Doer): Promise<void>
}

interface LinksKeysAndSessions {
  createInvitation(input: InvitationInput, doer: Doer): Promise<NewInvitation>
  listInvitations(contractId: number, page: Page): Promise<Invitation[]>
  revokeInvitation(input: { readonly contractId: number; readonly id: string }, doer: Doer): Promise<void>
  createResetLink(input: Whom, doer: Doer): Promise<ResetLink>
  redeemLink(asked: Redemption): Promise<Redeemed>

  createApiKey(input: ApiKeyInput, asker: Asker): Promise<{ key: ApiKey; secret: string }>
  listApiKeys(page: Page, asker: Asker): Promise<ApiKey[]>
  getApiKey(id: string, asker: Asker): Promise<ApiKey>
  revokeApiKey(id: string, asker: Asker): Promise<void>

  createSession(input: Parameters<typeof createSession>[1]): Promise<NewSession>
  listSessions(asker: Asker): Promise<Session[]>
  endSession(id: string, asker: Asker): Promise<void>
  endCurrentSession(asker: Asker): Promise<void>
  endOtherSessions(asker: Asker): Promise<number>

  getProfile(asker: Asker): Promise<Profile>
  listOwnContracts(asker: Asker): Promise<OwnContract[]>
  changeProfile(input: { readonly displayName: string | null }, asker: Asker): Promise<void>
  changeOwnPassword(input: { readonly current: string; readonly password: string }, asker: Asker): Promise<void>
}

export function createAccounts(deps: AccountsDeps): Accounts {
  return { ...contractsAndPeople(deps), ...linksKeysAndSessions(deps) }
}

function contractsAndPeople(deps: AccountsDeps): ContractsAndPeople {
  return {
    createContract: (input, doer) => createContract(deps, input, doer),
    foundContract: (input, doer) => foundContract(deps, input, doer),
    changeContract: (change, doer) => changeContract(deps, change, doer),
    setContractState: (input, doer) => setContractState(deps, input, doer),
    getContract: (contractId) => getContract(deps, contractId),
    listContracts: (page) => listContracts(deps, page),
    deleteContract: (contractId, doer) => deleteContract(deps, contractId, doer),
    finishDeletedContracts: () => finishDeletedContracts(deps),
    createFirstOwner: (input) => createFirstOwner(deps, input),
    addUser: (input, doer) => addUser(deps, input, doer),
    listUsers: (contractId) => listUsers(deps, contractId),
    pageOfUsers: (contractId, page) => pageOfUsers(deps, contractId, page),
    getUser: (contractId, userId) => getUser(deps, contractId, userId),
    changeMembership: (change, doer) => changeMembership(deps, change, doer),
    removeMembership: (input, doer) => removeMembership(deps, input, doer),
    setPassword: (input, doer) => setPassword(deps, input, doer),
    setOperator: (input, doer) => setOperator(deps, input, doer),
  }
}

function linksKeysAndSessions(deps: AccountsDeps): LinksKeysAndSessions {
  return {
    createInvitation: (input, doer) => createInvitation(deps, input, doer),
    listInvitations: (contractId, page) => listInvitations(deps, contractId, page),
    revokeInvitation: (input, doer) => revokeInvitation(deps, input, doer),
    createResetLink: (input, doer) => createResetLink(deps, input, doer),
    redeemLink: (asked) => redeemLink(deps, asked),
    createApiKey: (input, asker) => createApiKey(deps, input, asker),
    listApiKeys: (page, asker) => listApiKeys(deps, page, asker),
    getApiKey: (id, asker) => getApiKey(deps, id, asker),
    revokeApiKey: (id, asker) => revokeKey(deps, id, asker),
    createSession: (input) => createSession(deps, input),
    listSessions: (asker) => listSessions(deps, asker),
    endSession: (id, asker) => endSession(deps, id, asker),
    endCurrentSession: (asker) => endCurrentSession(deps, asker),
    endOtherSessions: (asker) => endOtherSessions(deps, asker),
    getProfile: (asker) => getProfile(deps, asker),
    listOwnContracts: (asker) => listOwnContracts(deps, asker),
    changeProfile: (input, asker) => changeProfile(deps, input, asker),
    changeOwnPassword: (input, asker) => changeOwnPassword(deps, input, asker),
  }
}
