import type { Reader, Transaction } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

export interface SessionRow {
  readonly id: number
  /** Null in rows of version 0.1. */
  readonly public_id: string | null
  readonly identity_id: number
  /** The one meant when a request names none. */
  readonly contract_id: number
  /** 1: opens `contract_id` only. */
  readonly bound: number
  readonly created_at: number
  /** Whatever it is used for. */
  readonly expires_at: number
  /** Written every few seconds. */
  readonly last_used_at: number
  readonly address: string | null
  readonly user_agent: string | null
}

/** However busy, a session is over after so long: to be written into `expires_at`. */
export const SESSION_LIFETIME_MS = 7 * 86_400_000
/** Unused for so long a session is over, whatever its `expires_at`. */
export const SESSION_IDLE_MS = 12 * 3_600_000

const SELECT = fragment`
  SELECT id, public_id, identity_id, contract_id, bound, created_at, expires_at, last_used_at, address, user_agent
    FROM sessions`

export async function sessionByHash(sql: Reader, secretHash: string): Promise<SessionRow | null> {
  return await sql.get<SessionRow>`${SELECT} WHERE secret_hash = ${secretHash}`
}

export async function sessionById(sql: Reader, id: number): Promise<SessionRow | null> {
  return await sql.get<SessionRow>`${SELECT} WHERE id = ${id}`
}

/** Those that still open something, the newest first. */
export async function sessionsOf(sql: Reader, identityId: number): Promise<SessionRow[]> {
  return await sql.all<SessionRow>`
    ${SELECT} WHERE identity_id = ${identityId} AND public_id IS NOT NULL
       AND expires_at > ${sql.now()} AND last_used_at > ${sql.now() - SESSION_IDLE_MS}
     ORDER BY id DESC`
}

export interface NewSession {
  readonly publicId: string
  readonly secretHash: string
  readonly identityId: number
  readonly contractId: number
  /** Single sign-on: it opens `contractId` only. */
  readonly bound: boolean
  readonly expiresAt: number
  readonly address: string | null
  readonly userAgent: string | null
}

/** Of one person, by public id. */
export async function findSession(sql: Reader, identityId: number, publicId: string): Promise<SessionRow | null> {
  return await sql.get<SessionRow>`${SELECT} WHERE public_id = ${publicId} AND identity_id = ${identityId}`
}

/** The new row's internal id. */
export async function insertSession(sql: Transaction, row: NewSession): Promise<number> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO sessions (public_id, secret_hash, identity_id, contract_id, bound, created_at, expires_at, last_used_at,
                          address, user_agent)
    VALUES (${row.publicId}, ${row.secretHash}, ${row.identityId}, ${row.contractId}, ${row.bound ? 1 : 0}, ${sql.now()},
            ${row.expiresAt}, ${sql.now()}, ${row.address}, ${row.userAgent})
    RETURNING id`
  if (!made) throw new TypeError('an insert returns its row')
  return made.id
}

/** False when it was gone already. */
export async function deleteSession(sql: Transaction, id: number): Promise<boolean> {
  return (await sql.run`DELETE FROM sessions WHERE id = ${id}`) > 0
}

/** All of a person but one. How many went. */
export async function deleteSessionsOf(sql: Transaction, identityId: number, exceptId = 0): Promise<number> {
  return await sql.run`DELETE FROM sessions WHERE identity_id = ${identityId} AND id <> ${exceptId}`
}

/** Those that stand for one contract: of one person, or of everybody. */
export async function deleteSessionsIn(
  sql: Transaction,
  contractId: number,
  identityId: number | null = null,
): Promise<void> {
  if (identityId === null) await sql.run`DELETE FROM sessions WHERE contract_id = ${contractId}`
  else await sql.run`DELETE FROM sessions WHERE contract_id = ${contractId} AND identity_id = ${identityId}`
}

export async function sessionUsed(sql: Transaction, id: number, at: number, address: string): Promise<void> {
  await sql.run`
    UPDATE sessions SET last_used_at = ${at}, address = ${address} WHERE id = ${id} AND last_used_at < ${at}`
}

/** At most `limit`; how many went. */
export async function deleteSessionsExpiredUntil(sql: Transaction, until: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM sessions
     WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ${until} OR last_used_at <= ${until - SESSION_IDLE_MS}
                   ORDER BY id LIMIT ${limit})`
}
