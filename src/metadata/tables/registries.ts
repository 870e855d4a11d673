import type { Fragment, Reader, Transaction } from '../metadata-store.ts'
import { forUpdate, forUpdateOf, sql as fragment, NOTHING } from '../sql.ts'

export type RegistryState = 'New' | 'WaitingForStorage' | 'Running'

export interface RegistryRow {
  readonly id: number
  readonly contract_id: number
  readonly public_id: string
  readonly name: string
  readonly location: string
  readonly state: RegistryState
  /** JSON `{days, time}` as sent, or null. */
  readonly gc_schedule: string | null
  readonly scanning_enabled: number
  /** JSON array, verbatim. */
  readonly allow_list: string
  readonly created_at: number
  readonly created_by: string
  readonly created_by_id: string
  readonly modified_at: number | null
  readonly modified_by: string | null
  readonly modified_by_id: string | null
  /** Null until something was counted. */
  readonly live_bytes: number | null
  readonly usage_updated_at: number | null
}

/** All live registries the caller may see: of one contract, and, for a restricted key, of chosen internal ids. */
export interface RegistrySight {
  readonly contractId: number
  readonly registryIds: readonly number[] | null
}

const SELECT = fragment`
  SELECT r.id, r.contract_id, r.public_id, r.name, r.location, r.state, r.gc_schedule, r.scanning_enabled, r.allow_list,
         r.created_at, r.created_by, r.created_by_id, r.modified_at, r.modified_by, r.modified_by_id,
         u.live_bytes, u.updated_at AS usage_updated_at
    FROM registries r LEFT JOIN usage u ON u.registry_id = r.id`

/** The live registry with that public id within sight, or null: foreign and absent ones look alike. */
export async function findRegistry(sql: Reader, sight: RegistrySight, publicId: string): Promise<RegistryRow | null> {
  return await sql.get<RegistryRow>`${SELECT} WHERE ${within(sight)} AND r.public_id = ${publicId}`
}

export async function findRegistryNamed(sql: Reader, sight: RegistrySight, name: string): Promise<RegistryRow | null> {
  return await sql.get<RegistryRow>`${SELECT} WHERE ${within(sight)} AND r.name = ${name}`
}

/** The same as `findRegistry`, held against all other changes until the transaction ends. */
export async function lockRegistry(
  sql: Transaction,
  sight: RegistrySight,
  publicId: string,
): Promise<RegistryRow | null> {
  return await sql.get<RegistryRow>`
    ${SELECT} WHERE ${within(sight)} AND r.public_id = ${publicId} ${forUpdateOf(sql, 'r')}`
}

