import { DomainError } from '../domain/error.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import type { QuotaRow } from '../metadata/tables/quotas.ts'
import {
  addPending,
  dropReservation,
  isServedElsewhere,
  limitedRegistry,
  putReservation,
  quotaOfContract,
  quotaOfRegistry,
  reservationOf,
  takeQuotaTurn,
  trimReservation,
} from '../metadata/tables/quotas.ts'
import type { UsageDeps } from './deps.ts'

/** A limit, and what stands against it without the asking upload's own reservation. */
interface Limit {
  readonly scope: 'registry' | 'contract'
  readonly subject: string
  readonly bytes: number
  readonly used: number
  readonly reserved: number
}

/** How much one limited registry's uploads may have. Every method runs inside the transaction of what it is about. */
export class Room {
  readonly #deps: UsageDeps
  readonly #registryId: number

  constructor(deps: UsageDeps, registryId: number) {
    this.#deps = deps
    this.#registryId = registryId
  }

  /**
   * Raises the session's reservation to `total` bytes in all, or to what the quota leaves, if that is at least `least`.
   * @returns what it has. @throws `denied`, naming what is used, reserved, the limit and who can raise it
   */
  async reserve(
    sql: Transaction,
    uploadId: string,
    { total, least }: { readonly total: number; readonly least: number },
  ): Promise<number> {
    const registry = await limitedRegistry(sql, this.#registryId)
    if (!registry) return total
    await takeQuotaTurn(sql, registry.contract_id)
    const own = await reservationOf(sql, uploadId)
    if (own >= total) return own
    const limits = await this.#limits(sql, registry, own)
    const granted = limits.reduce((most, limit) => Math.min(most, limit.bytes - limit.used - limit.reserved), total)
    const short = limits.find((limit) => limit.bytes - limit.used - limit.reserved < least)
    if (short) throw refusal(short, least)
    await putReservation(sql, uploadId, this.#registryId, granted)
    return granted
  }

  /** The session has `bytes` and asks for no more at the moment. */
  async trim(sql: Transaction, uploadId: string, bytes: number): Promise<void> {
    await trimReservation(sql, uploadId, bytes)
  }

  /**
   * The session has become a blob of `repositoryId`, which linked it before or not. Bytes that the registry has already
   * cost nothing; others stand in usage_pending until they are added up. @throws `denied`
   */
  async commit(
    sql: Transaction,
    uploadId: string,
    blob: { readonly id: number; readonly size: number; readonly repositoryId: number; readonly linked: boolean },
  ): Promise<void> {
    const counts = !blob.linked && !(await isServedElsewhere(sql, blob.id, blob.repositoryId))
    if (counts) {
      // Covered already, unless the quota came during the upload, or the copy that there was has just been deleted.
      if ((await reservationOf(sql, uploadId)) < blob.size)
        await this.reserve(sql, uploadId, { total: blob.size, least: blob.size })
      await addPending(sql, this.#registryId, blob.id, blob.size)
    }
    await dropReservation(sql, uploadId)
  }

  /** Do the registry's live bytes hold this blob? */
  async has(sql: Reader, blobId: number): Promise<boolean> {
    return await isServedElsewhere(sql, blobId, null)
  }

  /** Before a refusal stands: what was deleted may be in no sum yet. */
  async addUpAgain(): Promise<void> {
    const { metadata, sums } = this.#deps
    const registry = await metadata.read((sql) => limitedRegistry(sql, this.#registryId))
    if (registry) await sums.bringUpToDate(registry.contract_id)
  }

  async #limits(
    sql: Transaction,
    registry: { readonly name: string; readonly contract_id: number },
    own: number,
  ): Promise<Limit[]> {
    const ofRegistry = await quotaOfRegistry(sql, this.#registryId)
    const ofContract = await quotaOfContract(sql, registry.contract_id, false)
    return [
      ...limitOf(ofRegistry, own, 'registry', `registry "${registry.name}"`),
      ...limitOf(ofContract, own, 'contract', `contract ${registry.contract_id}`),
    ]
  }
}

function limitOf(row: QuotaRow | null, own: number, scope: Limit['scope'], subject: string): Limit[] {
  if (!row || row.limit_bytes === null) return []
  return [{ scope, subject, bytes: row.limit_bytes, used: row.used, reserved: row.reserved - own }]
}

const WHO = {
  registry: 'an owner or admin of the contract',
  contract: 'the operator of this service',
} as const

function refusal({ scope, subject, bytes, used, reserved }: Limit, needed: number): DomainError {
  return new DomainError(
    'denied',
    `the quota of ${subject} is exhausted: ${used} bytes used and ${reserved} reserved by other uploads of ${bytes} allowed; ` +
      `this upload needs at least ${needed}. Nothing of it was kept. Delete what is not needed, or ask ${WHO[scope]} to raise the quota`,
    { detail: { quota: scope, limitBytes: bytes, usedBytes: used, reservedBytes: reserved, neededBytes: needed } },
  )
}
