import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import type { TokenRow, TokenStatus } from '../metadata/tables/tokens-control.ts'
import {
  countTokens,
  deleteToken as deleteTokenRow,
  findToken,
  findTokenNamed,
  listTokens,
  lockToken,
  setTokenStatus as setStatusOfRow,
} from '../metadata/tables/tokens-control.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { requireHeldRegistry, requireRegistry } from './find-registry.ts'
import { shorten } from './registry-input.ts'
import type { TokenView } from './views.ts'
import { toTokenView } from './views.ts'

/** In order of creation. @throws `not_found` (the registry). */
export async function pageOfTokens(
  { metadata }: RegistriesDeps,
  actor: Actor,
  registryId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<{ tokens: TokenView[]; total: number }> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    const rows = await listTokens(sql, registry.id, page)
    return { tokens: rows.map(toTokenView), total: await countTokens(sql, registry.id) }
  })
}

/** @throws `not_found` for the registry or the token. */
export async function getToken(
  { metadata }: RegistriesDeps,
  actor: Actor,
  registryId: string,
  id: string,
): Promise<TokenView> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    return toTokenView(found(await findToken(sql, registry.id, id), id))
  })
}

/** @throws `not_found` for the registry or the token. */
export async function getTokenNamed(
  { metadata }: RegistriesDeps,
  actor: Actor,
  registryId: string,
  name: string,
): Promise<TokenView> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    return toTokenView(
      found(await findTokenNamed(sql, registry.id, name), `"${shorten(name)}" of registry "${registry.name}"`),
    )
  })
}

/** Whoever logged in with it is out within a second. @throws `not_found` */
export async function setTokenStatus(
  deps: RegistriesDeps,
  actor: Actor,
  registryId: string,
  id: string,
  status: TokenStatus,
): Promise<TokenView> {
  const action = status === 'enabled' ? 'token.enable' : 'token.disable'
  return await changeToken(deps, actor, { registryId, id, action }, async (sql, registry, token) => {
    await setStatusOfRow(sql, token.id, status, { name: actor.email, id: actor.userId })
    if (status === 'disabled') await deleteRefreshTokensOf(sql, 'registry_token', token.id)
    return toTokenView(found(await findToken(sql, registry.id, id), id))
  })
}

/** Gone at once, for good. @throws `not_found` */
export async function deleteToken(deps: RegistriesDeps, actor: Actor, registryId: string, id: string): Promise<void> {
  await changeToken(deps, actor, { registryId, id, action: 'token.delete' }, async (sql, _registry, token) => {
    await deleteTokenRow(sql, token.id)
    await deleteRefreshTokensOf(sql, 'registry_token', token.id)
  })
}

export interface TokenChange {
  readonly registryId: string
  readonly id: string
  /** As the audit calls it. */
  readonly action: string
  readonly detail?: Readonly<Record<string, unknown>>
}

/** One change of one token, with what every such change entails: the auth epoch moves and the audit tells. @throws `not_found` */
export async function changeToken<T>(
  deps: Pick<RegistriesDeps, 'metadata'>,
  actor: Actor,
  { registryId, id, action, detail = {} }: TokenChange,
  act: (sql: Transaction, registry: RegistryRow, token: TokenRow) => Promise<T>,
): Promise<T> {
  return await deps.metadata.transact(async (sql) => {
    const registry = await requireHeldRegistry(sql, actor, registryId)
    const token = found(await lockToken(sql, registry.id, id), id)
    const result = await act(sql, registry, token)
    await bumpAuthEpoch(sql)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId: registry.id,
      actor: actor.label,
      action,
      subject: `${registry.name}/${token.name}`,
      address: actor.address,
      detail: { id, ...detail },
    })
    return result
  })
}

export function found(row: TokenRow | null, id: string): TokenRow {
  if (row) return row
  throw tokenNotFound(id)
}

export function tokenNotFound(id: string): DomainError {
  return new DomainError('not_found', `token ${shorten(id)} does not exist`)
}