/** In order of creation, strictly after the internal id `after`. `nameContains` ignores case: names are lower case. */
export async function listRegistries(
  sql: Reader,
  sight: RegistrySight,
  page: { readonly limit: number; readonly after: number; readonly nameContains: string | null },
): Promise<RegistryRow[]> {
  const { limit, after, nameContains } = page
  const pattern = nameContains === null ? null : `%${nameContains.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const filter = pattern === null ? NOTHING : fragment`AND r.name LIKE ${pattern} ESCAPE '\\'`
  return await sql.all<RegistryRow>`
    ${SELECT} WHERE ${within(sight)} AND r.id > ${after} ${filter} ORDER BY r.id LIMIT ${limit}`
}

/**
 * Whether `contractId` may not have `name`: some contract has it live, or another one's registry of that name is still
 * in quarantine (design.md 8). One statement, so that a deletion meanwhile cannot slip between the two.
 */
export async function registryNameIsTaken(sql: Reader, contractId: number, name: string): Promise<boolean> {
  const row = await sql.get<{ id: number }>`
    SELECT r.id FROM registries r LEFT JOIN deletions d ON d.id = r.delete_id
     WHERE r.name = ${name}
       AND (r.delete_id IS NULL OR (r.contract_id <> ${contractId} AND d.purged_at IS NULL AND d.purge_after > ${sql.now()}))
     LIMIT 1`
  return row !== null
}

/** The new row's internal id, or null when the name or the public id is taken by a live registry. */
export async function insertRegistry(
  sql: Transaction,
  row: {
    readonly contractId: number
    readonly publicId: string
    readonly name: string
    readonly location: string
    readonly gcSchedule: string | null
    readonly scanningEnabled: boolean
    readonly allowList: string
    readonly createdBy: string
    readonly createdById: string
  },
): Promise<number | null> {
  const made = await sql.get<{ id: number }>`
    INSERT INTO registries (contract_id, public_id, name, location, gc_schedule, scanning_enabled, allow_list, created_at,
                            created_by, created_by_id)
    VALUES (${row.contractId}, ${row.publicId}, ${row.name}, ${row.location}, ${row.gcSchedule}, ${row.scanningEnabled ? 1 : 0},
            ${row.allowList}, ${sql.now()}, ${row.createdBy}, ${row.createdById})
    ON CONFLICT DO NOTHING RETURNING id`
  return made?.id ?? null
}

/** The caller holds it locked. */
export async function updateRegistry(
  sql: Transaction,
  id: number,
  to: { readonly gcSchedule: string | null; readonly scanningEnabled: boolean; readonly allowList: string },
  by: { readonly name: string; readonly id: string },
): Promise<void> {
  await sql.run`
    UPDATE registries
       SET gc_schedule = ${to.gcSchedule}, scanning_enabled = ${to.scanningEnabled ? 1 : 0}, allow_list = ${to.allowList},
           modified_at = ${sql.now()}, modified_by = ${by.name}, modified_by_id = ${by.id}
     WHERE id = ${id}`
}

/** Hides the registry and all it holds under `deleteId`. */
export async function tombstoneRegistry(sql: Transaction, id: number, deleteId: number): Promise<void> {
  await sql.run`UPDATE registries SET delete_id = ${deleteId} WHERE id = ${id} AND delete_id IS NULL`
}

/**
 * Hides all of a contract that is held, each under a delete id of its own, and has them reviewed once `purgeAfter` has
 * passed. Three statements however many there are. @returns how many.
 */
export async function tombstoneRegistriesOf(
  sql: Transaction,
  contractId: number,
  by: { readonly deletedBy: string; readonly purgeAfter: number },
): Promise<number> {
  await sql.all`SELECT id FROM registries WHERE contract_id = ${contractId} AND delete_id IS NULL ${forUpdate(sql)}`
  const newest = await sql.get<{ id: number }>`SELECT COALESCE(MAX(id), 0) AS id FROM deletions`
  await sql.run`
    INSERT INTO deletions (kind, contract_id, registry_id, subject, deleted_by, deleted_at, purge_after)
    SELECT 'registry', contract_id, id, name, ${by.deletedBy}, ${sql.now()}, ${by.purgeAfter}
      FROM registries WHERE contract_id = ${contractId} AND delete_id IS NULL`
  await sql.run`
    INSERT INTO gc_candidates (registry_id, kind, subject_id, reason, review_after)
    SELECT d.registry_id, 'deletion', d.id, 'contract deleted', d.purge_after
      FROM deletions d JOIN registries r ON r.id = d.registry_id AND r.contract_id = ${contractId} AND r.delete_id IS NULL
     WHERE d.id > ${newest?.id ?? 0} AND d.kind = 'registry'`
  return await sql.run`
    UPDATE registries SET delete_id = d.id FROM deletions d
     WHERE d.registry_id = registries.id AND d.id > ${newest?.id ?? 0} AND d.kind = 'registry'
       AND registries.contract_id = ${contractId} AND registries.delete_id IS NULL`
}

/** The public ids of those that are live, by internal id. */
export async function publicIdsOf(
  sql: Reader,
  contractId: number,
  ids: readonly number[],
): Promise<Map<number, string>> {
  if (ids.length === 0) return new Map()
  const rows = await sql.all<{ id: number; public_id: string }>`
    SELECT r.id, r.public_id FROM registries r WHERE ${within({ contractId, registryIds: ids })}`
  return new Map(rows.map(({ id, public_id }) => [id, public_id]))
}

/**
 * Moves new registries on: to Running when they have a key and the storage answers, else to WaitingForStorage.
 * @returns how many reached Running.
 */
export async function settleRegistries(sql: Transaction, storageReady: boolean): Promise<number> {
  if (!storageReady) {
    await sql.run`UPDATE registries SET state = 'WaitingForStorage' WHERE state = 'New' AND delete_id IS NULL`
    return 0
  }
  return await sql.run`
    UPDATE registries SET state = 'Running'
     WHERE state <> 'Running' AND delete_id IS NULL
       AND EXISTS (SELECT 1 FROM data_keys k WHERE k.registry_id = registries.id AND k.destroyed_at IS NULL)`
}

export async function someRegistryIsUnsettled(sql: Reader): Promise<boolean> {
  return (
    (await sql.get`SELECT 1 AS one FROM registries WHERE state <> 'Running' AND delete_id IS NULL LIMIT 1`) !== null
  )
}

function within({ contractId, registryIds }: RegistrySight): Fragment {
  const live = fragment`r.contract_id = ${contractId} AND r.delete_id IS NULL`
  if (registryIds === null) return live
  if (registryIds.length === 0) return fragment`1 = 0`
  const commas = registryIds.slice(1).map(() => ', ')
  return fragment`${live} AND r.id IN ${{ text: ['(', ...commas, ')'], values: registryIds }}`
}
