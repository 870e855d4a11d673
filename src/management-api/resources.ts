import { formatInstant } from '../registries/expiry.ts'
import type { Naming } from '../registries/hostname.ts'
import { registryHostname } from '../registries/hostname.ts'
import type { Change, RegistryView, TokenView } from '../registries/views.ts'
import type { RegistryResponse, ResourceMetadata, TokenResponse } from './contract.ts'
import type { Base } from './links.ts'

export function registryHref(base: Base, id: string): string {
  return `${base.url}/registries/${id}`
}

export function tokenHref(base: Base, registryId: string, id: string): string {
  return `${registryHref(base, registryId)}/tokens/${id}`
}

/** A registry on the wire: management-api.md 2.2. */
export function registryResource(naming: Naming, base: Base, registry: RegistryView): RegistryResponse {
  const { updatedAt, bytes } = registry.usage
  return {
    id: registry.id,
    type: 'registry',
    href: registryHref(base, registry.id),
    metadata: metadata(registry.created, registry.modified, registry.state),
    properties: {
      name: registry.name,
      location: registry.location,
      hostname: registry.state === 'Running' ? registryHostname(naming, registry, base.host) : '',
      garbageCollectionSchedule: registry.gcSchedule && { ...registry.gcSchedule, days: [...registry.gcSchedule.days] },
      storageUsage: { bytes, updatedAt: updatedAt === null ? null : formatInstant(updatedAt) },
      features: { vulnerabilityScanning: { enabled: registry.scanning } },
      apiSubnetAllowList: [...registry.allowList],
    },
  }
}

/** A token on the wire: management-api.md 2.3. `password` is given right after it was made, never again. */
export function tokenResource(base: Base, registryId: string, token: TokenView, password = ''): TokenResponse {
  return {
    id: token.id,
    type: 'token',
    href: tokenHref(base, registryId, token.id),
    metadata: metadata(token.created, token.modified, token.status),
    properties: {
      credentials: { username: token.name, password },
      name: token.name,
      expiryDate: token.expiresAt === null ? null : formatInstant(token.expiresAt),
      scopes: token.scopes.map(({ actions, name, type }) => ({ actions: [...actions], name, type })),
      status: token.status,
    },
  }
}

function metadata(created: Change, modified: Change | null, state: string): ResourceMetadata {
  return {
    createdBy: created.by,
    createdByUserId: created.byId,
    createdDate: formatInstant(created.at),
    lastModifiedBy: modified?.by ?? null,
    lastModifiedByUserId: modified?.byId ?? null,
    lastModifiedDate: modified ? formatInstant(modified.at) : null,
    state,
  }
}
