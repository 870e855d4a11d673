import type { Principal } from '../domain/actor.ts'
import { hashSecret, newSecret, parseSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { RefreshTokenBinding, RefreshTokenRow } from '../metadata/tables/refresh-tokens.ts'
import { insertRefreshToken, refreshTokenByHash } from '../metadata/tables/refresh-tokens.ts'
import type { Refusal } from './authenticate.ts'
import type { Holder, Holders } from './holder.ts'
import type { Claimant } from './identity.ts'
import { wrongCredentials } from './refusals.ts'

const LIFETIME_MS = 90 * 86_400_000

/** What `docker login` keeps instead of a password: opaque, bound to a principal, its secret's version and a service. */
export class RefreshTokens {
  readonly #metadata: MetadataStore
  readonly #holders: Holders
  readonly #refused: (refusal: Refusal) => void
  readonly #now: () => number

  constructor(deps: {
    readonly metadata: MetadataStore
    readonly holders: Holders
    readonly refused: (refusal: Refusal) => void
    readonly now: () => number
  }) {
    this.#metadata = deps.metadata
    this.#holders = deps.holders
    this.#refused = deps.refused
    this.#now = deps.now
  }

  /** The text, shown once. */
  async issue(principal: Principal, service: string): Promise<string> {
    const { text, hash } = newSecret(SECRET_PREFIX.refreshToken)
    await this.#metadata.transact(async (sql) => {
      await insertRefreshToken(sql, {
        ...bindingOf(principal),
        secretHash: hash,
        contractId: principal.contractId,
        service,
        expiresAt: sql.now() + LIFETIME_MS,
      })
    })
    return text
  }

  /** Whose it is. @throws `unauthenticated`: unknown, expired, for another service, or void with what it was bound to. */
  async redeem(text: string, service: string, address: string): Promise<Holder> {
    const row = await this.#find(text, service)
    const holder = row && this.#holders.of(claimantOf(row))
    const standing = holder && (await this.#holders.standing(holder, await this.#metadata.authEpoch()))
    if (!holder || !standing || (standing.expiresAt ?? Number.POSITIVE_INFINITY) <= this.#now()) {
      const refusal = { contractId: null, registryId: null, actor: 'unknown', action: 'login.refused', address }
      this.#refused({ ...refusal, subject: 'refresh token' })
      throw wrongCredentials()
    }
    return holder
  }

  async #find(text: string, service: string): Promise<RefreshTokenRow | null> {
    if (parseSecret(text)?.prefix !== SECRET_PREFIX.refreshToken) return null
    return await this.#metadata.read(async (sql) => {
      const row = await refreshTokenByHash(sql, hashSecret(text))
      return row !== null && row.service === service && row.expires_at > sql.now() ? row : null
    })
  }
}

type BoundBy = 'principalKind' | 'principalId' | 'secretVersion'

/** What must still be so when the token is redeemed. */
function bindingOf(principal: Principal): Pick<RefreshTokenBinding, BoundBy> {
  const principalKind = principal.kind
  switch (principal.kind) {
    case 'registry_token':
      return { principalKind, principalId: principal.tokenId, secretVersion: principal.secretId }
    case 'user':
      return { principalKind, principalId: principal.identityId, secretVersion: principal.passwordVersion }
    case 'api_key':
      return { principalKind, principalId: principal.apiKeyId, secretVersion: 0 }
  }
}

function claimantOf(row: RefreshTokenRow): Claimant {
  switch (row.principal_kind) {
    case 'registry_token':
      return { kind: 'registry_token', secretId: row.secret_version }
    case 'user':
      return { kind: 'user', identityId: row.principal_id, passwordVersion: row.secret_version }
    case 'api_key':
      return { kind: 'api_key', apiKeyId: row.principal_id }
  }
}
