import { actorName } from '../domain/actor.ts'
import type { AccessEntry } from '../domain/permission.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { registriesOfPerson } from '../metadata/tables/registry-access.ts'
import type { AdmitOptions, Grant, Target } from './auth.ts'
import type { Authenticator, Pass, Refusal } from './authenticate.ts'
import { refusalOf } from './authenticate.ts'
import { CLOCK_SKEW_MS } from './bearer-tokens.ts'
import type { Holders } from './holder.ts'
import { identityOf } from './holder.ts'
import type { RequestCredentials, Standing } from './identity.ts'
import { EVERY_REGISTRY } from './identity.ts'
import { lacking, noCredentials, outsideAllowList, subjectOf, wrongBearer, wrongCredentials } from './refusals.ts'
import type { RegistryRights } from './rights.ts'
import { rightsIn } from './rights.ts'
import { warningsOf } from './token-notices.ts'

export interface AdmitDeps {
  readonly metadata: MetadataStore
  readonly authenticator: Authenticator
  readonly holders: Holders
  readonly refused: (refusal: Refusal) => void
  readonly now: () => number
}

type Asked<Kind extends Target['kind']> = Target & { readonly kind: Kind }

/** Registries read at a time. */
const PAGE = 1000

/** The hot path: remembered credentials in a remembered registry await nothing and read no row. */
export async function admit(
  deps: AdmitDeps,
  credentials: RequestCredentials,
  target: Target,
  options: AdmitOptions,
): Promise<Grant> {
  const { authorization, address } = credentials
  if (authorization === undefined) throw noCredentials()
  const { authenticator } = deps
  const epoch = deps.metadata.authEpoch()
  const pass =
    authenticator.recall(authorization, typeof epoch === 'number' ? epoch : await epoch, address) ??
    (await authenticator.identify(authorization, address))
  checkBearer(deps, pass, credentials.service, options)
  const { standing } = pass.holder
  if (standing === null) throw pass.bearer ? wrongBearer() : wrongCredentials()
  if (target.kind === 'repository' || target.kind === 'catalog') {
    const rights =
      standing.registries.get(target.registry) ?? (await deps.holders.registry(pass.holder, standing, target.registry))
    return inRegistry(deps, pass, standing, rights, target, address)
  }
  return target.kind === 'ping'
    ? anywhere(deps, standing, address)
    : inAllRegistries(deps, pass, standing, target, address)
}

/** Audience and times belong to the request, not to the remembered pass. */
function checkBearer(deps: AdmitDeps, { via, bearer }: Pass, service: string, options: AdmitOptions): void {
  if (via === 'basic') return
  if (bearer === null || bearer.audience !== service) throw wrongBearer()
  const now = deps.now()
  if (bearer.notBefore > now + CLOCK_SKEW_MS) throw wrongBearer()
  if (bearer.expiresAt <= now && options.expiredBearer !== 'accept') throw wrongBearer()
}

function inRegistry(
  deps: AdmitDeps,
  pass: Pass,
  standing: Standing,
  rights: RegistryRights | null,
  target: Asked<'repository' | 'catalog'>,
  address: string,
): Grant {
  if (rights === null) return refuse(deps, pass, standing, target, address)
  if (!rights.admits(address)) return refuseAddress(deps, rights, address)
  if (!mayDo(rights, target)) return refuse(deps, pass, standing, target, address)
  if (pass.bearer !== null && !covers(pass.bearer.access, rights.registry.id, target)) {
    throw lacking(rights.principal, target, true)
  }
  return rights
}

function mayDo(rights: RegistryRights, target: Asked<'repository' | 'catalog'>): boolean {
  return target.kind === 'catalog' ? rights.mayList : rights.may(target.action, target.repository)
}

function covers(access: readonly AccessEntry[], registryId: number, target: Asked<'repository' | 'catalog'>): boolean {
  if (target.kind === 'catalog') return access.some((entry) => coversCatalog(entry, registryId))
  const { repository, action } = target
  return access.some(
    (entry) =>
      entry.registryId === registryId &&
      entry.type === 'repository' &&
      entry.name === repository &&
      entry.actions.includes(action),
  )
}

function coversCatalog(entry: AccessEntry, registryId: number): boolean {
  return entry.type === 'registry' && (entry.registryId === registryId || entry.registryId === EVERY_REGISTRY)
}

/** Good credentials are all it takes, but a token's own registry may be closed to this address. */
function anywhere(deps: AdmitDeps, standing: Standing, address: string): Grant {
  const [principal] = standing.principals
  if (principal.kind === 'registry_token') {
    for (const own of standing.registries.values()) if (!own.admits(address)) return refuseAddress(deps, own, address)
  }
  const warnings = () => warningsOf(standing)
  return { principal, registry: null, may: () => false, catalogs: async () => [], warnings }
}

async function inAllRegistries(
  deps: AdmitDeps,
  pass: Pass,
  standing: Standing,
  target: Asked<'catalogs'>,
  address: string,
): Promise<Grant> {
  const [principal] = standing.principals
  const access = pass.bearer?.access.filter(({ type }) => type === 'registry')
  if (access?.length === 0) throw lacking(principal, target, true)
  if (principal.kind === 'registry_token') {
    for (const own of standing.registries.values()) {
      if (!own.admits(address)) return refuseAddress(deps, own, address)
      if (!own.mayList) return refuse(deps, pass, standing, target, address)
    }
  }
  const isListed = (rights: RegistryRights) =>
    rights.mayList &&
    rights.admits(address) &&
    (access === undefined || access.some((entry) => coversCatalog(entry, rights.registry.id)))
  const catalogs = async () => {
    const all = await allRegistries(deps, standing)
    return all.filter(isListed).map(({ registry }) => registry)
  }
  return { principal, registry: null, may: () => false, catalogs, warnings: () => warningsOf(standing) }
}

async function allRegistries(deps: AdmitDeps, standing: Standing): Promise<RegistryRights[]> {
  if (standing.kind === 'registry_token') return [...standing.registries.values()]
  const identityId = identityOf(standing)
  const found: RegistryRights[] = []
  for (let after = '', more = true; more; ) {
    const rows = await deps.metadata.read((sql) => registriesOfPerson(sql, identityId, after, PAGE))
    for (const row of rows) {
      const principal = standing.principals.find(({ contractId }) => contractId === row.contract_id)
      const rights = principal && rightsIn(principal, row)
      if (rights) found.push(rights)
    }
    after = rows.at(-1)?.name ?? ''
    more = rows.length === PAGE
  }
  return found
}

function refuse(deps: AdmitDeps, pass: Pass, standing: Standing, target: Target, address: string): never {
  const [principal] = standing.principals
  deps.refused(refusalOf(principal, actorName(principal), subjectOf(target), address))
  throw lacking(principal, target, pass.bearer !== null)
}

function refuseAddress(deps: AdmitDeps, { principal, registry }: RegistryRights, address: string): never {
  const refusal = refusalOf(principal, actorName(principal), registry.name, address)
  deps.refused({ ...refusal, registryId: registry.id, action: 'address.refused' })
  throw outsideAllowList(address, registry.name)
}
