import type { MetadataStore } from '../metadata/metadata-store.ts'
import { registryIsLimited, someQuotaExists } from '../metadata/tables/quotas.ts'
import { Room } from './room.ts'

/**
 * Which registries are limited, as of the auth epoch: setting a quota raises it, so every process knows within a second,
 * and while nobody has set one, asking costs no statement. Uploads that began in that second are caught at their commit.
 */
export class Limits {
  readonly #metadata: MetadataStore
  #epoch = Number.NaN
  #some = false
  #limited = new Map<number, boolean>()

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata
  }

  /** Null: take what you like. */
  async of(registryId: number): Promise<Room | null> {
    const epoch = this.#metadata.authEpoch()
    if (epoch !== this.#epoch) await this.#learn(epoch)
    if (!this.#some) return null
    const limited = this.#limited.get(registryId) ?? (await this.#ask(registryId))
    return limited ? new Room(this.#metadata, registryId) : null
  }

  async #learn(epoch: number): Promise<void> {
    const some = await this.#metadata.read(someQuotaExists)
    this.#epoch = epoch
    this.#some = some
    this.#limited = new Map()
  }

  async #ask(registryId: number): Promise<boolean> {
    const known = this.#limited
    const limited = await this.#metadata.read((sql) => registryIsLimited(sql, registryId))
    known.set(registryId, limited) // of the epoch that was asked in: a newer one has a map of its own
    return limited
  }
}
