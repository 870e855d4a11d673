import type { Reader, Transaction } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

export interface SessionRow {
  readonly id: number
  readonly identity_id: number
  readonly contract_id: number
  readonly expires_at: number
}

const SELECT = fragment`SELECT id, identity_id, contract_id, expires_at FROM sessions`

export async function sessionByHash(sql: Reader, secretHash: string): Promise<SessionRow | null> {
  return await sql.get<SessionRow>`${SELECT} WHERE secret_hash = ${secretHash}`
}

export async function sessionById(sql: Reader, id: number): Promise<SessionRow | null> {
  return await sql.get<SessionRow>`${SELECT} WHERE id = ${id}`
}

export async function insertSession(
  sql: Transaction,
  row: {
    readonly secretHash: string
    readonly identityId: number
    readonly contractId: number
    readonly expiresAt: number
    readonly address: string | null
  },
): Promise<void> {
  await sql.run`
    INSERT INTO sessions (secret_hash, identity_id, contract_id, created_at, expires_at, last_used_at, address)
    VALUES (${row.secretHash}, ${row.identityId}, ${row.contractId}, ${sql.now()}, ${row.expiresAt}, ${sql.now()},
            ${row.address})`
}

/** False when there was none. */
export async function deleteSession(sql: Transaction, secretHash: string): Promise<boolean> {
  return (await sql.run`DELETE FROM sessions WHERE secret_hash = ${secretHash}`) > 0
}

export async function deleteSessionsOf(sql: Transaction, identityId: number): Promise<void> {
  await sql.run`DELETE FROM sessions WHERE identity_id = ${identityId}`
}

export async function sessionUsed(sql: Transaction, id: number, at: number, address: string): Promise<void> {
  await sql.run`
    UPDATE sessions SET last_used_at = ${at}, address = ${address} WHERE id = ${id} AND last_used_at < ${at}`
}

/** At most `limit`; how many went. */
export async function deleteSessionsExpiredUntil(sql: Transaction, until: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ${until} ORDER BY expires_at LIMIT ${limit})`
}
