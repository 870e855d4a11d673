import { DomainError } from '../domain/error.ts'
import { IntegrityError } from '../encryption/integrity-error.ts'
import type { DataKey, Keyring } from '../encryption/keyring.ts'
import { dataKeyFromRoot } from '../encryption/subkeys.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import type { DataKeyRow } from '../metadata/tables/data-keys.ts'
import { findCurrentDataKey, findDataKey } from '../metadata/tables/data-keys.ts'

export interface DataKeyCacheDeps {
  readonly metadata: MetadataStore
  readonly unwrap: (wrapped: Uint8Array) => Promise<Uint8Array>
  readonly now: () => number
}

/** About 500 bytes each. */
const MAX_KEYS = 10_000
/** How long a key that another process destroyed or replaced stays in use here. */
const KEEP_MS = 60_000

interface Entry {
  readonly key: DataKey
  readonly until: number
}

/** Unwrapped data keys by id and by registry. Concurrent questions for one key are one look-up; failures are not kept. */
export class DataKeyCache implements Keyring {
  readonly #deps: DataKeyCacheDeps
  /** `r7`: the current key of registry 7; `k7`: the key with id 7. The oldest come first. */
  readonly #entries = new Map<string, Entry>()
  readonly #loading = new Map<string, Promise<DataKey>>()

  constructor(deps: DataKeyCacheDeps) {
    this.#deps = deps
  }

  async current(registryId: number): Promise<DataKey> {
    return await this.#find(`r${registryId}`, `the key of registry ${registryId}`, (sql) =>
      findCurrentDataKey(sql, registryId),
    )
  }

  async byId(keyId: number): Promise<DataKey> {
    return await this.#find(`k${keyId}`, `data key ${keyId}`, (sql) => findDataKey(sql, keyId))
  }

  /** Drops what is known of a registry; look-ups under way are not kept either. */
  forget(registryId: number): void {
    for (const [name, { key }] of this.#entries) if (key.registryId === registryId) this.#entries.delete(name)
    this.#loading.clear()
  }

  async #find(name: string, subject: string, find: (sql: Reader) => Promise<DataKeyRow | null>): Promise<DataKey> {
    const known = this.#entries.get(name)
    if (known !== undefined && known.until > this.#deps.now()) return known.key
    const loading = this.#loading.get(name)
    if (loading !== undefined) return await loading
    const load = this.#load(subject, find)
    this.#loading.set(name, load)
    try {
      const key = await load
      if (this.#loading.get(name) === load) this.#keep(name, key)
      return key
    } finally {
      if (this.#loading.get(name) === load) this.#loading.delete(name)
    }
  }

  async #load(subject: string, find: (sql: Reader) => Promise<DataKeyRow | null>): Promise<DataKey> {
    const row = await this.#deps.metadata.read(find)
    if (row === null) throw unusable(`${subject} does not exist`)
    if (row.wrapped === null) throw unusable(`data key ${row.id} is destroyed`)
    try {
      const root = await this.#deps.unwrap(row.wrapped)
      return { id: row.id, registryId: row.registry_id, ...dataKeyFromRoot(root) }
    } catch (error) {
      if (error instanceof IntegrityError) throw unusable(`data key ${row.id} cannot be unwrapped`, error)
      throw error
    }
  }

  #keep(name: string, key: DataKey): void {
    this.#entries.delete(name)
    this.#entries.set(name, { key, until: this.#deps.now() + KEEP_MS })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_KEYS && oldest !== undefined) this.#entries.delete(oldest)
  }
}

function unusable(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', message, { cause, headers: { 'retry-after': '30' } })
}
