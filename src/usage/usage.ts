import type { MetadataStore } from '../metadata/metadata-store.ts'
import { liveBytes, staleUsage, storeUsage, unmarkUsage } from '../metadata/tables/usage.ts'

const BATCH = 100

/**
 * Adds up anew what has changed. The mark is taken off before adding up, in a transaction of its own: a push that commits
 * meanwhile marks again and is counted the next time.
 */
export async function refreshUsage(metadata: MetadataStore): Promise<number> {
  const registries = await metadata.read((sql) => staleUsage(sql, BATCH))
  for (const registryId of registries) {
    await metadata.transact((sql) => unmarkUsage(sql, registryId), { durable: false })
    const bytes = await metadata.read((sql) => liveBytes(sql, registryId))
    await metadata.transact((sql) => storeUsage(sql, registryId, bytes), { durable: false })
  }
  return registries.length
}
