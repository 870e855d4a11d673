import type { Principal } from '../domain/actor.ts'
import { hashSecret, parseSecret, SECRET_PREFIX, secretMatches } from '../domain/secret.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { apiKeyByKeyId } from '../metadata/tables/api-keys.ts'
import type { RefusalRecord } from '../metadata/tables/audit-events.ts'
import { identityById } from '../metadata/tables/identities.ts'
import { tokenSecretByKeyId } from '../metadata/tables/registry-token-secrets.ts'
import { SESSION_IDLE_MS, sessionByHash } from '../metadata/tables/sessions.ts'
import type { ShownCredentials } from './authorization-header.ts'
import { parseAuthorization } from './authorization-header.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { Holder, Holders } from './holder.ts'
import type { BearerClaims, Standing } from './identity.ts'
import type { LastUsed } from './last-used.ts'
import type { PasswordLogins, UserClaimant } from './password-logins.ts'
import { wrongBearer, wrongCredentials } from './refusals.ts'

/** Headers remembered per process (twice that at most); a bearer token is below a kilobyte. */
const REMEMBERED_PASSES = 10_000
const LONGEST_REMEMBERED = 8_192

/** Credentials that were right when they were shown; what they are worth is the holder's standing. */
export interface Pass {
  readonly holder: Holder
  /** How they were shown: as Basic, as a JWT of ours, or as an API key's or session's secret behind Bearer. */
  readonly via: 'basic' | 'jwt' | 'secret'
  readonly bearer: BearerClaims | null
}

export interface Login {
  readonly claimant: UserClaimant
  readonly standing: Standing | null
}

/** A refusal, as the audit room counts it. */
export type Refusal = Omit<RefusalRecord, 'at' | 'count'>

export interface AuthenticatorDeps {
  readonly metadata: MetadataStore
  readonly holders: Holders
  readonly bearerTokens: BearerTokens
  readonly passwordLogins: PasswordLogins
  readonly lastUsed: LastUsed
  readonly refused: (refusal: Refusal) => void
  readonly now: () => number
}

