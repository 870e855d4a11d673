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
  readonly actions: readonly string[] | null
  readonly expiresAt: number | null
}

export type Principal = RegistryTokenPrincipal | UserPrincipal | ApiKeyPrincipal

/** Who did it, for audit rows and `createdBy`: `token:ci`, an e-mail, `key:laptop`. */
export function actorName(principal: Principal): string {
  if (principal.kind === 'registry_token') return `token:${principal.name}`
  return principal.kind === 'user' ? principal.email : `key:${principal.name} (${principal.email})`
}

/** May this person change registries and their tokens (management-api.md 4.8)? */
export function mayManageRegistries(principal: Principal): boolean {
  if (principal.kind === 'registry_token') return false
  if (principal.kind === 'api_key' && principal.readOnly) return false
  return principal.role !== 'member' || principal.manageRegistry
}
