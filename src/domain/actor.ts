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
  /** The mark of an operator; what it opens is `isOperator`'s to say. */
  readonly operator: boolean
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
  /** Of `KEY_ACTIONS`; null: all. */
  readonly actions: readonly string[] | null
  readonly expiresAt: number | null
  readonly operator: boolean
}

/** What a key can be limited to: contents of registries, and `manage`: registries and tokens themselves. */
export const KEY_ACTIONS = ['pull', 'push', 'delete', 'manage'] as const
export type KeyAction = (typeof KEY_ACTIONS)[number]

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

/** May this person change registries and their tokens (management-api.md 4.8)? A key for some registries: only those. */
export function mayManageRegistries(principal: Principal): boolean {
  if (principal.kind === 'api_key' && principal.actions?.includes('manage') === false) return false
  return mayChangeContents(principal)
}

/** Is this a key that may do less than its owner? It may do nothing that concerns people, rules or keys. */
export function isRestricted(principal: Principal): boolean {
  if (principal.kind !== 'api_key') return false
  return principal.readOnly || principal.registryIds !== null || principal.actions !== null
}

/** Acts as operator: never by an identity provider that a customer chose, nor by a key that is restricted. */
export function isOperator(principal: Principal): boolean {
  if (principal.kind === 'registry_token' || isRestricted(principal)) return false
  return principal.operator && (principal.kind === 'api_key' || principal.session?.bound !== true)
}
