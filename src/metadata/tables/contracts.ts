import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate, sql as fragment } from '../sql.ts'

export interface ContractRow {
  /** Also the contract number. */
  readonly id: number
  readonly name: string
  readonly state: 'active' | 'suspended' | 'deleted'
  readonly created_at: number
  readonly deleted_at: number | null
  /** Null: registry tokens may live for ever. */
  readonly max_token_lifetime_ms: number | null
}

const SELECT = fragment`SELECT id, name, state, created_at, deleted_at, max_token_lifetime_ms FROM contracts`

/** The new contract's number. */
export async function insertContract(sql: Transaction, name: string): Promise<number> {
  const row = await sql.get<{ id: number }>`
    INSERT INTO contracts (name, created_at) VALUES (${name}, ${sql.now()}) RETURNING id`
  if (!row) throw new TypeError('an insert returns its row')
  return row.id
}

export async function findContract(sql: Reader, id: number): Promise<ContractRow | null> {
  return await sql.get<ContractRow>`${SELECT} WHERE id = ${id}`
}

/** By number, strictly after `after`; deleted ones too. */
export async function listContracts(sql: Reader, after: number, limit: number): Promise<ContractRow[]> {
  return await sql.all<ContractRow>`${SELECT} WHERE id > ${after} ORDER BY id LIMIT ${limit}`
}

/** Held against all other changes until the transaction ends. */
export async function lockContract(sql: Transaction, id: number): Promise<ContractRow | null> {
  return await sql.get<ContractRow>`${SELECT} WHERE id = ${id} ${forUpdate(sql)}`
}

export async function someContractExists(sql: Reader): Promise<boolean> {
  return (await sql.get`SELECT 1 AS one FROM contracts LIMIT 1`) !== null
}

export async function setContractState(sql: Transaction, id: number, state: 'active' | 'suspended'): Promise<boolean> {
  return (await sql.run`UPDATE contracts SET state = ${state} WHERE id = ${id} AND state <> 'deleted'`) > 0
}

export async function markContractDeleted(sql: Transaction, id: number): Promise<void> {
  await sql.run`UPDATE contracts SET state = 'deleted', deleted_at = ${sql.now()} WHERE id = ${id}`
}

export async function setContractName(sql: Transaction, id: number, name: string): Promise<void> {
  await sql.run`UPDATE contracts SET name = ${name} WHERE id = ${id}`
}

export async function setMaxTokenLifetime(sql: Transaction, id: number, ms: number | null): Promise<void> {
  await sql.run`UPDATE contracts SET max_token_lifetime_ms = ${ms} WHERE id = ${id}`
}

/** Deleted contracts with live registries: one that was being made while its contract was deleted. At most `limit`. */
export async function deletedContractsWithRegistries(sql: Reader, limit: number): Promise<{ id: number }[]> {
  return await sql.all<{ id: number }>`
    SELECT c.id FROM contracts c
     WHERE c.state = 'deleted'
       AND EXISTS (SELECT 1 FROM registries r WHERE r.contract_id = c.id AND r.delete_id IS NULL)
     ORDER BY c.id LIMIT ${limit}`
}

/** Is there an operator who can still log in somewhere? */
/** Transactions that could leave no operator wait for each other: each alone may leave the other's. */
export async function lockOperators(sql: Transaction): Promise<void> {
  await sql.all`SELECT id FROM identities WHERE is_operator = 1 ORDER BY id ${forUpdate(sql)}`
}

export async function someOperatorIsActive(sql: Reader): Promise<boolean> {
  const row = await sql.get`
    SELECT 1 AS one FROM identities i
      JOIN memberships m ON m.identity_id = i.id AND m.disabled_at IS NULL
      JOIN contracts c ON c.id = m.contract_id AND c.state = 'active'
     WHERE i.is_operator = 1 AND i.disabled_at IS NULL LIMIT 1`
  return row !== null
}
