import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { addManifestPulls, addRepositoryPulls } from '../metadata/tables/counters.ts'

/** Each moves a handful of index entries: more at once would hold up the process. */
const BATCH = 200

/** Told in the transaction that counts them, before they are counted. */
type OnPulled = (sql: Transaction, manifestIds: readonly number[]) => Promise<void>

interface Count {
  readonly repositoryId: number
  pulls: number
  lastPulledAt: number
}

/** Pulls write nothing: they are counted here and flushed every few seconds; a killed process loses those seconds (design.md 4). */
export class PullCounts {
  readonly #counts = new Map<number, Count>()
  readonly #onPulled: OnPulled

  constructor(onPulled: OnPulled = async () => {}) {
    this.#onPulled = onPulled
  }

  add(manifestId: number, repositoryId: number, at: number): void {
    const count = this.#counts.get(manifestId)
    if (!count) this.#counts.set(manifestId, { repositoryId, pulls: 1, lastPulledAt: at })
    else {
      count.pulls += 1
      count.lastPulledAt = at
    }
  }

  /** Writes what has gathered; what could not be written stays for the next time. */
  async flush(metadata: MetadataStore): Promise<void> {
    while (this.#counts.size > 0) {
      const batch = [...this.#counts].slice(0, BATCH).sort(([a], [b]) => a - b)
      for (const [manifestId] of batch) this.#counts.delete(manifestId)
      try {
        await write(metadata, batch, this.#onPulled)
      } catch (error) {
        for (const [manifestId, count] of batch) this.#putBack(manifestId, count)
        throw error
      }
    }
  }

  #putBack(manifestId: number, count: Count): void {
    const newer = this.#counts.get(manifestId)
    if (newer) newer.pulls += count.pulls
    else this.#counts.set(manifestId, count)
  }
}

/** All manifests first, then all repositories, each in id order: neither two flushes nor a flush and a push can deadlock. */
async function write(
  metadata: MetadataStore,
  counts: readonly (readonly [number, Count])[],
  onPulled: OnPulled,
): Promise<void> {
  const repositories = [...Map.groupBy(counts, ([, count]) => count.repositoryId)].sort(([a], [b]) => a - b)
  await metadata.transact(
    async (sql) => {
      await onPulled(
        sql,
        counts.map(([id]) => id),
      )
      for (const [manifestId, { pulls, lastPulledAt }] of counts)
        await addManifestPulls(sql, manifestId, pulls, lastPulledAt)
      for (const [repositoryId, group] of repositories) {
        const pulls = group.reduce((sum, [, count]) => sum + count.pulls, 0)
        const lastPulledAt = Math.max(...group.map(([, count]) => count.lastPulledAt))
        await addRepositoryPulls(sql, repositoryId, pulls, lastPulledAt)
      }
    },
    { durable: false },
  )
}
