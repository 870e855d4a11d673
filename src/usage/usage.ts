import { dayOf, forgetDaysBefore } from '../metadata/tables/usage-days.ts'
import { Sums } from './add-up.ts'
import type { Actor, UsageDeps } from './deps.ts'
import { Limits } from './limits.ts'
import type { QuotaView } from './quotas.ts'
import { readContractQuota, readRegistryQuota, writeContractQuota, writeRegistryQuota } from './quotas.ts'
import type { ContractUsage, RegistryUsage, RepositoryUsage } from './read-usage.ts'
import { readContractUsage, readRegistryUsage, readRepositoryUsage } from './read-usage.ts'
import type { Room } from './room.ts'
import type { AskedSpan } from './span.ts'
import { KEPT_DAYS } from './span.ts'

/** How much is stored and moved, and how much may be. */
export interface Usage {
  /** @throws `denied` to keys that are limited to some registries. */
  ofContract(actor: Actor): Promise<ContractUsage>
  /** @throws `not_found`, `input_invalid` */
  ofRegistry(actor: Actor, registryId: string, span: AskedSpan): Promise<RegistryUsage>
  /** @throws `not_found`, `input_invalid` */
  ofRepository(actor: Actor, registryId: string, repository: string, span: AskedSpan): Promise<RepositoryUsage>

  /** @throws `not_found` */
  registryQuota(actor: Actor, registryId: string): Promise<QuotaView>
  /** Null: no limit. @throws `not_found`, `input_invalid` */
  setRegistryQuota(actor: Actor, registryId: string, limit: number | null): Promise<QuotaView>
  /** One's own contract; an operator: any. @throws `not_found`, `denied` to keys that are limited to some registries. */
  contractQuota(actor: Actor, contractId: number, isOperator: boolean): Promise<QuotaView>
  /** Null: no limit. @throws `not_found`, `input_invalid` */
  setContractQuota(
    actor: Pick<Actor, 'label' | 'address'>,
    contractId: number,
    limit: number | null,
  ): Promise<QuotaView>

  /** For the data plane: what may be taken in this registry; null: no limit. */
  roomIn(registryId: number): Promise<Room | null>
  /** Adds up what has changed; for a schedule. @returns how many registries. */
  refresh(): Promise<number>
  /** Removes days that are no longer kept; for a schedule. */
  forgetDays(): Promise<void>
}

export function createUsage({ metadata }: Pick<UsageDeps, 'metadata'>): Usage {
  const sums = new Sums(metadata)
  const deps: UsageDeps = { metadata, sums }
  const limits = new Limits(deps)
  return {
    ofContract: (actor) => readContractUsage(deps, actor),
    ofRegistry: (actor, registryId, span) => readRegistryUsage(deps, actor, registryId, span),
    ofRepository: (actor, registryId, repository, span) =>
      readRepositoryUsage(deps, actor, registryId, repository, span),
    registryQuota: (actor, registryId) => readRegistryQuota(deps, actor, registryId),
    setRegistryQuota: (actor, registryId, limit) => writeRegistryQuota(deps, actor, registryId, limit),
    contractQuota: (actor, contractId, isOperator) => readContractQuota(deps, actor, contractId, isOperator),
    setContractQuota: (actor, contractId, limit) => writeContractQuota(deps, actor, contractId, limit),
    roomIn: (registryId) => limits.of(registryId),
    refresh: () => sums.refresh(),
    forgetDays: () => forgetDays(deps),
  }
}

const BATCH = 500

async function forgetDays({ metadata }: UsageDeps): Promise<void> {
  const forget = () => metadata.transact((sql) => forgetDaysBefore(sql, dayOf(sql.now()) - KEPT_DAYS + 1, BATCH))
  while ((await forget()) > 0);
}
