import { settleRegistries, someRegistryIsUnsettled } from '../metadata/tables/registries.ts'
import type { RegistriesDeps } from './deps.ts'

/**
 * Moves new registries on: New → Running once they have a key and the storage answers, by way of WaitingForStorage while
 * it does not. Runs right after a creation and by schedule; running it twice changes nothing.
 */
export async function settle({
  metadata,
  storageReady,
}: Pick<RegistriesDeps, 'metadata' | 'storageReady'>): Promise<void> {
  if (!(await metadata.read(someRegistryIsUnsettled))) return
  const ready = await storageReady()
  await metadata.transact((sql) => settleRegistries(sql, ready))
}
