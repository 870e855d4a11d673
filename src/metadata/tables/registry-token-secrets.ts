import type { Reader, Transaction } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

/** A secret of a live token in a live registry of an active contract. Disabled and expired tokens are among them. */
export interface TokenSecretRow {
  readonly secret_id: number
  readonly secret_hash: string
  readonly secret_made_at: number
  /** When the newest of the token's live secrets after this one was made; null: this is the newest. */
  readonly newer_made_at: number | null
  readonly token_id: number
  readonly name: string
  readonly status: 'enabled' | 'disabled'
  /** JSON. */
  readonly scopes: string
  readonly expires_at: number | null
  readonly registry_id: number
  readonly registry_name: string
  readonly contract_id: number
  readonly max_token_lifetime_ms: number | null
  /** JSON. */
  readonly allow_list: string
}

const SELECT = fragment`
  SELECT s.id AS secret_id, s.secret_hash, s.created_at AS secret_made_at,
         (SELECT MAX(n.created_at) FROM registry_token_secrets n
           WHERE n.token_id = t.id AND n.id > s.id AND n.revoked_at IS NULL) AS newer_made_at,
         t.id AS token_id, t.name, t.status, t.scopes, t.expires_at,
         r.id AS registry_id, r.name AS registry_name, r.contract_id, r.allow_list, c.max_token_lifetime_ms
    FROM registry_token_secrets s
    JOIN registry_tokens t ON t.id = s.token_id AND t.deleted_at IS NULL
    JOIN registries r ON r.id = t.registry_id AND r.delete_id IS NULL
    JOIN contracts c ON c.id = r.contract_id AND c.state = 'active'`

export async function tokenSecretByKeyId(sql: Reader, keyId: string): Promise<TokenSecretRow | null> {
  return await sql.get<TokenSecretRow>`${SELECT} WHERE s.key_id = ${keyId} AND s.revoked_at IS NULL`
}

export async function tokenSecretById(sql: Reader, id: number): Promise<TokenSecretRow | null> {
  return await sql.get<TokenSecretRow>`${SELECT} WHERE s.id = ${id} AND s.revoked_at IS NULL`
}

export async function tokenSecretUsed(sql: Transaction, id: number, at: number, address: string): Promise<void> {
  await sql.run`
    UPDATE registry_token_secrets SET last_used_at = ${at}, last_used_from = ${address}
     WHERE id = ${id} AND (last_used_at IS NULL OR last_used_at < ${at})`
}
