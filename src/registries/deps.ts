import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'

/** Who acts, as far as these acts must know. That they may was decided before. */
export interface Actor {
  readonly contractId: number
  /** For `createdBy`. */
  readonly email: string
  readonly userId: string
  /** For audit rows: the e-mail, or `key:laptop (…)`. */
  readonly label: string
  /** null: at the machine itself. */
  readonly address: string | null
  /** Internal ids of the registries a key is limited to; null: all of the contract. */
  readonly registryIds: readonly number[] | null
}

/** Makes a registry's first data key in two steps, since wrapping may ask another service and a transaction must not. */
export interface DataKeys<Fresh = unknown> {
  prepare(): Promise<Fresh>
  /** May run again with the same key when the transaction is repeated. */
  insert(sql: Transaction, registryId: number, fresh: Fresh): Promise<void>
}

export interface RegistriesDeps {
  readonly metadata: MetadataStore
  readonly keys: DataKeys
  /** UUID v4, lower case. */
  readonly newId: () => string
  /** Ids of the locations a registry may be in, the first being the default. */
  readonly locations: readonly string[]
  /** Names nobody may take, such as the public host's label under the domain. */
  readonly reservedNames: ReadonlySet<string>
  readonly quarantineDays: number
  /** In the transaction that turns scanning on: what is there already is to be scanned. */
  readonly scanExisting: (sql: Transaction, registryId: number) => Promise<void>
  /** Whether the blob store answers; asked before a new registry counts as Running. */
  readonly storageReady: () => Promise<boolean>
  /** Runs `act` once the answer is on its way; logs what goes wrong with it. */
  readonly later: (act: () => Promise<void>) => void
}
