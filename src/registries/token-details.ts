import { effectiveExpiry } from '../domain/token-lifetime.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { LiveSecretRow, TokenUseRow } from '../metadata/tables/token-secrets-control.ts'
import { lastUses, liveSecrets, maxTokenLifetime } from '../metadata/tables/token-secrets-control.ts'
import type { TokenRow } from '../metadata/tables/tokens-control.ts'
import { findToken, listTokensAfter } from '../metadata/tables/tokens-control.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { requireRegistry } from './find-registry.ts'
import { found } from './tokens.ts'
import type { TokenView } from './views.ts'
import { toTokenView } from './views.ts'

export interface LastUse {
  readonly at: number
  readonly from: string
}

/** One of a token's passwords, without it. */
export interface SecretView {
  /** The word between the underscores of the password. */
  readonly id: string
  readonly createdAt: number
  /** When it ends by itself, by the token's expiry or the contract's limit on lifetimes; null: never. */
  readonly expiresAt: number | null
  readonly lastUsed: LastUse | null
}

/** A token with what the product's API does not tell. */
export interface TokenDetails extends TokenView {
  /** What lists go on from; never on the wire by itself. */
  readonly internalId: number
  /** When it ends in truth: its own expiry, or earlier, by the contract's limit on lifetimes. */
  readonly effectiveExpiresAt: number | null
  /** With any of its passwords, revoked ones included. Written every few seconds. */
  readonly lastUsed: LastUse | null
  /** Those that are not revoked, the oldest first: none to two. */
  readonly secrets: readonly SecretView[]
}

/** In order of creation, strictly after that internal id (0: from the first). @throws `not_found` (the registry) */
export async function listTokenDetails(
  { metadata }: Pick<RegistriesDeps, 'metadata'>,
  actor: Actor,
  registryId: string,
  page: { readonly limit: number; readonly after: number },
): Promise<TokenDetails[]> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    return await withDetails(sql, actor.contractId, registry.id, await listTokensAfter(sql, registry.id, page))
  })
}

/** @throws `not_found` for the registry or the token. */
export async function getTokenDetails(
  { metadata }: Pick<RegistriesDeps, 'metadata'>,
  actor: Actor,
  registryId: string,
  id: string,
): Promise<TokenDetails> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    return await detailsOf(sql, actor.contractId, registry.id, found(await findToken(sql, registry.id, id), id))
  })
}

export async function detailsOf(
  sql: Reader,
  contractId: number,
  registryId: number,
  row: TokenRow,
): Promise<TokenDetails> {
  const [details] = await withDetails(sql, contractId, registryId, [row])
  if (!details) throw new TypeError('one row has details of one token')
  return details
}

async function withDetails(
  sql: Reader,
  contractId: number,
  registryId: number,
  rows: readonly TokenRow[],
): Promise<TokenDetails[]> {
  const [first, last] = [rows.at(0), rows.at(-1)]
  if (!first || !last) return []
  const range = { registryId, first: first.id, last: last.id }
  const limit = await maxTokenLifetime(sql, contractId)
  const secrets = Map.groupBy(await liveSecrets(sql, range), ({ token_id }) => token_id)
  const uses = new Map((await lastUses(sql, range)).map((use) => [use.token_id, use]))
  return rows.map((row) => toDetails(row, secrets.get(row.id) ?? [], uses.get(row.id), limit))
}

function toDetails(
  row: TokenRow,
  secrets: readonly LiveSecretRow[],
  use: TokenUseRow | undefined,
  limit: number | null,
): TokenDetails {
  const madeAt = secrets.at(-1)?.created_at ?? row.created_at
  return {
    ...toTokenView(row),
    internalId: row.id,
    effectiveExpiresAt: effectiveExpiry(row.expires_at, madeAt, limit),
    lastUsed: use ? { at: use.last_used_at, from: use.last_used_from } : null,
    secrets: secrets.map((secret) => ({
      id: secret.key_id,
      createdAt: secret.created_at,
      expiresAt: effectiveExpiry(row.expires_at, secret.created_at, limit),
      lastUsed: toUse(secret),
    })),
  }
}

function toUse({ last_used_at: at, last_used_from: from }: LiveSecretRow): LastUse | null {
  return at === null ? null : { at, from: from ?? '' }
}
