import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { ContractRow } from '../metadata/tables/contracts.ts'
import {
  findContract,
  insertContract,
  listContracts as listRows,
  lockContract,
  lockOperators,
  setContractName,
  setMaxTokenLifetime,
  setContractState as setState,
  someOperatorIsActive,
} from '../metadata/tables/contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'

export interface Contract {
  readonly contractId: number
  readonly name: string
  readonly state: ContractRow['state']
  /** Milliseconds UTC. */
  readonly createdAt: number
  readonly deletedAt: number | null
  /** Of registry tokens; null: no limit. */
  readonly maxTokenLifetimeMs: number | null
}

/** What is absent stays as it is. */
export interface ContractChange {
  readonly contractId: number
  readonly name?: string | undefined
  readonly state?: 'active' | 'suspended' | undefined
  readonly maxTokenLifetimeMs?: number | null | undefined
}

const SHORTEST_LIFETIME_MS = 60_000
const LONGEST_LIFETIME_MS = 100 * 365 * 86_400_000

/** @returns the contract's number. @throws `input_invalid` */
export async function createContract(
  deps: AccountsDeps,
  input: { readonly name: string },
  doer: Doer,
): Promise<number> {
  const name = parseContractName(input.name)
  return await deps.metadata.transact(async (sql) => (await insertNamed(deps, sql, name, doer)).contractId)
}

export async function insertNamed(deps: AccountsDeps, sql: Transaction, name: string, doer: Doer): Promise<Contract> {
  const contractId = await insertContract(sql, name)
  await deps.audit(sql, eventOf(contractId, doer, 'contract.create', name))
  const row = await findContract(sql, contractId)
  if (!row) throw new TypeError('what was inserted is there')
  return toContract(row)
}

/** @throws `not_found`; a deleted contract is still known to the operator. */
export async function getContract({ metadata }: AccountsDeps, contractId: number): Promise<Contract> {
  const row = await metadata.read((sql) => findContract(sql, contractId))
  if (!row) throw noSuchContract(contractId)
  return toContract(row)
}

/** By number, strictly after `after`; deleted ones too. */
export async function listContracts(
  { metadata }: AccountsDeps,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<Contract[]> {
  const rows = await metadata.read((sql) => listRows(sql, after, limit))
  return rows.map(toContract)
}

/** A suspended contract's people and tokens are out within a second. @throws `not_found`, `conflict` (the operators' own). */
export async function setContractState(
  deps: AccountsDeps,
  input: { readonly contractId: number; readonly state: 'active' | 'suspended' },
  doer: Doer,
): Promise<void> {
  await changeContract(deps, input, doer)
}

/** @throws `input_invalid`, `not_found`, `conflict`; nothing is changed then. */
export async function changeContract(
  { metadata, audit }: AccountsDeps,
  change: ContractChange,
  doer: Doer,
): Promise<Contract> {
  const { contractId } = change
  const name = change.name === undefined ? undefined : parseContractName(change.name)
  checkLifetime(change.maxTokenLifetimeMs)
  return await metadata.transact(async (sql) => {
    const row = await lockLiveContract(sql, contractId)
    const changed = { ...change, name }
    if (changed.name !== undefined && changed.name !== row.name) {
      await setContractName(sql, contractId, changed.name)
      await audit(sql, eventOf(contractId, doer, 'contract.rename', changed.name, { from: row.name }))
    }
    const lifetime = changed.maxTokenLifetimeMs
    if (lifetime !== undefined && lifetime !== row.max_token_lifetime_ms) {
      await setMaxTokenLifetime(sql, contractId, lifetime)
      await bumpAuthEpoch(sql)
      await audit(sql, eventOf(contractId, doer, 'contract.limit-tokens', row.name, { maxTokenLifetimeMs: lifetime }))
    }
    if (changed.state !== undefined && changed.state !== row.state) {
      await keepAnOperator(sql, contractId, () => setState(sql, contractId, changed.state ?? 'active'))
      await bumpAuthEpoch(sql)
      const action = changed.state === 'active' ? 'contract.resume' : 'contract.suspend'
      await audit(sql, eventOf(contractId, doer, action, row.name))
    }
    const now = await findContract(sql, contractId)
    return toContract(now ?? row)
  })
}

/** @throws `not_found` for one that is deleted, too. */
export async function lockLiveContract(sql: Transaction, contractId: number): Promise<ContractRow> {
  const row = await lockContract(sql, contractId)
  if (!row || row.state === 'deleted') throw noSuchContract(contractId)
  return row
}

/** Else nobody could undo it but at the machine itself. @throws `conflict` */
export async function keepAnOperator(
  sql: Transaction,
  contractId: number,
  change: () => Promise<unknown>,
): Promise<void> {
  await lockOperators(sql)
  const hadOne = await someOperatorIsActive(sql)
  await change()
  if (!hadOne || (await someOperatorIsActive(sql))) return
  throw new DomainError(
    'conflict',
    `no operator of this installation could log in without contract ${contractId}: add one to another contract first`,
  )
}

export function noSuchContract(contractId: number): DomainError {
  return new DomainError('not_found', `contract ${contractId} does not exist`)
}

export function parseContractName(text: string): string {
  const name = text.trim()
  if (name !== '' && name.length <= 200 && !/\p{C}/u.test(name)) return name
  throw new DomainError('input_invalid', 'a contract needs a name of at most 200 printable characters')
}

function checkLifetime(ms: number | null | undefined): void {
  if (ms === null || ms === undefined) return
  if (Number.isSafeInteger(ms) && ms >= SHORTEST_LIFETIME_MS && ms <= LONGEST_LIFETIME_MS) return
  throw new DomainError('input_invalid', 'the longest lifetime of tokens must be a minute to a hundred years, or null')
}

function toContract(row: ContractRow): Contract {
  return {
    contractId: row.id,
    name: row.name,
    state: row.state,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
    maxTokenLifetimeMs: row.max_token_lifetime_ms,
  }
}
