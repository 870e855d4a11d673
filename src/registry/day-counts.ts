import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { DayCounts as Counts } from '../metadata/tables/usage-days.ts'
import { addRegistryDay, addRepositoryDay, dayOf } from '../metadata/tables/usage-days.ts'

const BATCH = 500

interface Count {
  readonly repositoryId: number
  readonly registryId: number
  readonly day: number
  pulls: number
  pushes: number
}

/**
 * What is pulled and pushed on which day. Counted in memory and flushed like pulls, pushes too: a row that all pushes of a
 * registry write would make them wait for each other. A killed process loses some seconds of history, never of the totals.
 */
export class DayCounts {
  #counts = new Map<number, Count>()
  /** Of an earlier day than the newest of the same repository. */
  #earlier: Count[] = []

  add(what: 'pulls' | 'pushes', registryId: number, repositoryId: number, at: number): void {
    const day = dayOf(at)
    let count = this.#counts.get(repositoryId)
    if (count?.day !== day) {
      if (count) this.#earlier.push(count)
      count = { repositoryId, registryId, day, pulls: 0, pushes: 0 }
      this.#counts.set(repositoryId, count)
    }
    count[what] += 1
  }

  /** Writes what has gathered; what could not be written stays for the next time. */
  async flush(metadata: MetadataStore): Promise<void> {
    const gathered = [...this.#earlier, ...this.#counts.values()]
    this.#earlier = []
    this.#counts = new Map()
    while (gathered.length > 0) {
      const batch = gathered.slice(0, BATCH)
      try {
        await write(metadata, batch)
      } catch (error) {
        this.#earlier.push(...gathered)
        throw error
      }
      gathered.splice(0, BATCH)
    }
  }
}

/** All repositories first, then all registries, each in order: two flushes cannot deadlock. */
async function write(metadata: MetadataStore, counts: readonly Count[]): Promise<void> {
  const repositories = counts.toSorted((a, b) => a.repositoryId - b.repositoryId || a.day - b.day)
  const groups = Map.groupBy(counts, ({ registryId, day }) => `${registryId}/${day}`)
  const registries = [...groups.values()].map(sum).toSorted((a, b) => a.registryId - b.registryId || a.day - b.day)
  await metadata.transact(
    async (sql) => {
      for (const count of repositories) await addRepositoryDay(sql, count.repositoryId, count)
      for (const count of registries) await addRegistryDay(sql, count.registryId, count)
    },
    { durable: false },
  )
}

function sum(counts: readonly Count[]): Counts & { readonly registryId: number } {
  const [first] = counts
  if (!first) throw new TypeError('a group has a member')
  const total = (what: 'pulls' | 'pushes') => counts.reduce((all, count) => all + count[what], 0)
  return { registryId: first.registryId, day: first.day, pulls: total('pulls'), pushes: total('pushes') }
}
