import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { hideRepository } from '../metadata/tables/counters.ts'
import { addDeletion } from '../metadata/tables/deletions.ts'
import { tombstoneRepository } from '../metadata/tables/repositories.ts'
import { markUsageStale } from '../metadata/tables/usage.ts'
import type { Actor, ContentsDeps } from './deps.ts'
import { requireHeldRegistry, requireLockedRepository } from './find.ts'

const DAY_MS = 86_400_000

/**
 * Hides the repository and all it holds at once; the bytes stay until the end of quarantine.
 * @returns until when it can be restored, milliseconds UTC. @throws `not_found`
 */
export async function deleteRepository(
  { metadata, quarantineDays }: ContentsDeps,
  actor: Actor,
  registryPublicId: string,
  name: string,
): Promise<{ restorableUntil: number }> {
  return await metadata.transact(async (sql) => {
    const { id: registryId, name: registry } = await requireHeldRegistry(sql, actor, registryPublicId)
    const repository = await requireLockedRepository(sql, registryId, name)
    const purgeAfter = sql.now() + Math.round(quarantineDays * DAY_MS)
    const deleteId = await addDeletion(sql, {
      kind: 'repository',
      registryId,
      subject: name,
      deletedBy: actor.label,
      purgeAfter,
    })
    await tombstoneRepository(sql, repository.id, deleteId)
    await hideRepository(sql, repository.id)
    await markUsageStale(sql, registryId)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId,
      actor: actor.label,
      action: 'repository.delete',
      subject: `${registry}/${name}`,
      address: actor.address,
      detail: { restorableUntil: purgeAfter },
    })
    return { restorableUntil: purgeAfter }
  })
}
