import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { Sums } from './add-up.ts'

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

export interface UsageDeps {
  readonly metadata: MetadataStore
  readonly sums: Sums
}
