import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { findContract, lockContract } from '../metadata/tables/contracts.ts'
import type { QuotaRow } from '../metadata/tables/quotas.ts'
import {
  quotaOfContract,
  quotaOfRegistry,
  setContractQuota,
  setRegistryQuota,
  takeQuotaTurn,
} from '../metadata/tables/quotas.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import { findRegistry, lockRegistry } from '../metadata/tables/registries.ts'
import type { Actor, UsageDeps } from './deps.ts'

/** A limit and what stands against it, in bytes. */
export interface QuotaView {
  /** Null: no limit. */
  readonly limit: number | null
  readonly used: number
  /** By uploads that are open. */
  readonly reserved: number
  /** Null without a limit; 0 also when more is used than allowed. */
  readonly free: number | null
}

/** @throws `not_found` */
export async function readRegistryQuota({ metadata }: UsageDeps, actor: Actor, id: string): Promise<QuotaView> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, id)
    return toView(await quotaOfRegistry(sql, registry.id))
  })
}

/** What is stored already stays, also beyond the limit. @throws `not_found`, `input_invalid` */
export async function writeRegistryQuota(
  { metadata, sums }: UsageDeps,
  actor: Actor,
  id: string,
  limit: number | null,
): Promise<QuotaView> {
  refuseImpossible(limit)
  const registry = await metadata.transact(async (sql) => {
    const row = await lockRegistry(sql, actor, id)
    if (!row) throw registryUnknown(id)
    await takeQuotaTurn(sql, row.contract_id)
    const before = await quotaOfRegistry(sql, row.id)
    await setRegistryQuota(sql, row.id, limit)
    await bumpAuthEpoch(sql) // every process learns within a second that there is a limit (limits.ts)
    await insertAuditEvent(sql, {
      contractId: row.contract_id,
      registryId: row.id,
      actor: actor.label,
      action: 'registry.quota',
      subject: row.name,
      address: actor.address,
      detail: { limitBytes: limit, before: before?.limit_bytes ?? null },
    })
    return row
  })
  await sums.bringUpToDate(registry.contract_id)
  return toView(await metadata.read((sql) => quotaOfRegistry(sql, registry.id)))
}

/** One's own, or, for an operator, any. @throws `not_found`, alike for foreign and absent ones, `denied` */
export async function readContractQuota(
  deps: UsageDeps,
  actor: Actor,
  contractId: number,
  isOperator: boolean,
): Promise<QuotaView> {
  if (!isOperator && actor.contractId !== contractId) throw contractUnknown(contractId)
  if (!isOperator) refuseLimitedKey(actor)
  return await contractQuota(deps, contractId)
}

/** What only some registries of a contract are opened to does not learn of the others. @throws `denied` */
export function refuseLimitedKey({ registryIds }: Actor): void {
  if (registryIds === null) return
  throw new DomainError('denied', 'this API key is limited to some registries: ask about one of them')
}

async function contractQuota({ metadata }: UsageDeps, contractId: number): Promise<QuotaView> {
  return await metadata.read(async (sql) => {
    const contract = await findContract(sql, contractId)
    if (!contract || contract.state === 'deleted') throw contractUnknown(contractId)
    return toView(await quotaOfContract(sql, contractId, true))
  })
}

/** The operator's. @throws `not_found`, `input_invalid` */
export async function writeContractQuota(
  deps: UsageDeps,
  actor: Pick<Actor, 'label' | 'address'>,
  contractId: number,
  limit: number | null,
): Promise<QuotaView> {
  refuseImpossible(limit)
  await deps.metadata.transact(async (sql) => {
    const contract = await lockContract(sql, contractId)
    if (!contract || contract.state === 'deleted') throw contractUnknown(contractId)
    await takeQuotaTurn(sql, contractId)
    const before = await quotaOfContract(sql, contractId, false)
    await setContractQuota(sql, contractId, limit)
    await bumpAuthEpoch(sql)
    await insertAuditEvent(sql, {
      contractId,
      registryId: null,
      actor: actor.label,
      action: 'contract.quota',
      subject: `contract ${contractId}`,
      address: actor.address,
      detail: { limitBytes: limit, before: before?.limit_bytes ?? null },
    })
  })
  await deps.sums.bringUpToDate(contractId)
  return await contractQuota(deps, contractId)
}

export async function requireRegistry(sql: Reader, actor: Actor, id: string): Promise<RegistryRow> {
  const row = await findRegistry(sql, actor, id)
  if (!row) throw registryUnknown(id)
  return row
}

export function toView(row: QuotaRow | null): QuotaView {
  const { limit_bytes: limit, used, reserved } = row ?? { limit_bytes: null, used: 0, reserved: 0 }
  return { limit, used, reserved, free: limit === null ? null : Math.max(0, limit - used - reserved) }
}

function refuseImpossible(limit: number | null): void {
  if (limit === null || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw new DomainError(
    'input_invalid',
    `limitBytes must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, or null for no limit; it is ${limit}`,
  )
}

function registryUnknown(id: string): DomainError {
  return new DomainError('not_found', `registry ${id.slice(0, 60)} does not exist`)
}

function contractUnknown(id: number): DomainError {
  return new DomainError('not_found', `contract ${id} does not exist`)
}
