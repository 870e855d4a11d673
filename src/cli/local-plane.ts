import type { Actor } from '../registries/deps.ts'
import { formatInstant } from '../registries/expiry.ts'
import { registryHostname } from '../registries/hostname.ts'
import type { LastUse, TokenDetails } from '../registries/token-details.ts'
import type { RegistryView } from '../registries/views.ts'
import type { Local } from './local.ts'
import type { Plane, RegistryInfo, TokenInfo, UseInfo } from './plane.ts'

const PAGE = 500

/** This machine's data, with nobody in between. */
export function localPlane(local: Local, actor: Actor): Plane {
  const { registries } = local.app
  const token = async (registryName: string, name: string) => {
    const registry = await registries.getNamed(actor, registryName)
    return { registryId: registry.id, id: (await registries.getTokenNamed(actor, registry.id, name)).id }
  }
  return {
    where: '',
    async createRegistry(input) {
      await registries.create(actor, { ...input, gcSchedule: null, allowList: [] })
      await registries.settle()
      return toRegistry(local, await registries.getNamed(actor, input.name))
    },
    listRegistries: () => listRegistries(local, actor),
    getRegistry: async (name) => toRegistry(local, await registries.getNamed(actor, name)),
    async changeRegistry(name, change) {
      const { id } = await registries.getNamed(actor, name)
      return toRegistry(local, await registries.patch(actor, id, change))
    },
    async deleteRegistry(name) {
      const { id } = await registries.getNamed(actor, name)
      const { restorableUntil } = await registries.delete(actor, id)
      return { id, restorableUntil: new Date(restorableUntil).toISOString() }
    },
    async createToken(registryName, input) {
      const registry = await registries.getNamed(actor, registryName)
      const made = await registries.createToken(actor, registry.id, { ...input, status: null })
      const details = await registries.getTokenDetails(actor, registry.id, made.token.id)
      return { registry: toRegistry(local, registry), token: toToken(details), password: made.password }
    },
    listTokens: (registryName) => listTokens(local, actor, registryName),
    async getToken(registryName, name) {
      const { registryId, id } = await token(registryName, name)
      return toToken(await registries.getTokenDetails(actor, registryId, id))
    },
    async rotateToken(registryName, name, input) {
      const { registryId, id } = await token(registryName, name)
      const rotated = await registries.rotateToken(actor, registryId, id, input)
      return { ...rotated, token: toToken(rotated.token) }
    },
    async changeToken(registryName, name, change) {
      const { registryId, id } = await token(registryName, name)
      await registries.patchToken(actor, registryId, id, change)
      return toToken(await registries.getTokenDetails(actor, registryId, id))
    },
    async revokeSecret(registryName, name, secretId) {
      const { registryId, id } = await token(registryName, name)
      await registries.revokeTokenSecret(actor, registryId, id, secretId)
    },
    async setTokenStatus(registryName, name, status) {
      const { registryId, id } = await token(registryName, name)
      await registries.setTokenStatus(actor, registryId, id, status)
    },
    async deleteToken(registryName, name) {
      const { registryId, id } = await token(registryName, name)
      await registries.deleteToken(actor, registryId, id)
    },
  }
}

async function listRegistries(local: Local, actor: Actor): Promise<RegistryInfo[]> {
  const all: RegistryView[] = []
  for (let token: string | null = null; ; ) {
    const page = await local.app.registries.list(actor, { limit: PAGE, token, nameContains: null })
    all.push(...page.registries)
    if (page.next === null) return all.map((registry) => toRegistry(local, registry))
    token = page.next
  }
}

async function listTokens({ app }: Local, actor: Actor, registryName: string): Promise<TokenInfo[]> {
  const { id } = await app.registries.getNamed(actor, registryName)
  const all: TokenDetails[] = []
  for (let after = 0; ; ) {
    const page = await app.registries.listTokenDetails(actor, id, { limit: PAGE, after })
    all.push(...page)
    const last = page.at(-1)
    if (!last) return all.map(toToken)
    after = last.internalId
  }
}

function toRegistry({ app, host }: Local, registry: RegistryView): RegistryInfo {
  const { id, name, location, state, scanning, created } = registry
  const hostname = registryHostname(app.naming, registry, host)
  return {
    id,
    name,
    location,
    state,
    hostname,
    scanning,
    allowList: registry.allowList,
    gcSchedule: registry.gcSchedule,
    usedBytes: registry.usage.bytes,
    createdAt: new Date(created.at).toISOString(),
    createdBy: created.by,
  }
}

function toToken(token: TokenDetails): TokenInfo {
  const { id, name, status, scopes, created } = token
  return {
    id,
    name,
    status,
    scopes,
    expiresAt: instantOrNull(token.expiresAt),
    effectiveExpiresAt: instantOrNull(token.effectiveExpiresAt),
    lastUsed: toUse(token.lastUsed),
    secrets: token.secrets.map((secret) => ({
      id: secret.id,
      createdAt: formatInstant(secret.createdAt),
      expiresAt: instantOrNull(secret.expiresAt),
      lastUsed: toUse(secret.lastUsed),
    })),
    createdAt: new Date(created.at).toISOString(),
    createdBy: created.by,
  }
}

function toUse(use: LastUse | null): UseInfo | null {
  return use === null ? null : { at: formatInstant(use.at), from: use.from }
}

function instantOrNull(ms: number | null): string | null {
  return ms === null ? null : formatInstant(ms)
}
