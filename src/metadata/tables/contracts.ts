import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate } from '../sql.ts'

export interface ContractRow {
  /** Also the contract number. */
  readonly id: number
  readonly name: string
  readonly state: 'active' | 'suspended' | 'deleted'
  readonly created_at: number
}

/** The new contract's number. */
export async function insertContract(sql: Transaction, name: string): Promise<number> {
  const row = await sql.get<{ id: number }>`
    INSERT INTO contracts (name, created_at) VALUES (${name}, ${sql.now()}) RETURNING id`
  if (!row) throw new TypeError('an insert returns its row')
  return row.id
}

export async function findContract(sql: Reader, id: number): Promise<ContractRow | null> {
  return await sql.get<ContractRow>`SELECT id, name, state, created_at FROM contracts WHERE id = ${id}`
}

/** Held against all other changes until the transaction ends. */
export async function lockContract(sql: Transaction, id: number): Promise<ContractRow | null> {
  return await sql.get<ContractRow>`
    SELECT id, name, state, created_at FROM contracts WHERE id = ${id} ${forUpdate(sql)}`
}

export async function someContractExists(sql: Reader): Promise<boolean> {
  return (await sql.get`SELECT 1 AS one FROM contracts LIMIT 1`) !== null
}

export async function setContractState(
  sql: Transaction,
  id: number,
  state: 'active' | 'suspended' | 'deleted',
): Promise<boolean> {
  return (await sql.run`UPDATE contracts SET state = ${state} WHERE id = ${id} AND state <> 'deleted'`) > 0
}
