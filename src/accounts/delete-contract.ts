import { deleteLinksIn } from '../metadata/tables/account-links.ts'
import { revokeApiKeysIn } from '../metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { deletedContractsWithRegistries, markContractDeleted } from '../metadata/tables/contracts.ts'
import { deleteMembershipsOf } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensIn } from '../metadata/tables/refresh-tokens.ts'
import { tombstoneRegistriesOf } from '../metadata/tables/registries.ts'
import { deleteSessionsIn } from '../metadata/tables/sessions.ts'
import { deleteSsoOf } from '../metadata/tables/sso-providers.ts'
import { keepAnOperator, lockLiveContract } from './contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import { eventOf } from './deps.ts'

const DAY_MS = 86_400_000
/** Contracts looked after in one run. */
const BATCH = 100

export interface DeletedContract {
  readonly registries: number
  /** When the bytes of its registries go; milliseconds UTC. */
  readonly purgeAfter: number
}

/**
 * Everybody is out within a second: memberships, keys, sessions, links and single sign-on end, registries are hidden. Its row stays, so
 * that its number is never given again. @throws `not_found`, `conflict` (no operator could log in any more).
 */
export async function deleteContract(deps: AccountsDeps, contractId: number, doer: Doer): Promise<DeletedContract> {
  return await deps.metadata.transact(async (sql) => {
    const contract = await lockLiveContract(sql, contractId)
    const purgeAfter = sql.now() + Math.round(deps.quarantineDays * DAY_MS)
    const registries = await tombstoneRegistriesOf(sql, contractId, { deletedBy: doer.label, purgeAfter })
    await keepAnOperator(sql, contractId, async () => {
      await markContractDeleted(sql, contractId)
      await deleteMembershipsOf(sql, contractId)
    })
    await revokeApiKeysIn(sql, contractId)
    await deleteRefreshTokensIn(sql, contractId)
    await deleteSessionsIn(sql, contractId)
    await deleteLinksIn(sql, contractId)
    await deleteSsoOf(sql, contractId)
    await bumpAuthEpoch(sql)
    await deps.audit(sql, eventOf(contractId, doer, 'contract.delete', contract.name, { registries, purgeAfter }))
    return { registries, purgeAfter }
  })
}

/** A registry that was being made while its contract was deleted is hidden by this; for a schedule. */
export async function finishDeletedContracts(deps: Pick<AccountsDeps, 'metadata' | 'quarantineDays'>): Promise<void> {
  const left = await deps.metadata.read((sql) => deletedContractsWithRegistries(sql, BATCH))
  for (const { id } of left) {
    await deps.metadata.transact(async (sql) => {
      const purgeAfter = sql.now() + Math.round(deps.quarantineDays * DAY_MS)
      await tombstoneRegistriesOf(sql, id, { deletedBy: 'entrepot', purgeAfter })
    })
  }
}
