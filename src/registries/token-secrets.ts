import { DomainError } from '../domain/error.ts'
import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteRefreshTokensOfSecret } from '../metadata/tables/refresh-tokens.ts'
import {
  liveSecrets,
  maxTokenLifetime,
  revokeSecret,
  revokeSecretsMadeUntil,
} from '../metadata/tables/token-secrets-control.ts'
import type { TokenRow } from '../metadata/tables/tokens-control.ts'
import { findToken, insertTokenSecret, setTokenExpiry } from '../metadata/tables/tokens-control.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { formatInstant, parseExpiry } from './expiry.ts'
import { shorten } from './registry-input.ts'
import type { TokenDetails } from './token-details.ts'
import { detailsOf } from './token-details.ts'
import { checkTokenExpiry } from './token-lifetime.ts'
import { changeToken, found } from './tokens.ts'

/** One in use and one that takes its place: more would be passwords nobody remembers having given away. */
export const MAX_LIVE_SECRETS = 2

type Deps = Pick<RegistriesDeps, 'metadata'>

export interface RotateInput {
  /** The token's new expiry, RFC 3339, or null for none; undefined: as it is. */
  readonly expiryDate?: string | null | undefined
}

export interface Rotated {
  readonly token: TokenDetails
  /** Which of the token's secrets is the new one. */
  readonly secretId: string
  /** In this answer only. */
  readonly password: string
}

/**
 * A second password beside the one in use, which goes on working until it is revoked: so nothing stops while the new one
 * is carried to where it is needed.
 * @throws `not_found`, `input_invalid`, `conflict` (there are two already; or the token is expired and stays so).
 */
export async function rotateToken(
  deps: Deps,
  actor: Actor,
  registryId: string,
  id: string,
  { expiryDate }: RotateInput = {},
): Promise<Rotated> {
  const secret = newSecret(SECRET_PREFIX.registryToken)
  const expiresAt = typeof expiryDate === 'string' ? parseExpiry(expiryDate) : expiryDate
  const detail = { secret: secret.keyId, ...(expiresAt === undefined ? {} : { expiresAt }) }
  const change = { registryId, id, action: 'token.rotate', detail }
  return await changeToken(deps, actor, change, async (sql, registry, token) => {
    await forgetOutlived(sql, actor.contractId, token)
    await refuseThird(sql, registry.id, token)
    if (expiresAt === undefined) refuseExpired(token, sql.now())
    else {
      await checkTokenExpiry(sql, actor.contractId, expiresAt)
      await setTokenExpiry(sql, token.id, expiresAt, { name: actor.email, id: actor.userId })
    }
    await insertTokenSecret(sql, { tokenId: token.id, keyId: secret.keyId, secretHash: secret.hash })
    const row = found(await findToken(sql, registry.id, id), id)
    const details = await detailsOf(sql, actor.contractId, registry.id, row)
    return { token: details, secretId: secret.keyId, password: secret.text }
  })
}

/**
 * Ends one password and what was got with it, within a second. It may be the last one: a leaked password must not wait
 * for its successor. @throws `not_found`
 */
export async function revokeTokenSecret(
  deps: Deps,
  actor: Actor,
  registryId: string,
  id: string,
  secretId: string,
): Promise<void> {
  const change = { registryId, id, action: 'token.revoke_secret', detail: { secret: secretId } }
  await changeToken(deps, actor, change, async (sql, registry, token) => {
    const secrets = await liveSecrets(sql, { registryId: registry.id, first: token.id, last: token.id })
    const secret = secrets.find(({ key_id }) => key_id === secretId)
    if (!secret || !(await revokeSecret(sql, secret.id))) {
      throw new DomainError('not_found', `secret ${shorten(secretId)} of token "${token.name}" does not exist`)
    }
    await deleteRefreshTokensOfSecret(sql, token.id, secret.id)
  })
}

async function forgetOutlived(sql: Transaction, contractId: number, token: TokenRow): Promise<void> {
  const limit = await maxTokenLifetime(sql, contractId)
  if (limit !== null) await revokeSecretsMadeUntil(sql, token.id, sql.now() - limit)
}

async function refuseThird(sql: Transaction, registryId: number, token: TokenRow): Promise<void> {
  const secrets = await liveSecrets(sql, { registryId, first: token.id, last: token.id })
  if (secrets.length < MAX_LIVE_SECRETS) return
  const list = secrets.map(({ key_id, created_at, last_used_at }) => {
    const used = last_used_at === null ? 'never used' : `last used ${formatInstant(last_used_at)}`
    return `${key_id} (made ${formatInstant(created_at)}, ${used})`
  })
  throw new DomainError(
    'conflict',
    `token "${token.name}" has ${MAX_LIVE_SECRETS} live secrets already, ${list.join(' and ')}: revoke one of them first`,
  )
}

function refuseExpired(token: TokenRow, now: number): void {
  if (token.expires_at === null || token.expires_at > now) return
  throw new DomainError(
    'conflict',
    `token "${token.name}" expired at ${formatInstant(token.expires_at)}, and its new password would not work either: give a later expiryDate too`,
  )
}
