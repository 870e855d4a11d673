import { setImmediate as turn } from 'node:timers/promises'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { dropPending, pendingOf } from '../metadata/tables/quotas.ts'
import type { CountedBlob, UsageFigures } from '../metadata/tables/usage.ts'
import {
  beginUsageRound,
  countedBlobs,
  staleUsage,
  staleUsageOf,
  storeUsage,
  usageOfRegistry,
} from '../metadata/tables/usage.ts'
import { storeDayFigures } from '../metadata/tables/usage-days.ts'

const BATCH = 100
/** Blobs looked at by one statement: some milliseconds, after which others have their turn. */
const WINDOW = 200
/** Sums that a decision waits for while other processes store theirs. */
const TRIES = 5

/** The sums of one process: those who want the same one at once share it. */
export class Sums {
  readonly #metadata: MetadataStore
  readonly #running = new Map<number, Promise<boolean>>()

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata
  }

  /** Adds up anew whatever has changed and is due. @returns how many registries. */
  async refresh(): Promise<number> {
    let added = 0
    for (;;) {
      const registries = await this.#metadata.read((sql) => staleUsage(sql, BATCH))
      for (const registryId of registries) await this.#addUp(registryId)
      added += registries.length
      if (registries.length < BATCH) return added
    }
  }

  /** At once, since a quota is about to be decided. */
  async bringUpToDate(contractId: number): Promise<void> {
    for (const registryId of await this.#staleOf(contractId)) await this.#bringUpToDate(contractId, registryId)
  }

  /** A sum that was begun before is not enough: what it has passed may have changed since. */
  async #bringUpToDate(contractId: number, registryId: number): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const earlier = this.#running.get(registryId)
      if (!earlier && (await this.#addUp(registryId))) return
      await earlier
      if (!(await this.#staleOf(contractId)).includes(registryId)) return
    }
  }

  async #staleOf(contractId: number): Promise<number[]> {
    return await this.#metadata.read((sql) => staleUsageOf(sql, contractId))
  }

  #addUp(registryId: number): Promise<boolean> {
    const running = this.#running.get(registryId)
    if (running) return running
    const sum = addUp(this.#metadata, registryId).finally(() => this.#running.delete(registryId))
    this.#running.set(registryId, sum)
    return sum
  }
}

/**
 * One registry. The sum is begun in a transaction of its own: a push that commits meanwhile marks again and is counted the
 * next time. A blob's commit writes its bytes into usage_pending where a quota needs them; each window sees both or neither,
 * and what it saw is dropped with the sum's coming: no byte counts twice or not at all. False when another sum came first.
 */
export async function addUp(metadata: MetadataStore, registryId: number, window = WINDOW): Promise<boolean> {
  const began = performance.now()
  const round = await metadata.transact((sql) => beginUsageRound(sql, registryId), { durable: false })
  if (round === null) return true
  const seen = new Set(await metadata.read((sql) => pendingOf(sql, registryId)))
  const sum = await addWindows(metadata, registryId, window, seen)
  const costMs = Math.round(performance.now() - began)
  return await metadata.transact(
    async (sql) => {
      const before = await usageOfRegistry(sql, registryId)
      if (!(await storeUsage(sql, registryId, round, sum, costMs))) return false
      await dropPending(sql, seen)
      if (before.updated_at === null || differ(before, sum)) await storeDayFigures(sql, registryId, sum)
      return true
    },
    { durable: false },
  )
}

async function addWindows(
  metadata: MetadataStore,
  registryId: number,
  window: number,
  seen: Set<number>,
): Promise<UsageFigures> {
  const sums: Record<CountedBlob['state'], number> = { live: 0, reclaimable: 0, quarantined: 0, unheld: 0 }
  for (let after = ''; ; await turn()) {
    const blobs = await metadata.read((sql) => countedBlobs(sql, registryId, after, window))
    for (const blob of blobs) {
      sums[blob.state] += blob.size
      if (blob.pending === 1) seen.add(blob.id)
    }
    const last = blobs.at(-1)
    if (!last || blobs.length < window) break
    after = last.digest
  }
  return { live: sums.live + sums.reclaimable, quarantined: sums.quarantined, reclaimable: sums.reclaimable }
}

function differ(a: UsageFigures, b: UsageFigures): boolean {
  return a.live !== b.live || a.quarantined !== b.quarantined || a.reclaimable !== b.reclaimable
}
