import { DomainError } from '../domain/error.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import { findRegistry } from '../metadata/tables/registries.ts'
import type { RepositoryRow } from '../metadata/tables/repositories.ts'
import { findRepository, holdRegistry, lockRepository } from '../metadata/tables/repositories.ts'
import type { Actor } from './deps.ts'

/** @throws `not_found`, alike for foreign, invisible and absent ids. */
export async function requireRegistry(sql: Reader, actor: Actor, id: string): Promise<RegistryRow> {
  return foundRegistry(await findRegistry(sql, actor, id), id)
}

/** The same, held against deletion until the transaction ends. */
export async function requireHeldRegistry(sql: Transaction, actor: Actor, id: string): Promise<RegistryRow> {
  const row = await requireRegistry(sql, actor, id)
  return foundRegistry((await holdRegistry(sql, row.id)) ? row : null, id)
}

/** @throws `not_found` */
export async function requireRepository(sql: Reader, registryId: number, name: string): Promise<RepositoryRow> {
  return foundRepository(await findRepository(sql, registryId, name), name)
}

/** The same, held against all other changes. */
export async function requireLockedRepository(sql: Transaction, registryId: number, name: string) {
  return foundRepository(await lockRepository(sql, registryId, name), name)
}

export function foundRepository<T>(row: T | null, name: string): T {
  if (row !== null) return row
  throw new DomainError('not_found', `repository "${shorten(name)}" does not exist in this registry`)
}

export function foundArtifact<T>(row: T | null, digest: string): T {
  if (row !== null) return row
  throw new DomainError('not_found', `artifact ${shorten(digest)} does not exist in this repository`)
}

export function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function foundRegistry(row: RegistryRow | null, id: string): RegistryRow {
  if (row !== null) return row
  throw new DomainError('not_found', `registry ${shorten(id)} does not exist`)
}
