import { DomainError } from '../domain/error.ts'
import type { Action } from '../domain/permission.ts'
import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import { parseLine } from '../domain/text-line.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import type { ApiKeyListRow } from '../metadata/tables/api-keys.ts'
import {
  apiKeyById,
  countApiKeys,
  findApiKey,
  insertApiKey,
  pageOfApiKeys,
  revokeApiKey,
} from '../metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { holdIdentity } from '../metadata/tables/identities.ts'
import { findMembership } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensOf } from '../metadata/tables/refresh-tokens.ts'
import { findRegistry, publicIdsOf } from '../metadata/tables/registries.ts'
import type { AccountsDeps, Asker } from './deps.ts'
import { doerOf, eventOf } from './deps.ts'

const MOST_KEYS = 100
const MOST_REGISTRIES = 100

export interface ApiKeyInput {
  readonly name: string
  /** Milliseconds UTC; null: never. */
  readonly expiresAt: number | null
  readonly readOnly: boolean
  /** Public ids; null: all of the contract, later ones too. */
  readonly registries: readonly string[] | null
  readonly actions: readonly Action[] | null
}

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly userId: string
  readonly email: string
  readonly readOnly: boolean
  /** Those that still exist. */
  readonly registries: readonly string[] | null
  readonly actions: readonly Action[] | null
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly lastUsedFrom: string | null
  /** Where a list goes on. */
  readonly position: number
}

/**
 * For the person who asks, in the contract they act in. A key made with a key does not outlive it.
 * @throws `input_invalid`, `not_found` (a registry), `conflict` (the name; too many), `denied`.
 */
export async function createApiKey(
  deps: AccountsDeps,
  input: ApiKeyInput,
  asker: Asker,
): Promise<{ key: ApiKey; secret: string }> {
  const name = parseLine('name', input.name, 100)
  if (name.includes(':')) throw new DomainError('input_invalid', 'name must not have a colon: it can be a user name')
  const secret = newSecret(SECRET_PREFIX.apiKey)
  const publicId = deps.newId()
  const { contractId, identityId } = asker.person
  return await deps.metadata.transact(async (sql) => {
    await holdMember(sql, contractId, identityId)
    const bound = await isBound(sql, asker)
    checkExpiry(input.expiresAt, asker, sql.now())
    const registryIds = input.registries && (await internalIds(sql, contractId, input.registries))
    if ((await countApiKeys(sql, contractId, identityId)) >= MOST_KEYS) {
      throw new DomainError('conflict', `you have ${MOST_KEYS} API keys in this contract: revoke one first`)
    }
    const rights = { readOnly: input.readOnly, registryIds, actions: input.actions, expiresAt: input.expiresAt, bound }
    const row = { contractId, identityId, publicId, name, keyId: secret.keyId, secretHash: secret.hash, ...rights }
    if ((await insertApiKey(sql, row)) === null) {
      throw new DomainError(
        'conflict',
        `you have an API key "${name}" already: revoke it first, or choose another name`,
      )
    }
    const { readOnly, registries, actions, expiresAt } = input
    const detail = { id: publicId, readOnly, registries, actions, expiresAt }
    await deps.audit(sql, eventOf(contractId, doerOf(asker), 'api-key.create', name, detail))
    return { key: await requireKey(sql, { contractId, identityId }, publicId), secret: secret.text }
  })
}

/** Their own; of administrators: all of the contract, unless a key that is limited asks. Strictly after `after`. */
export async function listApiKeys(
  { metadata }: AccountsDeps,
  page: { readonly after: number; readonly limit: number },
  asker: Asker,
): Promise<ApiKey[]> {
  const sight = sightOf(asker)
  return await metadata.read(async (sql) => {
    const rows = await pageOfApiKeys(sql, sight, page)
    return await toKeys(sql, sight.contractId, rows)
  })
}

/** @throws `not_found` */
export async function getApiKey({ metadata }: AccountsDeps, id: string, asker: Asker): Promise<ApiKey> {
  return await metadata.read((sql) => requireKey(sql, sightOf(asker), id))
}

