import { DomainError } from '../domain/error.ts'
import type { Scope } from '../domain/permission.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { liveSecrets } from '../metadata/tables/token-secrets-control.ts'
import type { TokenRow } from '../metadata/tables/tokens-control.ts'
import { findToken, lockToken, updateToken } from '../metadata/tables/tokens-control.ts'
import type { TokenInput } from './create-token.ts'
import { createToken } from './create-token.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { parseExpiry } from './expiry.ts'
import { requireHeldRegistry } from './find-registry.ts'
import { mustStay } from './registry-input.ts'
import { parseScopes, parseStatus } from './token-input.ts'
import { checkTokenExpiry } from './token-lifetime.ts'
import type { TokenChange } from './tokens.ts'
import { tokenNotFound } from './tokens.ts'
import type { TokenView } from './views.ts'
import { toTokenView } from './views.ts'

/** What is absent stays as it is. */
export interface TokenPatch {
  /** Must be what it is. */
  readonly name?: string | undefined
  readonly scopes?: readonly Scope[] | undefined
  /** RFC 3339; null: never. */
  readonly expiryDate?: string | null | undefined
  /** null and "" mean enabled. */
  readonly status?: string | null | undefined
}

/** Whoever logged in with it has what it allows now within a second. @throws `not_found`, `input_invalid` */
export async function patchToken(
  deps: RegistriesDeps,
  actor: Actor,
  registryId: string,
  id: string,
  patch: TokenPatch,
): Promise<TokenView> {
  const changed = await change(deps, actor, { registryId, id, action: 'token.update' }, patch)
  if (changed === null) throw tokenNotFound(id)
  return toTokenView(changed)
}

/**
 * Replaces the token of that id, keeping its password, or makes one with it; then, and only then, a password comes back.
 * @throws `not_found` (the registry), what `createToken` throws, and `input_invalid` for another name.
 */
export async function putToken(
  deps: RegistriesDeps,
  actor: Actor,
  registryId: string,
  id: string,
  input: TokenInput,
): Promise<{ token: TokenView; password: string | null }> {
  const replace = async () => await change(deps, actor, { registryId, id, action: 'token.replace' }, input)
  const replaced = await replace()
  if (replaced !== null) return { token: toTokenView(replaced), password: null }
  try {
    return await createToken(deps, actor, registryId, input, id)
  } catch (error) {
    // Two PUTs of one id at once: the later one replaces what the other made.
    const raced = error instanceof DomainError && error.kind === 'conflict' ? await replace() : null
    if (raced === null) throw error
    return { token: toTokenView(raced), password: null }
  }
}

/** Under lock, audited; null when the registry has no such token. */
async function change(
  { metadata }: RegistriesDeps,
  actor: Actor,
  { registryId, id, action }: TokenChange,
  patch: TokenPatch,
): Promise<TokenRow | null> {
  return await metadata.transact(async (sql) => {
    const registry = await requireHeldRegistry(sql, actor, registryId)
    const row = await lockToken(sql, registry.id, id)
    if (row === null) return null
    mustStay('token', row.name, 'name', patch.name)
    if (patch.scopes === undefined && patch.expiryDate === undefined && patch.status === undefined) return row
    const next = apply(patch, row)
    if (next.expiresAt !== row.expires_at) await checkExpiry(sql, actor, registry.id, row, next.expiresAt)
    await updateToken(sql, row.id, next, { name: actor.email, id: actor.userId })
    if (next.status === 'disabled') await deleteRefreshTokensOf(sql, 'registry_token', row.id)
    await bumpAuthEpoch(sql)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId: registry.id,
      actor: actor.label,
      action,
      subject: `${registry.name}/${row.name}`,
      address: actor.address,
      detail: { id, ...differences(row, next) },
    })
    return await findToken(sql, registry.id, id)
  })
}

/** Moving the date prolongs no password beyond what the contract allows. */
async function checkExpiry(
  sql: Transaction,
  { contractId }: Actor,
  registryId: number,
  { id }: TokenRow,
  expiresAt: number | null,
): Promise<void> {
  const secrets = await liveSecrets(sql, { registryId, first: id, last: id })
  const newest = secrets.length === 0 ? null : Math.max(...secrets.map(({ created_at }) => created_at))
  await checkTokenExpiry(sql, contractId, expiresAt, newest)
}

type Changeable = Parameters<typeof updateToken>[2]

function apply({ scopes, expiryDate, status }: TokenPatch, row: TokenRow): Changeable {
  return {
    scopes: scopes === undefined ? row.scopes : JSON.stringify(parseScopes(scopes)),
    expiresAt: expiryDate === undefined ? row.expires_at : parseExpiry(expiryDate),
    status: status === undefined ? row.status : parseStatus(status),
  }
}

function differences(row: TokenRow, next: Changeable): Record<string, unknown> {
  return {
    ...(next.scopes === row.scopes ? {} : { scopes: JSON.parse(next.scopes) }),
    ...(next.expiresAt === row.expires_at ? {} : { expiresAt: next.expiresAt }),
    ...(next.status === row.status ? {} : { status: next.status }),
  }
}
