import { actorName } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { AccessEntry } from '../domain/permission.ts'
import { isRegistryName } from '../domain/registry-name.ts'
import { isRepositoryName } from '../domain/repository-name.ts'
import type { AskedScope } from './asked-scopes.ts'
import { parseScopes } from './asked-scopes.ts'
import type { IssuedToken, TokenRequest } from './auth.ts'
import type { Authenticator, Refusal } from './authenticate.ts'
import { refusalOf } from './authenticate.ts'
import { basicHeader } from './authorization-header.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import type { Holder, Holders } from './holder.ts'
import type { Standing } from './identity.ts'
import { EVERY_REGISTRY } from './identity.ts'
import { principalKey } from './principal-key.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { noCredentials, outsideAllowList, wrongBearer, wrongCredentials } from './refusals.ts'
import { warningsOf } from './token-notices.ts'

export const PATH_SERVICE = 'entrepot'

export interface IssueDeps {
  readonly authenticator: Authenticator
  readonly holders: Holders
  readonly bearerTokens: BearerTokens
  readonly refreshTokens: RefreshTokens
  readonly refused: (refusal: Refusal) => void
  /** Below which registries have hosts of their own; null: none has. */
  readonly domain: string | null
}

/** Grants what is both asked and allowed and silently drops the rest: clients expect 200 with fewer rights. */
export async function issueToken(deps: IssueDeps, request: TokenRequest): Promise<IssuedToken> {
  const ownRegistry = registryOfService(request.service, deps.domain)
  const holder = await holderOf(deps, request)
  const { standing } = holder
  if (standing === null) throw wrongCredentials()
  checkAddress(deps, standing, request.address)
  const granted = await grantScopes(deps, holder, standing, ownRegistry, parseScopes(request.scopes))
  const [principal] = standing.principals
  const bearer = await deps.bearerTokens.issue({
    audience: request.service,
    subject: principalKey(principal),
    claimant: holder.claimant,
    access: granted.map(({ entry }) => entry),
  })
  const wantsRefresh = request.offline && request.grant?.type !== 'refresh_token'
  return {
    token: bearer.token,
    expiresInSeconds: deps.bearerTokens.lifetimeSeconds,
    issuedAt: new Date(bearer.issuedAt).toISOString(),
    refreshToken: wantsRefresh ? await deps.refreshTokens.issue(principal, request.service) : null,
    scope: granted.map(({ text }) => text).join(' '),
    warnings: warningsOf(standing),
  }
}

/** Null in path style. @throws `input_invalid` naming the service. */
function registryOfService(service: string, domain: string | null): string | null {
  if (service === PATH_SERVICE) return null
  const suffix = `.${domain}`
  const label = domain !== null && service.endsWith(suffix) ? service.slice(0, -suffix.length) : ''
  if (isRegistryName(label)) return label
  throw new DomainError(
    'input_invalid',
    `service "${service.slice(0, 100)}" is not served here: ask for ${PATH_SERVICE}`,
  )
}

async function holderOf(deps: IssueDeps, { authorization, grant, address, service }: TokenRequest): Promise<Holder> {
  if (grant?.type === 'refresh_token') return await deps.refreshTokens.redeem(grant.refreshToken, service, address)
  const header = grant === null ? authorization : basicHeader(grant.username, grant.password)
  if (header === undefined) throw noCredentials()
  if (header === null) throw wrongCredentials()
  const pass = await deps.authenticator.identify(header, address)
  if (pass.via !== 'basic') throw wrongBearer()
  return pass.holder
}

/** A token opens one registry: outside its allow list it opens nothing, and docker login says so. */
function checkAddress(deps: IssueDeps, standing: Standing, address: string): void {
  if (standing.kind !== 'registry_token') return
  for (const own of standing.registries.values()) {
    if (own.admits(address)) continue
    const refusal = refusalOf(own.principal, actorName(own.principal), own.registry.name, address)
    deps.refused({ ...refusal, action: 'address.refused' })
    throw outsideAllowList(address, own.registry.name)
  }
}

interface Granted {
  readonly entry: AccessEntry
  /** As the client wrote it. */
  readonly text: string
}

async function grantScopes(
  deps: IssueDeps,
  holder: Holder,
  standing: Standing,
  ownRegistry: string | null,
  asked: readonly AskedScope[],
): Promise<Granted[]> {
  const granted: Granted[] = []
  for (const scope of asked) {
    const entry =
      scope.type === 'repository'
        ? await repositoryEntry(deps, holder, standing, ownRegistry, scope)
        : await catalogEntry(deps, holder, standing, ownRegistry, scope)
    if (entry) granted.push({ entry, text: `${scope.type}:${scope.name}:${entry.actions.join(',')}` })
  }
  return granted
}

async function repositoryEntry(
  deps: IssueDeps,
  holder: Holder,
  standing: Standing,
  ownRegistry: string | null,
  scope: AskedScope,
): Promise<AccessEntry | null> {
  const slash = scope.name.indexOf('/')
  const registry = ownRegistry ?? scope.name.slice(0, Math.max(0, slash))
  const name = ownRegistry === null ? scope.name.slice(slash + 1) : scope.name
  if (!isRepositoryName(name)) return null
  const rights = await deps.holders.registry(holder, standing, registry)
  if (rights === null) return null
  const actions = scope.actions.filter((action) => rights.may(action, name))
  return actions.length === 0 ? null : { registryId: rights.registry.id, type: 'repository', name, actions }
}

/** `registry:catalog:*`. In path style a person's entry is good for all their registries, whose rights are asked later. */
async function catalogEntry(
  deps: IssueDeps,
  holder: Holder,
  standing: Standing,
  ownRegistry: string | null,
  scope: AskedScope,
): Promise<AccessEntry | null> {
  if (scope.name !== 'catalog' || !scope.actions.includes('pull')) return null
  const entry = { type: 'registry', name: 'catalog', actions: ['pull'] } as const
  if (ownRegistry === null && standing.kind !== 'registry_token') return { ...entry, registryId: EVERY_REGISTRY }
  const [only] = standing.kind === 'registry_token' ? standing.registries.keys() : []
  const name = ownRegistry ?? only
  const rights = name === undefined ? null : await deps.holders.registry(holder, standing, name)
  return rights?.mayList ? { ...entry, registryId: rights.registry.id } : null
}
