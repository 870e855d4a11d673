import type { Affected, Score } from './advisory-index.ts'

export type TakenAffected = Omit<Affected, 'advisory'>

/** One record of one source, in our words. */
export interface TakenRecord {
  /** Together with `id` what a newer one replaces: `osv`, `alpine:v3.20/main`, `debian-tracker/openssl`. */
  readonly group: string
  readonly id: string
  /** Milliseconds UTC; 0: it does not say. */
  readonly modified: number
  readonly withdrawn: boolean
  /** Of `SourceState`. */
  readonly state: string
  readonly kind: string
  /** Of `Advisory`. */
  readonly source: string
  readonly aliases: readonly string[]
  readonly covers: readonly string[]
  readonly summary: string | null
  readonly details: string | null
  readonly publishedAt: number | null
  readonly references: readonly string[]
  readonly scores: readonly Score[]
  readonly affected: readonly TakenAffected[]
}

export interface TakenCve {
  readonly id: string
  readonly title: string | null
  readonly description: string | null
  readonly publishedAt: number | null
  readonly updatedAt: number | null
}

/** Where the readers of the published shapes put what they find. */
export interface Intake {
  /** @returns false: a newer one is known already. */
  record(record: TakenRecord): boolean
  /** Forgets the records of a group, or of all whose name starts so: a whole list replaces the former one. */
  forget(groupPrefix: string): void
  /** All scores that one file gives of (cve, source) replace those of earlier files. */
  score(cve: string, score: Score): void
  /** @returns false: a newer one is known already. */
  cve(facts: TakenCve): boolean
  /** The whole list of known exploited CVEs with their dates, as of `date`. @returns false: a newer one is known already. */
  knownExploited(date: number, since: ReadonlyMap<string, number>): boolean
  /** @returns false: one of a later day is known already. */
  epss(cve: string, probability: number, percentile: number, date: number): boolean
}

/** How a reader counts what it made of a file. */
export interface Tally {
  taken(): void
  /** Known already in a newer state. */
  older(): void
  withdrawn(): void
  /** Such as AlmaLinux's bug fixes (scanning.md, trap 3). */
  notVulnerability(): void
  /** One record that is not taken in. */
  bad(where: string, reason: string): void
}
