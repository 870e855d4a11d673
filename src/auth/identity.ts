import type { Principal } from '../domain/actor.ts'
import type { AccessEntry } from '../domain/permission.ts'

/** What one HTTP request shows of itself; headers as received. */
export interface RequestCredentials {
  /** The raw Authorization header, or undefined. */
  readonly authorization: string | undefined
  /** The client's address after trusted-proxy handling. */
  readonly address: string
  /** `entrepot` (path style) or `<registry>.<domain>` (host style): a JWT's `aud` must equal it (design.md 8). */
  readonly service: string
}

/** Who asks, on the data plane. `access` is null for Basic: then the principal's whole rights count. */
export type Identity =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly principal: Principal; readonly access: readonly AccessEntry[] | null }
