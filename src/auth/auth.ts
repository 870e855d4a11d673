import type { ApiKeyPrincipal, Principal, UserPrincipal } from '../domain/actor.ts'
import type { Action } from '../domain/permission.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { admit } from './admit.ts'
import type { Refusal } from './authenticate.ts'
import { Authenticator } from './authenticate.ts'
import { authenticatePerson } from './authenticate-person.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { Brake } from './brake.ts'
import { Holders } from './holder.ts'
import type { RequestCredentials } from './identity.ts'
import { issueToken } from './issue-token.ts'
import { LastUsed } from './last-used.ts'
import { logIn, provePassword } from './log-in.ts'
import { PasswordLogins } from './password-logins.ts'
import { hashPassword } from './passwords.ts'
import { RefreshTokens } from './refresh-tokens.ts'
import type { Secrets } from './signing-keys.ts'
import { SigningKeys } from './signing-keys.ts'

/** What a data-plane request wants. */
export type Target =
  | { readonly kind: 'ping' }
  | {
      readonly kind: 'repository'
      readonly registry: string
      readonly repository: RepositoryName
      readonly action: Action
    }
  | { readonly kind: 'catalog'; readonly registry: string }
  /** `_catalog` in path style without a registry: every registry the principal may list. */
  | { readonly kind: 'catalogs' }

export interface RegistryRef {
  readonly id: number
  readonly contractId: number
  readonly name: string
}

/** Leave to act, for one request. */
export interface Grant {
  readonly principal: Principal
  /** null for `ping` and `catalogs`. */
  readonly registry: RegistryRef | null
  /** The principal's own rights in that registry, now (not a JWT's access entries). */
  may(action: Action, repository: RepositoryName): boolean
  /** For `catalogs`: the registries the principal may list from this address, by name. For `catalog`: that one. */
  catalogs(): Promise<readonly RegistryRef[]>
  /** What the principal should know about its credentials, now: sentences; the same array as long as they are the same. */
  warnings(): readonly string[]
}

export interface AdmitOptions {
  /**
   * `accept`: an expired JWT is good enough, as long as what it stands for holds. Only for requests on an upload's own
   * path, and the act compares who opened it with `principalKey(grant.principal)` (design.md 6).
   */
  readonly expiredBearer?: 'accept'
}

export interface TokenRequest {
  readonly authorization: string | undefined
  readonly address: string
  /** The service the client named; must be one this host answers for. */
  readonly service: string
  /** Raw `scope` values, each possibly several separated by spaces: `repository:acme/app:pull,push`. */
  readonly scopes: readonly string[]
  /** POST form (containerd, docker): password or refresh_token grant; null for GET with Basic. */
  readonly grant:
    | { readonly type: 'password'; readonly username: string; readonly password: string }
    | { readonly type: 'refresh_token'; readonly refreshToken: string }
    | null
  /** `offline_token=true` or `access_type=offline`: a refresh token is wanted. */
  readonly offline: boolean
}

export interface IssuedToken {
  readonly token: string
  readonly expiresInSeconds: number
  /** RFC 3339, UTC. */
  readonly issuedAt: string
  readonly refreshToken: string | null
  readonly scope: string
  /** As `Grant.warnings`. */
  readonly warnings: readonly string[]
}

export interface PasswordLogin {
  readonly email: string
  readonly password: string
  readonly address: string
}

export interface Auth {
  /**
   * Authenticates and authorizes one data-plane request (design.md 8). Identical for foreign, absent and out-of-scope names.
   * @throws `unauthenticated` (no or bad credentials), `insufficient_scope` (a JWT that lacks it), `denied` (Basic that
   * lacks it; address outside the allow list), `unavailable` (epoch unreadable), `too_many_requests` (brake).
   */
  admit(credentials: RequestCredentials, target: Target, options?: AdmitOptions): Promise<Grant>
  /** `/token`. @throws `unauthenticated`, `denied`, `input_invalid`, `too_many_requests`. */
  issueToken(request: TokenRequest): Promise<IssuedToken>
  /**
   * Management plane: Basic (e-mail, password) or Bearer (API key, session). `contractNumber` from X-Contract-Number.
   * @throws `unauthenticated`, `denied`, `input_invalid`, `too_many_requests`.
   */
  authenticatePerson(
    credentials: { readonly authorization: string | undefined; readonly address: string },
    contractNumber: number | null,
  ): Promise<UserPrincipal | ApiKeyPrincipal>
}

/** Who knows a password now. */
export interface PasswordProof {
  readonly identityId: number
  /** To be compared in the transaction that relies on the proof: the password may change in between. */
  readonly passwordVersion: number
}

/** What `compose` needs besides. */
export interface AuthRoom extends Auth {
  /**
   * A person who logs in, by e-mail and password alone: neither keys nor tokens. The contract as in `authenticatePerson`.
   * @throws `unauthenticated`, `denied`, `too_many_requests`.
   */
  logIn(login: PasswordLogin, contractNumber: number | null): Promise<UserPrincipal>
  /** The same for whoever knows the password, a member of something or not. @throws `unauthenticated`, `too_many_requests`. */
  provePassword(login: PasswordLogin): Promise<PasswordProof>
  /** A PHC string, for the accounts room. */
  hashPassword(password: string): Promise<string>
  /** Writes when and from where secrets were used last; to be called every few seconds and at the end. */
  flush(): Promise<void>
}

export interface AuthDeps {
  readonly metadata: MetadataStore
  /** Seals the signing key; see encryption. */
  readonly secrets: Secrets
  /** Milliseconds UTC by the clock of the metadata store. */
  readonly now: () => number
  /** Counts a refusal; called while a request waits, so it does no I/O. */
  readonly refused: (refusal: Refusal) => void
  /** DOMAIN in lower case; null: path style only. */
  readonly domain: string | null
  /** Of a bearer token. Default 300. */
  readonly bearerLifetimeSeconds?: number
  /** Password derivations at once and waiting, per process. */
  readonly passwordChecks?: { readonly running: number; readonly waiting: number }
}

const BEARER_LIFETIME_SECONDS = 300

export function createAuth(given: AuthDeps): AuthRoom {
  const { metadata, secrets, now, refused, domain } = given
  const keys = new SigningKeys({ metadata, secrets, now })
  const lifetimeSeconds = given.bearerLifetimeSeconds ?? BEARER_LIFETIME_SECONDS
  const bearerTokens = new BearerTokens({ keys, now, lifetimeSeconds })
  const brake = new Brake(
    metadata,
    memoized(() => keys.derived('entrepot/login-brake/v1')),
  )
  const limits = given.passwordChecks
  const passwordLogins = new PasswordLogins({ metadata, brake, now, ...(limits && { limits }) })
  const holders = new Holders(metadata, now)
  const lastUsed = new LastUsed(metadata)
  const authenticator = new Authenticator({ metadata, holders, bearerTokens, passwordLogins, lastUsed, refused, now })
  const refreshTokens = new RefreshTokens({ metadata, holders, refused, now })
  const deps = { metadata, authenticator, holders, bearerTokens, refreshTokens, refused, now, domain }
  return {
    admit: (credentials, target, options = {}) => admit(deps, credentials, target, options),
    issueToken: (request) => issueToken(deps, request),
    authenticatePerson: (credentials, number) => authenticatePerson(authenticator, credentials, number),
    logIn: (login, number) => logIn(authenticator, login, number),
    provePassword: (login) => provePassword(authenticator, login),
    hashPassword,
    flush: () => lastUsed.flush(),
  }
}

/** One success serves for good; a failure is tried again. */
function memoized<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null
      throw error
    })
    return made
  }
}
