import type { Reader, Transaction } from '../metadata-store.ts'
import { forShare, forUpdate, sql as fragment } from '../sql.ts'

/** A person, whatever contracts they belong to. */
export interface IdentityRow {
  readonly id: number
  /** UUID v4, public. */
  readonly user_id: string
  /** Lower case. */
  readonly email: string
  /** PHC string; null: single sign-on only. */
  readonly password_hash: string | null
  readonly password_version: number
  readonly disabled_at: number | null
  readonly display_name: string | null
  readonly is_operator: number
  readonly created_at: number
}

const SELECT = fragment`
  SELECT id, user_id, email, password_hash, password_version, disabled_at, display_name, is_operator, created_at
    FROM identities`

export async function identityByEmail(sql: Reader, email: string): Promise<IdentityRow | null> {
  return await sql.get<IdentityRow>`${SELECT} WHERE email = ${email}`
}

export async function identityById(sql: Reader, id: number): Promise<IdentityRow | null> {
  return await sql.get<IdentityRow>`${SELECT} WHERE id = ${id}`
}

/** Held against all other changes until the transaction ends. */
export async function lockIdentity(sql: Transaction, userId: string): Promise<IdentityRow | null> {
  return await sql.get<IdentityRow>`${SELECT} WHERE user_id = ${userId} ${forUpdate(sql)}`
}

/** Against changes only: what is decided by it still holds when the transaction ends. */
export async function holdIdentity(sql: Transaction, id: number): Promise<IdentityRow | null> {
  return await sql.get<IdentityRow>`${SELECT} WHERE id = ${id} ${forShare(sql)}`
}

/** The new row's internal id, or null when the e-mail is taken. */
export async function insertIdentity(
  sql: Transaction,
  row: { readonly userId: string; readonly email: string; readonly passwordHash: string | null },
): Promise<number | null> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO identities (user_id, email, password_hash, created_at)
    VALUES (${row.userId}, ${row.email}, ${row.passwordHash}, ${sql.now()})
    ON CONFLICT DO NOTHING RETURNING id`
  return made?.id ?? null
}

/** What was derived from the former password is void: its version rises. */
export async function setPasswordHash(sql: Transaction, id: number, passwordHash: string): Promise<void> {
  await sql.run`
    UPDATE identities SET password_hash = ${passwordHash}, password_version = password_version + 1 WHERE id = ${id}`
}

/** The same password in another form: what was derived from it stands. Nothing when it was changed meanwhile. */
export async function rehashPassword(
  sql: Transaction,
  row: { readonly id: number; readonly from: string; readonly to: string },
): Promise<void> {
  await sql.run`UPDATE identities SET password_hash = ${row.to} WHERE id = ${row.id} AND password_hash = ${row.from}`
}

export async function setDisplayName(sql: Transaction, id: number, displayName: string | null): Promise<void> {
  await sql.run`UPDATE identities SET display_name = ${displayName} WHERE id = ${id}`
}

export async function setOperator(sql: Transaction, id: number, isOperator: boolean): Promise<void> {
  await sql.run`UPDATE identities SET is_operator = ${isOperator ? 1 : 0} WHERE id = ${id}`
}
