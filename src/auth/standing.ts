import type { ApiKeyPrincipal, SessionRef, UserPrincipal } from '../domain/actor.ts'
import { effectiveExpiry } from '../domain/token-lifetime.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { apiKeyById } from '../metadata/tables/api-keys.ts'
import type { IdentityRow } from '../metadata/tables/identities.ts'
import { identityById } from '../metadata/tables/identities.ts'
import type { MembershipRow } from '../metadata/tables/memberships.ts'
import { activeMembershipsOf } from '../metadata/tables/memberships.ts'
import { tokenSecretById } from '../metadata/tables/registry-token-secrets.ts'
import { sessionById } from '../metadata/tables/sessions.ts'
import type { Claimant, Standing } from './identity.ts'
import type { RegistryRights } from './rights.ts'
import { rightsIn } from './rights.ts'
import { TokenNotices } from './token-notices.ts'

/**
 * `epoch` was read before; `now` tells a token's notices when it is their time. Null for whoever is revoked, disabled,
 * deleted, or a member nowhere; expiry is not looked at.
 */
export async function readStanding(
  sql: Reader,
  claimant: Claimant,
  epoch: number,
  now: () => number,
): Promise<Standing | null> {
  switch (claimant.kind) {
    case 'registry_token':
      return await standingOfToken(sql, claimant.secretId, epoch, now)
    case 'user':
      return await standingOfUser(sql, claimant.identityId, claimant.passwordVersion, epoch)
    case 'api_key':
      return await standingOfKey(sql, claimant.apiKeyId, epoch)
    case 'session':
      return await standingOfSession(sql, claimant.sessionId, epoch)
  }
}

async function standingOfToken(
  sql: Reader,
  secretId: number,
  epoch: number,
  now: () => number,
): Promise<Standing | null> {
  const row = await tokenSecretById(sql, secretId)
  if (row?.status !== 'enabled') return null
  const expiresAt = effectiveExpiry(row.expires_at, row.secret_made_at, row.max_token_lifetime_ms)
  const principal = {
    kind: 'registry_token',
    contractId: row.contract_id,
    registryId: row.registry_id,
    tokenId: row.token_id,
    secretId: row.secret_id,
    name: row.name,
    scopes: JSON.parse(row.scopes),
    expiresAt,
  } as const
  const registry = {
    id: row.registry_id,
    contract_id: row.contract_id,
    name: row.registry_name,
    allow_list: row.allow_list,
  }
  const notices = new TokenNotices(
    { token: row.name, registry: row.registry_name, expiresAt, newerMadeAt: row.newer_made_at },
    now,
  )
  const rights = rightsIn(principal, registry, notices)
  const registries = new Map(rights ? [[registry.name, rights] as const] : [])
  return { epoch, kind: 'registry_token', principals: [principal], expiresAt, usedAt: null, registries }
}

async function standingOfUser(
  sql: Reader,
  identityId: number,
  passwordVersion: number,
  epoch: number,
): Promise<Standing | null> {
  const person = await identityById(sql, identityId)
  if (!isActive(person) || person.password_version !== passwordVersion) return null
  const memberships = await activeMembershipsOf(sql, identityId)
  return standing(epoch, 'user', userPrincipals(person, memberships), { expiresAt: null, usedAt: null })
}

async function standingOfKey(sql: Reader, apiKeyId: number, epoch: number): Promise<Standing | null> {
  const key = await apiKeyById(sql, apiKeyId)
  const person = key && (await identityById(sql, key.identity_id))
  if (!key || !isActive(person)) return null
  const memberships = await activeMembershipsOf(sql, key.identity_id)
  const [user] = userPrincipals(
    person,
    memberships.filter(({ contract_id }) => contract_id === key.contract_id),
  )
  if (!user) return null
  const principal: ApiKeyPrincipal = {
    kind: 'api_key',
    contractId: user.contractId,
    identityId: user.identityId,
    userId: user.userId,
    email: user.email,
    role: user.role,
    manageRegistry: user.manageRegistry,
    apiKeyId: key.id,
    name: key.name,
    readOnly: key.read_only === 1,
    registryIds: key.registry_ids === null ? null : JSON.parse(key.registry_ids),
    actions: key.actions === null ? null : JSON.parse(key.actions),
    expiresAt: key.expires_at,
    isOperator: user.isOperator && key.bound === 0,
  }
  return standing(epoch, 'api_key', [principal], { expiresAt: key.expires_at, usedAt: null })
}

/** The session's contract comes first, so that it is the one meant; a bound session knows no other. */
async function standingOfSession(sql: Reader, sessionId: number, epoch: number): Promise<Standing | null> {
  const session = await sessionById(sql, sessionId)
  const person = session && (await identityById(sql, session.identity_id))
  if (!session || !isActive(person)) return null
  const memberships = await activeMembershipsOf(sql, session.identity_id)
  const chosen = memberships.filter(({ contract_id }) => contract_id === session.contract_id)
  const isBound = session.bound === 1
  const others = isBound ? [] : memberships.filter(({ contract_id }) => contract_id !== session.contract_id)
  const principals = userPrincipals(person, [...chosen, ...others], { sessionId, bound: isBound })
  return standing(epoch, 'session', principals, { expiresAt: session.expires_at, usedAt: session.last_used_at })
}

function standing(
  epoch: number,
  kind: Claimant['kind'],
  principals: readonly (UserPrincipal | ApiKeyPrincipal)[],
  ends: Pick<Standing, 'expiresAt' | 'usedAt'>,
): Standing | null {
  const [first, ...rest] = principals
  if (!first) return null
  return { epoch, kind, principals: [first, ...rest], ...ends, registries: new Map<string, RegistryRights>() }
}

function isActive(person: IdentityRow | null): person is IdentityRow {
  return person !== null && person.disabled_at === null
}

function userPrincipals(
  person: IdentityRow,
  memberships: readonly MembershipRow[],
  session: SessionRef | null = null,
): UserPrincipal[] {
  return memberships.map((membership) => ({
    kind: 'user',
    contractId: membership.contract_id,
    identityId: person.id,
    userId: person.user_id,
    email: person.email,
    role: membership.role,
    manageRegistry: membership.manage_registry === 1,
    passwordVersion: person.password_version,
    isOperator: person.is_operator === 1 && session?.bound !== true,
    session,
  }))
}
