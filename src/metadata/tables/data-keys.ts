import type { Reader, Transaction } from '../metadata-store.ts'

export interface DataKeyRow {
  readonly id: number
  readonly registry_id: number
  readonly version: number
  /** The key provider that wrapped it. */
  readonly provider: string
  /** Null once destroyed. */
  readonly wrapped: Uint8Array | null
}

export interface WrappedKey {
  readonly provider: string
  readonly wrapped: Uint8Array
}

/** Adds the next version: from then on the registry's current key. */
export async function insertDataKey(sql: Transaction, registryId: number, key: WrappedKey): Promise<void> {
  await sql.run`
    INSERT INTO data_keys (registry_id, version, provider, wrapped, created_at)
    VALUES (${registryId}, (SELECT COALESCE(MAX(version), 0) + 1 FROM data_keys WHERE registry_id = ${registryId}),
            ${key.provider}, ${key.wrapped}, ${sql.now()})`
}

export async function findDataKey(sql: Reader, id: number): Promise<DataKeyRow | null> {
  return await sql.get<DataKeyRow>`SELECT id, registry_id, version, provider, wrapped FROM data_keys WHERE id = ${id}`
}

/** The newest version, destroyed or not; null when the registry never had one. */
export async function findCurrentDataKey(sql: Reader, registryId: number): Promise<DataKeyRow | null> {
  return await sql.get<DataKeyRow>`
    SELECT id, registry_id, version, provider, wrapped FROM data_keys
     WHERE registry_id = ${registryId} ORDER BY version DESC LIMIT 1`
}

/** Oldest version first. */
export async function dataKeysOfRegistry(sql: Reader, registryId: number): Promise<DataKeyRow[]> {
  return await sql.all<DataKeyRow>`
    SELECT id, registry_id, version, provider, wrapped FROM data_keys
     WHERE registry_id = ${registryId} ORDER BY version`
}

/** All that are not destroyed. */
export async function liveDataKeys(sql: Reader): Promise<{ id: number; wrapped: Uint8Array }[]> {
  return await sql.all<{ id: number; wrapped: Uint8Array }>`
    SELECT id, wrapped FROM data_keys WHERE wrapped IS NOT NULL ORDER BY id`
}

export async function rewrapDataKey(sql: Transaction, id: number, key: WrappedKey): Promise<void> {
  await sql.run`
    UPDATE data_keys SET provider = ${key.provider}, wrapped = ${key.wrapped} WHERE id = ${id} AND wrapped IS NOT NULL`
}

/** What they encrypted can never be read again (secure_delete overwrites the bytes). @returns how many. */
export async function destroyDataKeys(sql: Transaction, registryId: number): Promise<number> {
  return await sql.run`
    UPDATE data_keys SET wrapped = NULL, destroyed_at = ${sql.now()}
     WHERE registry_id = ${registryId} AND destroyed_at IS NULL`
}

export interface WrappedSigningKeyRow {
  readonly id: number
  readonly wrapped: Uint8Array
}

export async function wrappedSigningKeys(sql: Reader): Promise<WrappedSigningKeyRow[]> {
  return await sql.all<WrappedSigningKeyRow>`SELECT id, wrapped FROM signing_keys ORDER BY id`
}

export async function rewrapSigningKey(sql: Transaction, id: number, wrapped: Uint8Array): Promise<void> {
  await sql.run`UPDATE signing_keys SET wrapped = ${wrapped} WHERE id = ${id}`
}

export async function someKeyIsWrapped(sql: Reader): Promise<boolean> {
  const row = await sql.get`
    SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM data_keys WHERE wrapped IS NOT NULL) OR EXISTS (SELECT 1 FROM signing_keys)`
  return row !== null
}

/** `fingerprint` differs once a key was made, destroyed or wrapped anew. */
export async function keyState(sql: Reader): Promise<{ fingerprint: string; destroyed: number }> {
  const row = await sql.get<{ made: number; destroyed: number; signing: number; key_check: string | null }>`
    SELECT COUNT(*) AS made, COUNT(destroyed_at) AS destroyed, (SELECT COUNT(*) FROM signing_keys) AS signing,
           (SELECT value FROM settings WHERE name = 'key_check') AS key_check
      FROM data_keys`
  const { made = 0, destroyed = 0, signing = 0, key_check = null } = row ?? {}
  return { fingerprint: `${made} ${destroyed} ${signing} ${key_check ?? ''}`, destroyed }
}
