import { isRegistryName } from '../domain/registry-name.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { registryOfPerson } from '../metadata/tables/registry-access.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { Claimant, Standing } from './identity.ts'
import type { RegistryRights } from './rights.ts'
import { rightsIn } from './rights.ts'
import { readStanding } from './standing.ts'

/** Claimants whose standing is remembered, per process (twice that at most). */
const REMEMBERED_HOLDERS = 20_000
/** Registries remembered per claimant. */
const REMEMBERED_REGISTRIES = 256

/** Somebody who showed good credentials once, and what they are worth as of the last epoch they were asked in. */
export interface Holder {
  readonly claimant: Claimant
  /** Undefined: not read yet. Null with `epoch`: worth nothing then. */
  standing: Standing | null
  epoch: number
  reading: Promise<void> | null
  /** Last use that is not written yet. */
  usedAt: number
  usedFrom: string
  isUnwritten: boolean
}

/**
 * Who may what, remembered as long as the auth epoch stands. State: a holder's standing is valid for its epoch only;
 * the epoch is read before the rows, so a change in between moves it again and the rows are read once more.
 */
export class Holders {
  readonly #metadata: MetadataStore
  readonly #now: () => number
  readonly #known = new BoundedCache<Holder>(REMEMBERED_HOLDERS)

  constructor(metadata: MetadataStore, now: () => number) {
    this.#metadata = metadata
    this.#now = now
  }

  of(claimant: Claimant): Holder {
    const key = holderKey(claimant)
    let holder = this.#known.get(key)
    if (!holder) {
      holder = { claimant, standing: null, epoch: -1, reading: null, usedAt: 0, usedFrom: '', isUnwritten: false }
      this.#known.set(key, holder)
    }
    return holder
  }

  /**
   * The standing as of when `epoch` was seen, or later. A reading that was under way then may have seen less and is only
   * waited for; the next one serves all who did. Epochs are compared for equality: a database that failed over to an
   * older copy counts backwards. @throws `unavailable`
   */
  async standing(holder: Holder, epoch: number): Promise<Standing | null> {
    if (holder.epoch !== epoch) await holder.reading
    if (holder.epoch !== epoch) {
      holder.reading ??= this.#read(holder).finally(() => {
        holder.reading = null
      })
      await holder.reading
    }
    return holder.standing
  }

  /** The same, read once more although the epoch did not move. */
  async standingAnew(holder: Holder): Promise<Standing | null> {
    await this.#read(holder)
    return holder.standing
  }

  /** Null for foreign and absent registries alike. What is found is remembered for this holder alone. */
  async registry(holder: Holder, standing: Standing, name: string): Promise<RegistryRights | null> {
    const known = standing.registries.get(name)
    if (known || standing.kind === 'registry_token' || !isRegistryName(name)) return known ?? null
    const identityId = identityOf(standing)
    const row = await this.#metadata.read((sql) => registryOfPerson(sql, identityId, name))
    const principal = row && standing.principals.find(({ contractId }) => contractId === row.contract_id)
    const rights = row && principal ? rightsIn(principal, row) : null
    if (rights && holder.standing === standing && standing.registries.size < REMEMBERED_REGISTRIES) {
      standing.registries.set(name, rights)
    }
    return rights
  }

  async #read(holder: Holder): Promise<void> {
    const epoch = await this.#metadata.authEpoch()
    const standing = await this.#metadata.read((sql) => readStanding(sql, holder.claimant, epoch, this.#now))
    holder.standing = standing
    holder.epoch = epoch
  }
}

export function identityOf({ principals: [principal] }: Standing): number {
  if (principal.kind === 'registry_token') throw new TypeError('a registry token is no person')
  return principal.identityId
}

function holderKey(claimant: Claimant): string {
  switch (claimant.kind) {
    case 'registry_token':
      return `secret:${claimant.secretId}`
    case 'user':
      return `user:${claimant.identityId}:${claimant.passwordVersion}`
    case 'api_key':
      return `key:${claimant.apiKeyId}`
    case 'session':
      return `session:${claimant.sessionId}`
  }
}
