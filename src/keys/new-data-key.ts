import { randomBytes } from 'node:crypto'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertDataKey } from '../metadata/tables/data-keys.ts'
import { holdKeyCheck } from './key-check.ts'
import type { Sealing } from './sealed-secret.ts'

/** A data key that no row has yet. Its root is nowhere but inside `wrapped`. */
export interface NewDataKey {
  readonly provider: string
  readonly wrapped: Uint8Array
  /** The key check it was wrapped under. */
  readonly check: string
}

export async function newDataKey({ provider, installation }: Sealing, check: string): Promise<NewDataKey> {
  const wrapped = await provider.wrap(randomBytes(32), dataKeyContext(installation))
  return { provider: provider.name, wrapped, check }
}

/** Makes it the registry's current key. @throws `unavailable` when the master key was changed since. */
export async function insertNewDataKey(sql: Transaction, registryId: number, fresh: NewDataKey): Promise<void> {
  await holdKeyCheck(sql, fresh.check)
  await insertDataKey(sql, registryId, fresh)
}

export function dataKeyContext(installation: string): string {
  return `${installation}/data-key`
}