/** From an Authorization header to whoever holds it. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps
  /**
   * By the raw header. A person's password is not among them: it is worth more than one registry, so the cache behind
   * `PasswordLogins` keeps a keyed hash.
   */
  readonly #passes = new BoundedCache<Pass>(REMEMBERED_PASSES)

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps
  }

  /** The pass of a header shown before whose standing is of this very epoch. Touches neither database nor cryptography. */
  recall(authorization: string, epoch: number, address: string): Pass | null {
    const pass = this.#passes.get(authorization)
    if (!pass) return null
    const { epoch: readIn, standing } = pass.holder
    if (readIn !== epoch || standing === null || this.#isOver(pass.holder, standing)) return null
    this.#used(pass, address)
    return pass
  }

  /** @throws `unauthenticated`, `too_many_requests`, `unavailable`. The holder's standing is not null. */
  async identify(authorization: string, address: string): Promise<Pass> {
    const shown = parseAuthorization(authorization)
    const pass = this.#passes.get(authorization) ?? (await this.#check(shown, address))
    const standing = pass && (await this.#standing(pass.holder))
    if (!pass || !standing || this.#isOver(pass.holder, standing)) {
      this.#passes.delete(authorization)
      this.#refuse(shown, standing, address)
    }
    if (pass.holder.claimant.kind !== 'user' || pass.bearer) this.#remember(authorization, pass)
    this.#used(pass, address)
    return pass
  }

  /**
   * By password, derived now: nothing remembered counts, and neither keys nor tokens do. Who is right but a member
   * nowhere has no standing. @throws `unauthenticated`, `too_many_requests`, `unavailable`.
   */
  async logIn(username: string, password: string, address: string): Promise<Login> {
    const claimant = await this.#deps.passwordLogins.checkAnew(username, password, address)
    if (claimant === null) return this.#refuse({ scheme: 'basic', username, password }, null, address)
    return { claimant, standing: await this.#standing(this.#deps.holders.of(claimant)) }
  }

  #refuse(shown: ShownCredentials | null, standing: Standing | null, address: string): never {
    const claimed = shown?.scheme === 'basic' ? shown.username : 'bearer token'
    const principal = standing?.principals[0]
    this.#deps.refused({
      contractId: principal?.contractId ?? null,
      registryId: principal?.kind === 'registry_token' ? principal.registryId : null,
      actor: 'unknown',
      action: 'login.refused',
      subject: claimed,
      address,
    })
    throw shown?.scheme === 'bearer' ? wrongBearer() : wrongCredentials()
  }

  #remember(authorization: string, pass: Pass): void {
    if (authorization.length <= LONGEST_REMEMBERED) this.#passes.set(authorization, pass)
  }

  #used({ holder }: Pass, address: string): void {
    if (holder.claimant.kind !== 'user') this.#deps.lastUsed.note(holder, this.#deps.now(), address)
  }

  #isOver(holder: Holder, standing: Standing): boolean {
    const hasExpired = standing.expiresAt !== null && standing.expiresAt <= this.#deps.now()
    return hasExpired || this.#isIdle(holder, standing)
  }

  #isIdle(holder: Holder, { usedAt }: Standing): boolean {
    return usedAt !== null && Math.max(usedAt, holder.usedAt) + SESSION_IDLE_MS <= this.#deps.now()
  }

  /** What seems idle here may have been used through another process. */
  async #standing(holder: Holder): Promise<Standing | null> {
    const { holders, metadata } = this.#deps
    const standing = await holders.standing(holder, await metadata.authEpoch())
    return standing && this.#isIdle(holder, standing) ? await holders.standingAnew(holder) : standing
  }

  async #check(shown: ShownCredentials | null, address: string): Promise<Pass | null> {
    if (shown === null) return null
    const text = shown.scheme === 'basic' ? shown.password : shown.token
    const secret = parseSecret(text)
    if (shown.scheme === 'bearer') return secret ? await this.#ofBearerSecret(text, secret) : await this.#ofJwt(text)
    if (secret === null) return await this.#ofPassword(shown, address)
    if (secret.prefix === SECRET_PREFIX.registryToken) return await this.#ofToken(shown, secret.keyId)
    return secret.prefix === SECRET_PREFIX.apiKey ? await this.#ofKey(text, secret.keyId, shown.username) : null
  }

  async #ofJwt(token: string): Promise<Pass | null> {
    const bearer = await this.#deps.bearerTokens.read(token)
    return bearer && { holder: this.#deps.holders.of(bearer.claimant), via: 'jwt', bearer }
  }

  async #ofToken({ username, password }: { username: string; password: string }, keyId: string): Promise<Pass | null> {
    const row = await this.#deps.metadata.read((sql) => tokenSecretByKeyId(sql, keyId))
    if (!row || !secretMatches(password, row.secret_hash) || row.name !== username) return null
    return this.#basic(this.#deps.holders.of({ kind: 'registry_token', secretId: row.secret_id }))
  }

  /** As a docker password the key goes with its owner's e-mail or its own name; as Bearer with nothing. */
  async #ofKey(text: string, keyId: string, username: string | null): Promise<Pass | null> {
    const { row, owner } = await this.#deps.metadata.read(async (sql) => {
      const found = await apiKeyByKeyId(sql, keyId)
      return { row: found, owner: found && (await identityById(sql, found.identity_id)) }
    })
    if (!row || !secretMatches(text, row.secret_hash)) return null
    if (username !== null && username !== row.name && username.toLowerCase() !== owner?.email) return null
    const holder = this.#deps.holders.of({ kind: 'api_key', apiKeyId: row.id })
    return username === null ? { holder, via: 'secret', bearer: null } : this.#basic(holder)
  }

  async #ofBearerSecret(text: string, secret: { prefix: string; keyId: string }): Promise<Pass | null> {
    if (secret.prefix === SECRET_PREFIX.apiKey) return await this.#ofKey(text, secret.keyId, null)
    if (secret.prefix !== SECRET_PREFIX.session) return null
    const row = await this.#deps.metadata.read((sql) => sessionByHash(sql, hashSecret(text)))
    return row && { holder: this.#deps.holders.of({ kind: 'session', sessionId: row.id }), via: 'secret', bearer: null }
  }

  async #ofPassword({ username, password }: { username: string; password: string }, address: string) {
    const logins = this.#deps.passwordLogins
    const claimant = await logins.check(username, password, address)
    if (claimant === null) return null
    const holder = this.#deps.holders.of(claimant)
    if (await this.#standing(holder)) return this.#basic(holder)
    logins.forget(username, password)
    const anew = await logins.check(username, password, address)
    return anew && this.#basic(this.#deps.holders.of(anew))
  }

  #basic(holder: Holder): Pass {
    return { holder, via: 'basic', bearer: null }
  }
}

/** The name under which refusals of known principals are counted. */
export function refusalOf(principal: Principal, actor: string, subject: string, address: string): Refusal {
  const registryId = principal.kind === 'registry_token' ? principal.registryId : null
  return { contractId: principal.contractId, registryId, actor, action: 'access.refused', subject, address }
}
