import type { Scope } from '../domain/permission.ts'
import type { RegistryRow, RegistryState } from '../metadata/tables/registries.ts'
import type { TokenRow, TokenStatus } from '../metadata/tables/tokens-control.ts'
import type { GcSchedule } from './registry-input.ts'

export interface Change {
  readonly at: number
  readonly by: string
  readonly byId: string
}

/** A registry as its owner sees it. Times are milliseconds UTC. */
export interface RegistryView {
  /** Internal; never on the wire. */
  readonly internalId: number
  readonly id: string
  readonly name: string
  readonly location: string
  readonly state: RegistryState
  readonly gcSchedule: GcSchedule | null
  readonly scanning: boolean
  readonly allowList: readonly string[]
  readonly created: Change
  readonly modified: Change | null
  readonly usage: { readonly bytes: number; readonly updatedAt: number | null }
}

/** A registry token without its secret. Its login name is its name. */
export interface TokenView {
  readonly id: string
  readonly name: string
  readonly status: TokenStatus
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  readonly created: Change
  readonly modified: Change | null
}

export function toRegistryView(row: RegistryRow): RegistryView {
  return {
    internalId: row.id,
    id: row.public_id,
    name: row.name,
    location: row.location,
    state: row.state,
    gcSchedule: row.gc_schedule === null ? null : JSON.parse(row.gc_schedule),
    scanning: row.scanning_enabled === 1,
    allowList: JSON.parse(row.allow_list),
    ...changesOf(row),
    usage: { bytes: row.live_bytes ?? 0, updatedAt: row.live_bytes === null ? null : row.usage_updated_at },
  }
}

export function toTokenView(row: TokenRow): TokenView {
  return {
    id: row.public_id,
    name: row.name,
    status: row.status,
    scopes: JSON.parse(row.scopes),
    expiresAt: row.expires_at,
    ...changesOf(row),
  }
}

function changesOf(row: RegistryRow | TokenRow): { created: Change; modified: Change | null } {
  const created = { at: row.created_at, by: row.created_by, byId: row.created_by_id }
  if (row.modified_at === null) return { created, modified: null }
  return { created, modified: { at: row.modified_at, by: row.modified_by ?? '', byId: row.modified_by_id ?? '' } }
}
