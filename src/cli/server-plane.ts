import { setTimeout as sleep } from 'node:timers/promises'
import type { GcInfo, NewToken, Plane, RegistryChange, RegistryInfo, TokenInfo } from './plane.ts'
import type { ServerClient } from './server-client.ts'
import { allOf, ServerError } from './server-client.ts'

/** What we read of a registry as the product's API tells it. */
interface RegistryResource {
  readonly id: string
  readonly metadata: { readonly state: string; readonly createdDate: string; readonly createdBy: string }
  readonly properties: {
    readonly name: string
    readonly location: string
    readonly hostname: string
    readonly features?: { readonly vulnerabilityScanning?: { readonly enabled: boolean } }
    readonly apiSubnetAllowList?: readonly string[]
    readonly garbageCollectionSchedule?: GcInfo | null
    readonly storageUsage?: { readonly bytes: number }
  }
}
interface RegistriesResource {
  readonly items: readonly RegistryResource[]
  readonly pagination: { readonly token: string }
}
interface TokenResource {
  readonly id: string
  readonly properties: { readonly credentials: { readonly password: string } }
}
interface RotatedResource {
  readonly token: TokenInfo
  readonly secretId: string
  readonly password: string
}

const SETTLE_POLL_MS = 200
const SETTLE_POLLS = 50

/** A server: the product's API where it does, our own for the rest. */
export function serverPlane(server: ServerClient): Plane {
  const registryId = async (name: string) => (await findRegistry(server, name)).id
  const tokenPath = async (registryName: string, name: string) => {
    const registry = await registryId(registryName)
    const { id } = await findToken(server, registry, registryName, name)
    return { product: `/registries/${registry}/tokens/${id}`, ours: `/api/v1/registries/${registry}/tokens/${id}` }
  }
  return {
    where: ` on ${server.url}`,
    createRegistry: (input) => createRegistry(server, input),
    listRegistries: async () => (await listRegistries(server)).map(toRegistry),
    getRegistry: async (name) => toRegistry(await findRegistry(server, name)),
    async changeRegistry(name, change) {
      const path = `/registries/${await registryId(name)}`
      return toRegistry(await server.send<RegistryResource>('PATCH', path, toPatch(change)))
    },
    async deleteRegistry(name) {
      const id = await registryId(name)
      await server.send('DELETE', `/registries/${id}`)
      return { id, restorableUntil: null }
    },
    createToken: (registryName, input) => createToken(server, registryName, input),
    listTokens: async (registryName) => await listTokens(server, await registryId(registryName)),
    async getToken(registryName, name) {
      return await findToken(server, await registryId(registryName), registryName, name)
    },
    async rotateToken(registryName, name, { expiryDate }) {
      const { ours } = await tokenPath(registryName, name)
      return await server.send<RotatedResource>('POST', `${ours}/secrets`, { expiryDate })
    },
    async changeToken(registryName, name, change) {
      const { product, ours } = await tokenPath(registryName, name)
      await server.send('PATCH', product, change)
      return await server.get<TokenInfo>(ours)
    },
    async revokeSecret(registryName, name, secretId) {
      const { ours } = await tokenPath(registryName, name)
      await server.send('DELETE', `${ours}/secrets/${encodeURIComponent(secretId)}`)
    },
    async setTokenStatus(registryName, name, status) {
      await server.send('PATCH', (await tokenPath(registryName, name)).product, { status })
    },
    async deleteToken(registryName, name) {
      await server.send('DELETE', (await tokenPath(registryName, name)).product)
    },
  }
}

/** Returns once it is Running, or as it is after ten seconds: then the server's storage is slow, which is not ours to say. */
async function createRegistry(
  server: ServerClient,
  { name, location, scanning }: Parameters<Plane['createRegistry']>[0],
): Promise<RegistryInfo> {
  const properties = {
    name,
    location: location ?? (await firstLocation(server)),
    features: { vulnerabilityScanning: { enabled: scanning } },
  }
  let registry = await server.send<RegistryResource>('POST', '/registries', { properties })
  for (let polls = 0; registry.metadata.state !== 'Running' && polls < SETTLE_POLLS; polls++) {
    await sleep(SETTLE_POLL_MS)
    registry = await server.get(`/registries/${registry.id}`)
  }
  return toRegistry(registry)
}

async function firstLocation(server: ServerClient): Promise<string> {
  const { items } = await server.get<{ items: readonly { id: string }[] }>('/locations')
  return items[0]?.id ?? ''
}

async function createToken(
  server: ServerClient,
  registryName: string,
  { name, scopes, expiryDate }: NewToken,
): Promise<{ registry: RegistryInfo; token: TokenInfo; password: string }> {
  const registry = await findRegistry(server, registryName)
  const properties = { name, scopes, ...(expiryDate === null ? {} : { expiryDate }) }
  const made = await server.send<TokenResource>('POST', `/registries/${registry.id}/tokens`, { properties })
  const token = await server.get<TokenInfo>(`/api/v1/registries/${registry.id}/tokens/${made.id}`)
  return { registry: toRegistry(registry), token, password: made.properties.credentials.password }
}

/** @throws ServerError as if the server had said it: the product's API knows ids alone. */
export async function findRegistry(server: ServerClient, name: string): Promise<RegistryResource> {
  const found = (await listRegistries(server, name)).find(({ properties }) => properties.name === name)
  if (found) return found
  throw new ServerError(404, `registry "${name}" does not exist in this contract`)
}

async function listRegistries(server: ServerClient, nameContains?: string): Promise<RegistryResource[]> {
  const all: RegistryResource[] = []
  for (let token: string | undefined; ; ) {
    const query = { limit: 100, 'filter.name': nameContains, 'pagination.token': token }
    const page: RegistriesResource = await server.get('/registries', query)
    all.push(...page.items)
    if (page.pagination.token === '') return all
    token = page.pagination.token
  }
}

async function listTokens(server: ServerClient, registryId: string): Promise<TokenInfo[]> {
  return await allOf(server.items<TokenInfo>(`/api/v1/registries/${registryId}/tokens`))
}

async function findToken(server: ServerClient, registryId: string, registry: string, name: string): Promise<TokenInfo> {
  const found = (await listTokens(server, registryId)).find((token) => token.name === name)
  if (found) return found
  throw new ServerError(404, `token "${name}" of registry "${registry}" does not exist`)
}

function toPatch({ allowList, gcSchedule, scanning }: RegistryChange) {
  return {
    apiSubnetAllowList: allowList,
    garbageCollectionSchedule: gcSchedule,
    ...(scanning === undefined ? {} : { features: { vulnerabilityScanning: { enabled: scanning } } }),
  }
}

function toRegistry({ id, metadata, properties }: RegistryResource): RegistryInfo {
  const { name, location, hostname, features } = properties
  return {
    id,
    name,
    location,
    state: metadata.state,
    hostname,
    scanning: features?.vulnerabilityScanning?.enabled ?? true,
    allowList: properties.apiSubnetAllowList ?? [],
    gcSchedule: properties.garbageCollectionSchedule ?? null,
    usedBytes: properties.storageUsage?.bytes ?? 0,
    createdAt: metadata.createdDate,
    createdBy: metadata.createdBy,
  }
}
