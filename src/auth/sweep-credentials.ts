import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteLinksExpiredUntil } from '../metadata/tables/account-links.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { deleteBrakesIdleSince } from '../metadata/tables/login-brakes.ts'
import { deleteRefreshTokensExpiredUntil, deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { tokensExpiredUntil } from '../metadata/tables/registry-tokens.ts'
import { deleteSessionsExpiredUntil } from '../metadata/tables/sessions.ts'
import { deleteToken } from '../metadata/tables/tokens-control.ts'
import { BRAKE_MEMORY_MS } from './brake.ts'

const KEPT_MS = 30 * 86_400_000
/** Rows in one transaction (design.md 4: at most 500). */
const BATCH = 200

/**
 * Expired tokens stop at once and disappear after 30 days (design.md 8): until then an owner sees why they stopped.
 * @returns how many went; call again while that is not zero.
 */
export async function removeLongExpiredTokens(sql: Transaction): Promise<number> {
  const expired = await tokensExpiredUntil(sql, sql.now() - KEPT_MS, BATCH)
  for (const token of expired) {
    await deleteToken(sql, token.id)
    await deleteRefreshTokensOf(sql, 'registry_token', token.id)
    await insertAuditEvent(sql, {
      contractId: token.contract_id,
      registryId: token.registry_id,
      actor: 'entrepot',
      action: 'token.delete',
      subject: `${token.registry_name}/${token.name}`,
      address: null,
      detail: { reason: 'expired 30 days ago' },
    })
  }
  return expired.length
}

/** Sessions, refresh tokens and links whose time is over, and forgotten login failures. @returns as above. */
export async function removeSpentCredentials(sql: Transaction): Promise<number> {
  const now = sql.now()
  const sessions = await deleteSessionsExpiredUntil(sql, now, BATCH)
  const refreshTokens = await deleteRefreshTokensExpiredUntil(sql, now, BATCH)
  const links = await deleteLinksExpiredUntil(sql, now, BATCH)
  return sessions + refreshTokens + links + (await deleteBrakesIdleSince(sql, now - BRAKE_MEMORY_MS, BATCH))
}
