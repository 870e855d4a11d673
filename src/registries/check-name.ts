import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { nameIsTaken } from './create-registry.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { parseRegistryName } from './registry-input.ts'

/**
 * Whether a registry of that name could not be created now. Audited, since the answer is the one thing that tells of
 * other contracts (design.md 8). @throws `name_invalid`
 */
export async function checkName(deps: RegistriesDeps, actor: Actor, text: string): Promise<'taken' | 'free'> {
  const name = parseRegistryName(text)
  const answer = (await nameIsTaken(deps, actor.contractId, name)) ? 'taken' : 'free'
  await deps.metadata.transact(
    async (sql) =>
      await insertAuditEvent(sql, {
        contractId: actor.contractId,
        registryId: null,
        actor: actor.label,
        action: 'name.check',
        subject: name,
        address: actor.address,
        detail: { answer },
      }),
    { durable: false },
  )
  return answer
}