/** Stops within a second. @throws `not_found` */
export async function revokeKey(deps: AccountsDeps, id: string, asker: Asker): Promise<void> {
  const sight = sightOf(asker)
  await deps.metadata.transact(async (sql) => {
    const row = await findApiKey(sql, sight, id)
    if (!row || !(await revokeApiKey(sql, row.id))) throw noSuchKey(id)
    await deleteRefreshTokensOf(sql, 'api_key', row.id)
    await bumpAuthEpoch(sql)
    await deps.audit(
      sql,
      eventOf(sight.contractId, doerOf(asker), 'api-key.revoke', row.name, { id, owner: row.email }),
    )
  })
}

interface Sight {
  readonly contractId: number
  readonly identityId: number | null
}

function sightOf({ person }: Asker): Sight {
  const { contractId, identityId, role } = person
  const isLimited = person.kind === 'api_key' && (person.registryIds !== null || person.actions !== null)
  return { contractId, identityId: role === 'member' || isLimited ? identityId : null }
}

/** So that nobody who was put out meanwhile leaves a key behind. */
async function holdMember(sql: Transaction, contractId: number, identityId: number): Promise<void> {
  await holdIdentity(sql, identityId)
  const membership = await findMembership(sql, contractId, identityId)
  if (!membership || membership.disabled_at !== null) throw new DomainError('denied', 'you are no member any more')
}

/**
 * What an identity provider of the contract let in makes keys that are bound like itself, and so do these. Read here: a
 * key that was revoked meanwhile makes none. @throws `denied`
 */
async function isBound(sql: Reader, { person }: Asker): Promise<boolean> {
  if (person.kind === 'user') return person.session?.bound === true
  const key = await apiKeyById(sql, person.apiKeyId)
  if (key === null) throw new DomainError('denied', `the API key "${person.name}" was revoked just now`)
  return key.bound === 1
}

function checkExpiry(expiresAt: number | null, { person }: Asker, now: number): void {
  if (expiresAt !== null && expiresAt <= now) {
    throw new DomainError('input_invalid', 'expiresAt is not valid: it must be in the future')
  }
  const own = person.kind === 'api_key' ? person.expiresAt : null
  if (own === null || (expiresAt !== null && expiresAt <= own)) return
  throw new DomainError(
    'denied',
    'a key that is made with a key must not outlive it: give an earlier expiresAt, or log in',
  )
}

async function internalIds(sql: Reader, contractId: number, publicIds: readonly string[]): Promise<number[]> {
  if (publicIds.length > MOST_REGISTRIES) {
    throw new DomainError('input_invalid', `a key can be limited to ${MOST_REGISTRIES} registries at most`)
  }
  const ids = new Set<number>()
  for (const publicId of publicIds) {
    const row = await findRegistry(sql, { contractId, registryIds: null }, publicId)
    if (!row) throw new DomainError('not_found', `registry ${publicId.slice(0, 80)} does not exist`)
    ids.add(row.id)
  }
  return [...ids]
}

async function requireKey(sql: Reader, sight: Sight, id: string): Promise<ApiKey> {
  const row = await findApiKey(sql, sight, id)
  const [key] = row ? await toKeys(sql, sight.contractId, [row]) : []
  if (!key) throw noSuchKey(id)
  return key
}

async function toKeys(sql: Reader, contractId: number, rows: readonly ApiKeyListRow[]): Promise<ApiKey[]> {
  const limits = rows.map(({ registry_ids }) => (registry_ids === null ? null : (JSON.parse(registry_ids) as number[])))
  const publicIds = await publicIdsOf(sql, contractId, [...new Set(limits.flatMap((ids) => ids ?? []))])
  return rows.map((row, at) => ({
    id: row.public_id,
    name: row.name,
    userId: row.user_id,
    email: row.email,
    readOnly: row.read_only === 1,
    registries: limits[at]?.flatMap((id) => publicIds.get(id) ?? []) ?? null,
    actions: row.actions === null ? null : JSON.parse(row.actions),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    lastUsedFrom: row.last_used_from,
    position: row.id,
  }))
}

function noSuchKey(id: string): DomainError {
  return new DomainError('not_found', `API key ${id.slice(0, 80)} does not exist`)
}
