import type { Reader, Transaction } from '../metadata-store.ts'

export interface SigningKeyRow {
  readonly kid: string
  /** JWK, JSON. */
  readonly public_jwk: string
  /** Private JWK, JSON, sealed. */
  readonly wrapped: Uint8Array
}

/** Not retired, the oldest first: that one signs. */
export async function signingKeys(sql: Reader): Promise<SigningKeyRow[]> {
  return await sql.all<SigningKeyRow>`
    SELECT kid, public_jwk, wrapped FROM signing_keys WHERE retired_at IS NULL ORDER BY id`
}

export async function insertSigningKey(sql: Transaction, row: SigningKeyRow): Promise<void> {
  await sql.run`
    INSERT INTO signing_keys (kid, public_jwk, wrapped, created_at)
    VALUES (${row.kid}, ${row.public_jwk}, ${row.wrapped}, ${sql.now()})`
}
