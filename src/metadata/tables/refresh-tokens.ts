import type { Principal } from '../../domain/actor.ts'
import type { Reader, Transaction } from '../metadata-store.ts'

export interface RefreshTokenRow {
  readonly principal_kind: Principal['kind']
  /** registry_tokens.id, identities.id or api_keys.id. */
  readonly principal_id: number
  /** registry_token_secrets.id, identities.password_version, or 0. */
  readonly secret_version: number
  readonly service: string
  readonly expires_at: number
}

export async function refreshTokenByHash(sql: Reader, secretHash: string): Promise<RefreshTokenRow | null> {
  return await sql.get<RefreshTokenRow>`
    SELECT principal_kind, principal_id, secret_version, service, expires_at FROM refresh_tokens
     WHERE secret_hash = ${secretHash}`
}

/** What a refresh token hangs on; the columns of `RefreshTokenRow` by their names in the program. */
export interface RefreshTokenBinding {
  readonly secretHash: string
  readonly principalKind: Principal['kind']
  readonly principalId: number
  readonly contractId: number
  readonly secretVersion: number
  readonly service: string
  readonly expiresAt: number
}

export async function insertRefreshToken(sql: Transaction, row: RefreshTokenBinding): Promise<void> {
  await sql.run`
    INSERT INTO refresh_tokens (secret_hash, principal_kind, principal_id, contract_id, secret_version, service, created_at,
                                expires_at)
    VALUES (${row.secretHash}, ${row.principalKind}, ${row.principalId}, ${row.contractId}, ${row.secretVersion},
            ${row.service}, ${sql.now()}, ${row.expiresAt})`
}

/** Call where a principal's secret ends: a token disabled or deleted, a password changed, a membership removed. */
export async function deleteRefreshTokensOf(
  sql: Transaction,
  principalKind: Principal['kind'],
  principalId: number,
): Promise<void> {
  await sql.run`
    DELETE FROM refresh_tokens WHERE principal_kind = ${principalKind} AND principal_id = ${principalId}`
}

/** Those got with one secret of a registry token; its other secret's stay. */
export async function deleteRefreshTokensOfSecret(sql: Transaction, tokenId: number, secretId: number): Promise<void> {
  await sql.run`
    DELETE FROM refresh_tokens
     WHERE principal_kind = 'registry_token' AND principal_id = ${tokenId} AND secret_version = ${secretId}`
}

/** Of everybody in one contract, or of one person there. */
export async function deleteRefreshTokensIn(
  sql: Transaction,
  contractId: number,
  identityId: number | null = null,
): Promise<void> {
  if (identityId === null) {
    await sql.run`DELETE FROM refresh_tokens WHERE contract_id = ${contractId}`
    return
  }
  await sql.run`
    DELETE FROM refresh_tokens
     WHERE contract_id = ${contractId}
       AND ((principal_kind = 'user' AND principal_id = ${identityId})
         OR (principal_kind = 'api_key'
             AND principal_id IN (SELECT id FROM api_keys WHERE identity_id = ${identityId})))`
}

/** At most `limit`; how many went. */
export async function deleteRefreshTokensExpiredUntil(sql: Transaction, until: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM refresh_tokens
     WHERE id IN (SELECT id FROM refresh_tokens WHERE expires_at <= ${until} ORDER BY expires_at LIMIT ${limit})`
}
