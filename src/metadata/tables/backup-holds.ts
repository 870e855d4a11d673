import type { Transaction } from '../metadata-store.ts'

// While a hold stands no object's bytes are removed (docs/garbage-collection.md, 11).

export async function insertHold(sql: Transaction, id: string, leaseMs: number): Promise<void> {
  const now = sql.now()
  await sql.run`INSERT INTO backup_holds (id, lease_until, created_at) VALUES (${id}, ${now + leaseMs}, ${now})`
}

/** @returns false when it had ended and a sweep may have gone on. */
export async function renewHold(sql: Transaction, id: string, leaseMs: number): Promise<boolean> {
  return (await sql.run`UPDATE backup_holds SET lease_until = ${sql.now() + leaseMs} WHERE id = ${id}`) === 1
}

export async function deleteHold(sql: Transaction, id: string): Promise<void> {
  await sql.run`DELETE FROM backup_holds WHERE id = ${id}`
}

/**
 * For the sweep, after it read what it would remove. An ended hold's row goes first: however the clocks run, its owner
 * learns of it. @returns whether bytes must stay.
 */
export async function isHeld(sql: Transaction): Promise<boolean> {
  await sql.run`DELETE FROM backup_holds WHERE lease_until < ${sql.now()}`
  return (await sql.get`SELECT id FROM backup_holds LIMIT 1`) !== null
}
