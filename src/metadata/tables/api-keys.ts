import type { Reader, Transaction } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

export interface ApiKeyRow {
  readonly id: number
  readonly secret_hash: string
  readonly contract_id: number
  readonly identity_id: number
  readonly name: string
  readonly read_only: number
  /** JSON array of internal ids; null: all. */
  readonly registry_ids: string | null
  /** JSON array; null: all. */
  readonly actions: string | null
  readonly expires_at: number | null
}

const SELECT = fragment`
  SELECT id, secret_hash, contract_id, identity_id, name, read_only, registry_ids, actions, expires_at FROM api_keys`

export async function apiKeyByKeyId(sql: Reader, keyId: string): Promise<ApiKeyRow | null> {
  return await sql.get<ApiKeyRow>`${SELECT} WHERE key_id = ${keyId} AND revoked_at IS NULL`
}

export async function apiKeyById(sql: Reader, id: number): Promise<ApiKeyRow | null> {
  return await sql.get<ApiKeyRow>`${SELECT} WHERE id = ${id} AND revoked_at IS NULL`
}

export async function insertApiKey(
  sql: Transaction,
  row: {
    readonly contractId: number
    readonly identityId: number
    readonly publicId: string
    readonly keyId: string
    readonly secretHash: string
    readonly name: string
    readonly readOnly: boolean
    readonly registryIds: readonly number[] | null
    readonly actions: readonly string[] | null
    readonly expiresAt: number | null
  },
): Promise<number> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO api_keys (contract_id, identity_id, public_id, key_id, secret_hash, name, read_only, registry_ids, actions,
                          created_at, expires_at)
    VALUES (${row.contractId}, ${row.identityId}, ${row.publicId}, ${row.keyId}, ${row.secretHash}, ${row.name},
            ${row.readOnly ? 1 : 0}, ${row.registryIds && JSON.stringify(row.registryIds)},
            ${row.actions && JSON.stringify(row.actions)}, ${sql.now()}, ${row.expiresAt})
    RETURNING id`
  if (!made) throw new TypeError('an insert returns its row')
  return made.id
}

/** Those of one person in one contract. */
export async function revokeApiKeysOf(sql: Transaction, contractId: number, identityId: number): Promise<void> {
  await sql.run`
    UPDATE api_keys SET revoked_at = ${sql.now()}
     WHERE identity_id = ${identityId} AND contract_id = ${contractId} AND revoked_at IS NULL`
}

export async function apiKeyUsed(sql: Transaction, id: number, at: number, address: string): Promise<void> {
  await sql.run`
    UPDATE api_keys SET last_used_at = ${at}, last_used_from = ${address}
     WHERE id = ${id} AND (last_used_at IS NULL OR last_used_at < ${at})`
}
