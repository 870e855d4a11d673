import type { Transaction } from '../metadata-store.ts'
import { forUpdate } from '../sql.ts'

/**
 * Voids every cached authorization on every process within a second. Belongs into the transaction of whatever takes a
 * right away: revocation, disabling, deleting, and every change of expiry, scopes, roles or allow lists.
 */
export async function bumpAuthEpoch(sql: Transaction): Promise<void> {
  await sql.run`UPDATE auth_epoch SET epoch = epoch + 1 WHERE id = 1`
}

/** Makes transactions that found something once (the signing key, the first owner) wait for each other. */
export async function lockAuthEpoch(sql: Transaction): Promise<void> {
  await sql.get`SELECT epoch FROM auth_epoch WHERE id = 1 ${forUpdate(sql)}`
}
