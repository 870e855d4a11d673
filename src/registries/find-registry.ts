import { DomainError } from '../domain/error.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import { findRegistry, findRegistryNamed, listRegistries, lockRegistry } from '../metadata/tables/registries.ts'
import { holdRegistry } from '../metadata/tables/repositories.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { shorten } from './registry-input.ts'
import type { RegistryView } from './views.ts'
import { toRegistryView } from './views.ts'

export interface RegistryPage {
  readonly limit: number
  /** Opaque, as the page before gave it; null: the first page. */
  readonly token: string | null
  /** Part of the name, in any case; null: all. */
  readonly nameContains: string | null
}

/** @throws `not_found`, alike for foreign and absent ids. */
export async function getRegistry({ metadata }: RegistriesDeps, actor: Actor, id: string): Promise<RegistryView> {
  return toRegistryView(await metadata.read((sql) => requireRegistry(sql, actor, id)))
}

/** @throws `not_found` */
export async function getRegistryNamed(
  { metadata }: RegistriesDeps,
  actor: Actor,
  name: string,
): Promise<RegistryView> {
  const row = await metadata.read((sql) => findRegistryNamed(sql, actor, name))
  if (!row) throw new DomainError('not_found', `registry "${shorten(name)}" does not exist in this contract`)
  return toRegistryView(row)
}

/** In order of creation. @throws `input_invalid` for a page token that is not one of ours. */
export async function pageOfRegistries(
  { metadata }: RegistriesDeps,
  actor: Actor,
  { limit, token, nameContains }: RegistryPage,
): Promise<{ registries: RegistryView[]; next: string | null }> {
  const after = token === null ? 0 : readPageToken(token)
  const rows = await metadata.read((sql) => listRegistries(sql, actor, { limit: limit + 1, after, nameContains }))
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { registries: page.map(toRegistryView), next: rows.length > limit && last ? writePageToken(last.id) : null }
}

export async function requireRegistry(sql: Reader, actor: Actor, id: string): Promise<RegistryRow> {
  return found(await findRegistry(sql, actor, id), id)
}

/** The same, held against deletion until the transaction ends. */
export async function requireHeldRegistry(sql: Transaction, actor: Actor, id: string): Promise<RegistryRow> {
  const row = await requireRegistry(sql, actor, id)
  return found((await holdRegistry(sql, row.id)) ? row : null, id)
}

/** The same, held against all other changes. */
export async function requireLockedRegistry(sql: Transaction, actor: Actor, id: string): Promise<RegistryRow> {
  return found(await lockRegistry(sql, actor, id), id)
}

function found(row: RegistryRow | null, id: string): RegistryRow {
  if (row) return row
  throw notFound(id)
}

export function notFound(id: string): DomainError {
  return new DomainError('not_found', `registry ${shorten(id)} does not exist`)
}

function writePageToken(after: number): string {
  return Buffer.from(`after:${after}`).toString('base64url')
}

function readPageToken(token: string): number {
  const [, after] = /^after:(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? []
  if (after !== undefined) return Number(after)
  throw new DomainError(
    'input_invalid',
    `pagination.token "${shorten(token)}" is not one that this service gave: leave it out for the first page`,
  )
}
