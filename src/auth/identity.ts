import type { Principal } from '../domain/actor.ts'
import type { AccessEntry } from '../domain/permission.ts'
import type { RegistryRights } from './rights.ts'

/** What one HTTP request shows of itself; headers as received. */
export interface RequestCredentials {
  /** The raw Authorization header, or undefined. */
  readonly authorization: string | undefined
  /** The client's address after trusted-proxy handling. */
  readonly address: string
  /** `entrepot` (path style) or `<registry>.<domain>` (host style): a JWT's `aud` must equal it (design.md 8). */
  readonly service: string
}

/** Whose credentials were shown, by internal ids. What that is worth is read from the database: a `Standing`. */
export type Claimant =
  | { readonly kind: 'registry_token'; readonly secretId: number }
  | { readonly kind: 'user'; readonly identityId: number; readonly passwordVersion: number }
  | { readonly kind: 'api_key'; readonly apiKeyId: number }
  | { readonly kind: 'session'; readonly sessionId: number }

/** What the database says of a claimant under one auth epoch. */
export interface Standing {
  readonly epoch: number
  readonly kind: Claimant['kind']
  /** In each contract where they stand: never none. The first is the one meant when nothing else tells. */
  readonly principals: readonly [Principal, ...Principal[]]
  /** Milliseconds UTC, or null: never. */
  readonly expiresAt: number | null
  /** Of a session: its last use, as its row says; it ends when idle for `SESSION_IDLE_MS`. Null: idleness ends nothing. */
  readonly usedAt: number | null
  /** By name: the registries found so far that they may reach at all. Of a registry token: its own, and no other. */
  readonly registries: Map<string, RegistryRights>
}

/** What a JWT of ours says. Times are milliseconds UTC. */
export interface BearerClaims {
  readonly audience: string
  readonly notBefore: number
  readonly expiresAt: number
  readonly claimant: Claimant
  readonly access: readonly AccessEntry[]
}

/** In an access entry of type `registry`: every registry of the principal's contracts (`_catalog` in path style). */
export const EVERY_REGISTRY = 0
