import type { Transaction } from '../metadata-store.ts'

/** False when it was spent before: one sign-on, one session. */
export async function spendSsoState(sql: Transaction, stateHash: string, expiresAt: number): Promise<boolean> {
  const added = await sql.run`
    INSERT INTO sso_spent_states (state_hash, expires_at) VALUES (${stateHash}, ${expiresAt}) ON CONFLICT DO NOTHING`
  return added > 0
}

/** At most `limit`; how many went. */
export async function deleteSsoStatesExpiredUntil(sql: Transaction, until: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM sso_spent_states
     WHERE id IN (SELECT id FROM sso_spent_states WHERE expires_at <= ${until} ORDER BY expires_at LIMIT ${limit})`
}
