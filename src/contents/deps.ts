import type { MetadataStore } from '../metadata/metadata-store.ts'

/** Who acts, as far as these acts must know. That they may was decided before. */
export interface Actor {
  readonly contractId: number
  /** For audit rows: the e-mail, or `key:laptop (…)`. */
  readonly label: string
  /** null: at the machine itself. */
  readonly address: string | null
  /** Internal ids of the registries a key is limited to; null: all of the contract. */
  readonly registryIds: readonly number[] | null
}

export interface ContentsDeps {
  readonly metadata: MetadataStore
  readonly quarantineDays: number
  /** Milliseconds; any clock that only goes forward. */
  readonly stopwatch: () => number
  /** How long one page is looked for: what an offset or a filter passes over. Milliseconds. */
  readonly patienceMs: number
}
