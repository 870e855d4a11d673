import type { Reader, Transaction } from '../metadata-store.ts'

// Control-plane queries of registry_token_secrets; what authentication reads is in registry-token-secrets.ts.

export interface LiveSecretRow {
  readonly id: number
  readonly token_id: number
  /** Public: it stands in the password, so that its holder can tell which one it is. */
  readonly key_id: string
  readonly created_at: number
  readonly last_used_at: number | null
  readonly last_used_from: string | null
}

export interface TokenUseRow {
  readonly token_id: number
  readonly last_used_at: number
  readonly last_used_from: string
}

/** Tokens of one registry by internal id, both ends included. */
export interface TokenRange {
  readonly registryId: number
  readonly first: number
  readonly last: number
}

/** The secrets of live tokens that are not revoked, the oldest first. */
export async function liveSecrets(sql: Reader, { registryId, first, last }: TokenRange): Promise<LiveSecretRow[]> {
  return await sql.all<LiveSecretRow>`
    SELECT s.id, s.token_id, s.key_id, s.created_at, s.last_used_at, s.last_used_from
      FROM registry_tokens t JOIN registry_token_secrets s ON s.token_id = t.id AND s.revoked_at IS NULL
     WHERE t.registry_id = ${registryId} AND t.id BETWEEN ${first} AND ${last} AND t.deleted_at IS NULL
     ORDER BY s.id`
}

/** When each token was used last, with whichever secret: also one that is revoked by now. */
export async function lastUses(sql: Reader, { registryId, first, last }: TokenRange): Promise<TokenUseRow[]> {
  return await sql.all<TokenUseRow>`
    SELECT t.id AS token_id, s.last_used_at, s.last_used_from
      FROM registry_tokens t
      JOIN registry_token_secrets s ON s.id = (SELECT u.id FROM registry_token_secrets u
                                                WHERE u.token_id = t.id AND u.last_used_at IS NOT NULL
                                                ORDER BY u.last_used_at DESC, u.id DESC LIMIT 1)
     WHERE t.registry_id = ${registryId} AND t.id BETWEEN ${first} AND ${last} AND t.deleted_at IS NULL`
}

/** False when there is no such secret of that token any more. */
export async function revokeSecret(sql: Transaction, secretId: number): Promise<boolean> {
  return (
    (await sql.run`
      UPDATE registry_token_secrets SET revoked_at = ${sql.now()} WHERE id = ${secretId} AND revoked_at IS NULL`) > 0
  )
}

/** Those that the contract's limit ended: were it lifted, they would work again beside newer ones. */
export async function revokeSecretsMadeUntil(sql: Transaction, tokenId: number, until: number): Promise<void> {
  await sql.run`
    UPDATE registry_token_secrets SET revoked_at = ${sql.now()}
     WHERE token_id = ${tokenId} AND created_at <= ${until} AND revoked_at IS NULL`
}

/** Null: registry tokens of this contract may live for ever. */
export async function maxTokenLifetime(sql: Reader, contractId: number): Promise<number | null> {
  const row = await sql.get<{ max_token_lifetime_ms: number | null }>`
    SELECT max_token_lifetime_ms FROM contracts WHERE id = ${contractId}`
  return row?.max_token_lifetime_ms ?? null
}
