import { registryIsLimited, someQuotaExists } from '../metadata/tables/quotas.ts'
import type { UsageDeps } from './deps.ts'
import { Room } from './room.ts'

/**
 * Which registries are limited, as of the auth epoch: setting a quota raises it, so every process knows within a second,
 * and while nobody has set one, asking costs no statement. Uploads that began in that second are caught at their commit.
 */
export class Limits {
  readonly #deps: UsageDeps
  #epoch = Number.NaN
  #some = false
  #limited = new Map<number, boolean>()

  constructor(deps: UsageDeps) {
    this.#deps = deps
  }

  /** Null: take what you like. */
  async of(registryId: number): Promise<Room | null> {
    const known = this.#deps.metadata.authEpoch()
    const epoch = typeof known === 'number' ? known : await known
    if (epoch !== this.#epoch) await this.#learn(epoch)
    if (!this.#some) return null
    const limited = this.#limited.get(registryId) ?? (await this.#ask(registryId))
    return limited ? new Room(this.#deps, registryId) : null
  }

  async #learn(epoch: number): Promise<void> {
    const some = await this.#deps.metadata.read(someQuotaExists)
    this.#epoch = epoch
    this.#some = some
    this.#limited = new Map()
  }

  async #ask(registryId: number): Promise<boolean> {
    const known = this.#limited
    const limited = await this.#deps.metadata.read((sql) => registryIsLimited(sql, registryId))
    known.set(registryId, limited) // of the epoch that was asked in: a newer one has a map of its own
    return limited
  }
}
