import type { Reader } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

/** A live registry of an active contract in which a person is an active member. */
export interface RegistryAccessRow {
  readonly id: number
  readonly contract_id: number
  readonly name: string
  /** JSON. */
  readonly allow_list: string
}

const SELECT = fragment`
  SELECT r.id, r.contract_id, r.name, r.allow_list
    FROM registries r
    JOIN contracts c ON c.id = r.contract_id AND c.state = 'active'
    JOIN memberships m ON m.contract_id = r.contract_id AND m.disabled_at IS NULL`

/** Null for foreign and absent ones alike, at the same cost. */
export async function registryOfPerson(
  sql: Reader,
  identityId: number,
  name: string,
): Promise<RegistryAccessRow | null> {
  return await sql.get<RegistryAccessRow>`
    ${SELECT} WHERE r.name = ${name} AND r.delete_id IS NULL AND m.identity_id = ${identityId}`
}

/** By name, strictly after `after`, at most `limit`. */
export async function registriesOfPerson(
  sql: Reader,
  identityId: number,
  after: string,
  limit: number,
): Promise<RegistryAccessRow[]> {
  return await sql.all<RegistryAccessRow>`
    ${SELECT} WHERE r.delete_id IS NULL AND m.identity_id = ${identityId} AND r.name > ${after}
     ORDER BY r.name LIMIT ${limit}`
}
