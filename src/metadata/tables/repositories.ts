import { DomainError } from '../../domain/error.ts'
import type { Reader, Transaction } from '../metadata-store.ts'
import { forShareOf, forUpdateOf } from '../sql.ts'
import { startRepositoryCounters } from './counters.ts'

export interface RepositoryRow {
  readonly id: number
  readonly registry_id: number
  readonly name: string
}

/** The live repository of that name in a live registry, or null. */
export async function findRepository(sql: Reader, registryId: number, name: string): Promise<RepositoryRow | null> {
  return await sql.get<RepositoryRow>`
    SELECT r.id, r.registry_id, r.name FROM repositories r JOIN registries g ON g.id = r.registry_id
     WHERE r.registry_id = ${registryId} AND r.name = ${name} AND r.delete_id IS NULL AND g.delete_id IS NULL`
}

/** The same, held against deletion until the transaction ends. */
export async function holdRepository(
  sql: Transaction,
  registryId: number,
  name: string,
): Promise<RepositoryRow | null> {
  return await sql.get<RepositoryRow>`
    SELECT r.id, r.registry_id, r.name FROM repositories r JOIN registries g ON g.id = r.registry_id
     WHERE r.registry_id = ${registryId} AND r.name = ${name} AND r.delete_id IS NULL AND g.delete_id IS NULL
     ${forShareOf(sql, 'r', 'g')}`
}

/** The same, held against all other changes. */
export async function lockRepository(
  sql: Transaction,
  registryId: number,
  name: string,
): Promise<RepositoryRow | null> {
  return await sql.get<RepositoryRow>`
    SELECT r.id, r.registry_id, r.name FROM repositories r
     WHERE r.registry_id = ${registryId} AND r.name = ${name} AND r.delete_id IS NULL ${forUpdateOf(sql, 'r')}`
}

/** Hides the repository and all it holds under `deleteId`. */
export async function tombstoneRepository(sql: Transaction, id: number, deleteId: number): Promise<void> {
  await sql.run`UPDATE repositories SET delete_id = ${deleteId} WHERE id = ${id} AND delete_id IS NULL`
}

/** Holds the registry against deletion; false when it is gone. */
export async function holdRegistry(sql: Transaction, registryId: number): Promise<boolean> {
  const row = await sql.get<{ id: number }>`
    SELECT g.id FROM registries g WHERE g.id = ${registryId} AND g.delete_id IS NULL ${forShareOf(sql, 'g')}`
  return row !== null
}

const TRIES = 5

/** Repositories come into being with their first content. The caller holds the registry. @throws `unavailable` */
export async function ensureRepository(
  sql: Transaction,
  registryId: number,
  name: string,
  by: string,
): Promise<RepositoryRow> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await holdRepository(sql, registryId, name)
    if (found) return found
    const made = await sql.get<RepositoryRow>`
      INSERT INTO repositories (registry_id, name, created_at, created_by) VALUES (${registryId}, ${name}, ${sql.now()}, ${by})
      ON CONFLICT (registry_id, name) WHERE delete_id IS NULL DO NOTHING RETURNING id, registry_id, name`
    if (made) {
      await startRepositoryCounters(sql, made)
      return made
    }
  }
  throw new DomainError('unavailable', `repository "${name}" is being deleted; try again`)
}

/** Names in byte order, strictly after `after`. Source: distribution-spec, "Listing Repositories" (catalog). */
export async function listRepositoryNames(
  sql: Reader,
  registryId: number,
  limit: number,
  after: string,
): Promise<string[]> {
  const rows = await sql.all<{ name: string }>`
    SELECT r.name FROM repositories r JOIN registries g ON g.id = r.registry_id
     WHERE r.registry_id = ${registryId} AND r.name > ${after} AND r.delete_id IS NULL AND g.delete_id IS NULL
     ORDER BY r.name LIMIT ${limit}`
  return rows.map((row) => row.name)
}

/** How people name a repository: for audit rows. */
export async function repositoryAddress(sql: Reader, repositoryId: number) {
  return await sql.get<{ contract_id: number; registry: string; repository: string }>`
    SELECT g.contract_id, g.name AS registry, r.name AS repository FROM repositories r JOIN registries g ON g.id = r.registry_id
     WHERE r.id = ${repositoryId}`
}
