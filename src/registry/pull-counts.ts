import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { PullCount } from '../metadata/tables/manifests.ts'
import { addPulls } from '../metadata/tables/manifests.ts'

const BATCH = 500

/** Pulls write nothing: they are counted here and flushed every few seconds; a killed process loses those seconds (design.md 4). */
export class PullCounts {
  #counts = new Map<number, { repositoryId: number; pulls: number; lastPulledAt: number }>()

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
      const batch = [...this.#counts].slice(0, BATCH)
      for (const [manifestId] of batch) this.#counts.delete(manifestId)
      try {
        // In id order, so that two flushing processes cannot deadlock.
        const rows: PullCount[] = batch.map(([manifestId, count]) => ({ manifestId, ...count }))
        rows.sort((a, b) => a.repositoryId - b.repositoryId || a.manifestId - b.manifestId)
        await metadata.transact(
          async (sql) => {
            for (const row of rows) await addPulls(sql, row)
          },
          { durable: false },
        )
      } catch (error) {
        for (const [manifestId, count] of batch) this.#putBack(manifestId, count)
        throw error
      }
    }
  }

  #putBack(manifestId: number, count: { repositoryId: number; pulls: number; lastPulledAt: number }): void {
    const newer = this.#counts.get(manifestId)
    if (newer) newer.pulls += count.pulls
    else this.#counts.set(manifestId, count)
  }
}
