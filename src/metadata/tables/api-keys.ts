import type { Fragment, Reader, Transaction } from '../metadata-store.ts'
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
  /** 1: made in a session of single sign-on, or with such a key. */
  readonly bound: number
}

/** A key as lists show it, with its owner. */
export interface ApiKeyListRow extends Omit<ApiKeyRow, 'secret_hash' | 'bound'> {
  readonly public_id: string
  readonly created_at: number
  readonly last_used_at: number | null
  readonly last_used_from: string | null
  readonly user_id: string
  readonly email: string
}

const SELECT = fragment`
  SELECT id, secret_hash, contract_id, identity_id, name, read_only, registry_ids, actions, expires_at, bound FROM api_keys`

const LISTED = fragment`
  SELECT k.id, k.contract_id, k.identity_id, k.name, k.read_only, k.registry_ids, k.actions, k.expires_at, k.public_id,
         k.created_at, k.last_used_at, k.last_used_from, i.user_id, i.email
    FROM api_keys k JOIN identities i ON i.id = k.identity_id`

export async function apiKeyByKeyId(sql: Reader, keyId: string): Promise<ApiKeyRow | null> {
  return await sql.get<ApiKeyRow>`${SELECT} WHERE key_id = ${keyId} AND revoked_at IS NULL`
}

export async function apiKeyById(sql: Reader, id: number): Promise<ApiKeyRow | null> {
  return await sql.get<ApiKeyRow>`${SELECT} WHERE id = ${id} AND revoked_at IS NULL`
}

/** Of one contract, or of one person in it; not revoked; in order of making, strictly after `after`, at most `limit`. */
export async function pageOfApiKeys(
  sql: Reader,
  of: { readonly contractId: number; readonly identityId: number | null },
  page: { readonly after: number; readonly limit: number },
): Promise<ApiKeyListRow[]> {
  return await sql.all<ApiKeyListRow>`
    ${LISTED} WHERE ${within(of)} AND k.id > ${page.after} ORDER BY k.id LIMIT ${page.limit}`
}

export async function findApiKey(
  sql: Reader,
  of: { readonly contractId: number; readonly identityId: number | null },
  publicId: string,
): Promise<ApiKeyListRow | null> {
  return await sql.get<ApiKeyListRow>`${LISTED} WHERE ${within(of)} AND k.public_id = ${publicId}`
}

export async function countApiKeys(sql: Reader, contractId: number, identityId: number): Promise<number> {
  const row = await sql.get<{ total: number }>`
    SELECT COUNT(*) AS total FROM api_keys
     WHERE contract_id = ${contractId} AND identity_id = ${identityId} AND revoked_at IS NULL`
  return row?.total ?? 0
}

/** The new row's internal id, or null when the person has a key of that name. */
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
    readonly bound?: boolean
  },
): Promise<number | null> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO api_keys (contract_id, identity_id, public_id, key_id, secret_hash, name, read_only, registry_ids, actions,
                          created_at, expires_at, bound)
    VALUES (${row.contractId}, ${row.identityId}, ${row.publicId}, ${row.keyId}, ${row.secretHash}, ${row.name},
            ${row.readOnly ? 1 : 0}, ${row.registryIds && JSON.stringify(row.registryIds)},
            ${row.actions && JSON.stringify(row.actions)}, ${sql.now()}, ${row.expiresAt}, ${row.bound ? 1 : 0})
    ON CONFLICT DO NOTHING RETURNING id`
  return made?.id ?? null
}

/** False when it was revoked already. */
export async function revokeApiKey(sql: Transaction, id: number): Promise<boolean> {
  return (await sql.run`UPDATE api_keys SET revoked_at = ${sql.now()} WHERE id = ${id} AND revoked_at IS NULL`) > 0
}

export async function revokeApiKeysIn(sql: Transaction, contractId: number): Promise<void> {
  await sql.run`UPDATE api_keys SET revoked_at = ${sql.now()} WHERE contract_id = ${contractId} AND revoked_at IS NULL`
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

function within({
  contractId,
  identityId,
}: {
  readonly contractId: number
  readonly identityId: number | null
}): Fragment {
  const live = fragment`k.contract_id = ${contractId} AND k.revoked_at IS NULL`
  return identityId === null ? live : fragment`${live} AND k.identity_id = ${identityId}`
}
