import type { Scope } from './permission.ts'

export type Role = 'owner' | 'admin' | 'member'

/** A machine: the login of one registry. */
export interface RegistryTokenPrincipal {
  readonly kind: 'registry_token'
  readonly contractId: number
  readonly registryId: number
  readonly tokenId: number
  /** The secret that was shown, so that revoking it ends what was derived from it. */
  readonly secretId: number
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Milliseconds UTC, or null: never. */
  readonly expiresAt: number | null
}

/** A person inside one contract. */
export interface UserPrincipal {
  readonly kind: 'user'
  readonly contractId: number
  readonly identityId: number
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly manageRegistry: boolean
  /** Rises with every password change; what was derived from an older one is void. */
  readonly passwordVersion: number
  /**
   * Runs the installation: contracts, their quotas, jobs. Gives no rights inside a contract. Never by a bound session: the
   * identity provider behind it is a customer's.
   */
  readonly isOperator: boolean
  /** How they logged in; null: by password, with this very request. */
  readonly session: SessionRef | null
}

export interface SessionRef {
  readonly sessionId: number
  /** Made by single sign-on: it opens one contract, and nothing that is the person's beyond it. */
  readonly bound: boolean
}

/** A person's key; used as Bearer on the management API and as a docker password. Rights: the person's, restricted. */
export interface ApiKeyPrincipal {
  readonly kind: 'api_key'
  readonly contractId: number
  readonly identityId: number
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly manageRegistry: boolean
  readonly apiKeyId: number
  readonly name: string
  readonly readOnly: boolean
  /** Internal registry ids the key is limited to; null: all of the contract. */
  readonly registryIds: readonly number[] | null
  /** What it may do with what registries hold: pull, push, delete; then it may manage nothing. null: all. */
  readonly actions: readonly string[] | null
  readonly expiresAt: number | null
  /** Never by a key that was made in a bound session: as for the session. */
  readonly isOperator: boolean
}

export type Principal = RegistryTokenPrincipal | UserPrincipal | ApiKeyPrincipal

/** Who did it, for audit rows and `createdBy`: `token:ci`, an e-mail, `key:laptop`. */
export function actorName(principal: Principal): string {
  if (principal.kind === 'registry_token') return `token:${principal.name}`
  return principal.kind === 'user' ? principal.email : `key:${principal.name} (${principal.email})`
}

/** May this person change what registries hold, as far as a key's list of actions does not say otherwise? */
export function mayChangeContents(principal: Principal): boolean {
  if (principal.kind === 'registry_token') return false
  if (principal.kind === 'api_key' && principal.readOnly) return false
  return principal.role !== 'member' || principal.manageRegistry
}

/**
 * May this person change registries and their tokens (management-api.md 4.8)? Whoever does can make a token that may do
 * everything: a key limited to some actions must not.
 */
export function mayManageRegistries(principal: Principal): boolean {
  if (principal.kind === 'api_key' && principal.actions !== null) return false
  return mayChangeContents(principal)
}
