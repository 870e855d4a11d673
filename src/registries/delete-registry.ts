import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { addDeletion } from '../metadata/tables/deletions.ts'
import { tombstoneRegistry } from '../metadata/tables/registries.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { requireLockedRegistry } from './find-registry.ts'

const DAY_MS = 86_400_000

/**
 * Hides the registry and all it holds at once; bytes and key stay until the end of quarantine. Its tokens stop.
 * @returns until when it can be restored, milliseconds UTC. @throws `not_found`
 */
export async function deleteRegistry(
  deps: RegistriesDeps,
  actor: Actor,
  id: string,
): Promise<{ restorableUntil: number }> {
  return await deps.metadata.transact(async (sql) => {
    const { id: registryId, name } = await requireLockedRegistry(sql, actor, id)
    const purgeAfter = sql.now() + Math.round(deps.quarantineDays * DAY_MS)
    const deleteId = await addDeletion(sql, {
      kind: 'registry',
      registryId,
      subject: name,
      deletedBy: actor.label,
      purgeAfter,
    })
    await tombstoneRegistry(sql, registryId, deleteId)
    await bumpAuthEpoch(sql)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId,
      actor: actor.label,
      action: 'registry.delete',
      subject: name,
      address: actor.address,
      detail: { id, restorableUntil: purgeAfter },
    })
    return { restorableUntil: purgeAfter }
  })
}
