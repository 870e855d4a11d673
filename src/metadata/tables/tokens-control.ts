import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdateOf, sql as fragment } from '../sql.ts'

// Control-plane queries of registry_tokens; what authentication reads is in registry-tokens.ts.

export type TokenStatus = 'enabled' | 'disabled'

export interface TokenRow {
  readonly id: number
  readonly public_id: string
  readonly name: string
  readonly status: TokenStatus
  /** JSON [{actions, name, type}] as sent. */
  readonly scopes: string
  readonly expires_at: number | null
  readonly created_at: number
  readonly created_by: string
  readonly created_by_id: string
  readonly modified_at: number | null
  readonly modified_by: string | null
  readonly modified_by_id: string | null
}

const SELECT = fragment`
  SELECT t.id, t.public_id, t.name, t.status, t.scopes, t.expires_at, t.created_at, t.created_by, t.created_by_id,
         t.modified_at, t.modified_by, t.modified_by_id
    FROM registry_tokens t`

/** The callers made sure that the registry is live and theirs. */
export async function findToken(sql: Reader, registryId: number, publicId: string): Promise<TokenRow | null> {
  return await sql.get<TokenRow>`
    ${SELECT} WHERE t.registry_id = ${registryId} AND t.public_id = ${publicId} AND t.deleted_at IS NULL`
}

export async function findTokenNamed(sql: Reader, registryId: number, name: string): Promise<TokenRow | null> {
  return await sql.get<TokenRow>`
    ${SELECT} WHERE t.registry_id = ${registryId} AND t.name = ${name} AND t.deleted_at IS NULL`
}

export async function lockToken(sql: Transaction, registryId: number, publicId: string): Promise<TokenRow | null> {
  return await sql.get<TokenRow>`
    ${SELECT} WHERE t.registry_id = ${registryId} AND t.public_id = ${publicId} AND t.deleted_at IS NULL
    ${forUpdateOf(sql, 't')}`
}

/** In order of creation. */
export async function listTokens(
  sql: Reader,
  registryId: number,
  page: { readonly limit: number; readonly offset: number },
): Promise<TokenRow[]> {
  return await sql.all<TokenRow>`
    ${SELECT} WHERE t.registry_id = ${registryId} AND t.deleted_at IS NULL
     ORDER BY t.id LIMIT ${page.limit} OFFSET ${page.offset}`
}

/** In order of creation, strictly after the internal id `after`. */
export async function listTokensAfter(
  sql: Reader,
  registryId: number,
  page: { readonly limit: number; readonly after: number },
): Promise<TokenRow[]> {
  return await sql.all<TokenRow>`
    ${SELECT} WHERE t.registry_id = ${registryId} AND t.id > ${page.after} AND t.deleted_at IS NULL
     ORDER BY t.id LIMIT ${page.limit}`
}

export async function countTokens(sql: Reader, registryId: number): Promise<number> {
  const row = await sql.get<{ total: number }>`
    SELECT COUNT(*) AS total FROM registry_tokens t WHERE t.registry_id = ${registryId} AND t.deleted_at IS NULL`
  return Number(row?.total ?? 0)
}

/** The new row's internal id, or null when the name or the public id is taken in this registry. */
export async function insertToken(
  sql: Transaction,
  row: {
    readonly registryId: number
    readonly publicId: string
    readonly name: string
    readonly status: TokenStatus
    readonly scopes: string
    readonly expiresAt: number | null
    readonly createdBy: string
    readonly createdById: string
  },
): Promise<number | null> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO registry_tokens (registry_id, public_id, name, status, scopes, expires_at, created_at, created_by, created_by_id)
    VALUES (${row.registryId}, ${row.publicId}, ${row.name}, ${row.status}, ${row.scopes}, ${row.expiresAt}, ${sql.now()},
            ${row.createdBy}, ${row.createdById})
    ON CONFLICT DO NOTHING RETURNING id`
  return made?.id ?? null
}

export async function insertTokenSecret(
  sql: Transaction,
  secret: { readonly tokenId: number; readonly keyId: string; readonly secretHash: string },
): Promise<void> {
  await sql.run`
    INSERT INTO registry_token_secrets (token_id, key_id, secret_hash, created_at)
    VALUES (${secret.tokenId}, ${secret.keyId}, ${secret.secretHash}, ${sql.now()})`
}

/** The caller holds it locked. */
export async function updateToken(
  sql: Transaction,
  tokenId: number,
  to: { readonly status: TokenStatus; readonly scopes: string; readonly expiresAt: number | null },
  by: { readonly name: string; readonly id: string },
): Promise<void> {
  await sql.run`
    UPDATE registry_tokens
       SET status = ${to.status}, scopes = ${to.scopes}, expires_at = ${to.expiresAt},
           modified_at = ${sql.now()}, modified_by = ${by.name}, modified_by_id = ${by.id}
     WHERE id = ${tokenId}`
}

export async function setTokenStatus(
  sql: Transaction,
  tokenId: number,
  status: TokenStatus,
  by: { readonly name: string; readonly id: string },
): Promise<void> {
  await sql.run`
    UPDATE registry_tokens SET status = ${status}, modified_at = ${sql.now()}, modified_by = ${by.name}, modified_by_id = ${by.id}
     WHERE id = ${tokenId}`
}

export async function setTokenExpiry(
  sql: Transaction,
  tokenId: number,
  expiresAt: number | null,
  by: { readonly name: string; readonly id: string },
): Promise<void> {
  await sql.run`
    UPDATE registry_tokens SET expires_at = ${expiresAt}, modified_at = ${sql.now()}, modified_by = ${by.name}, modified_by_id = ${by.id}
     WHERE id = ${tokenId}`
}

/** Gone at once, with its secrets: no quarantine for credentials. */
export async function deleteToken(sql: Transaction, tokenId: number): Promise<void> {
  await sql.run`UPDATE registry_tokens SET deleted_at = ${sql.now()} WHERE id = ${tokenId} AND deleted_at IS NULL`
  await sql.run`
    UPDATE registry_token_secrets SET revoked_at = ${sql.now()} WHERE token_id = ${tokenId} AND revoked_at IS NULL`
}
