import type { Principal, UserPrincipal, ApiKeyPrincipal } from '../domain/actor.ts'
import type { Action } from '../domain/permission.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { RequestCredentials } from './identity.ts'

/** What a data-plane request wants. */
export type Target =
  | { readonly kind: 'ping' }
  | { readonly kind: 'repository'; readonly registry: string; readonly repository: RepositoryName; readonly action: Action }
  | { readonly kind: 'catalog'; readonly registry: string }
  /** `_catalog` in path style without a registry: every registry the principal may list. */
  | { readonly kind: 'catalogs' }

/** Leave to act, for one request. */
export interface Grant {
  readonly principal: Principal
  /** null for `ping` and `catalogs`. */
  readonly registry: { readonly id: number; readonly contractId: number; readonly name: string } | null
  /** The principal's own rights in that registry, now (not a JWT's access entries). */
  may(action: Action, repository: RepositoryName): boolean
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
}

export interface Auth {
  /**
   * Authenticates and authorizes one data-plane request (design.md 8). Identical for foreign, absent and out-of-scope names.
   * @throws `unauthenticated` (no or bad credentials), `insufficient_scope` (a JWT that lacks it), `denied` (Basic that
   * lacks it; address outside the allow list), `unavailable` (epoch unreadable), `too_many_requests` (brake).
   */
  admit(credentials: RequestCredentials, target: Target): Promise<Grant>
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
