import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { registryNameIsTaken } from '../metadata/tables/registries.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { parseRegistryName } from './registry-input.ts'

/**
 * Whether a registry of that name could not be created now. Audited, since the answer is the one thing that tells of
 * other contracts (design.md 8). @throws `name_invalid`
 */
export async function checkName(deps: RegistriesDeps, actor: Actor, text: string): Promise<'taken' | 'free'> {
  const name = parseRegistryName(text)
  const answer = (await nameIsTaken(deps, actor.contractId, name)) ? 'taken' : 'free'
  await auditNameCheck(deps, actor, name, answer)
  return answer
}

/** Also for somebody who was told by being refused a name. */
export async function auditNameCheck(
  deps: Pick<RegistriesDeps, 'metadata'>,
  actor: Actor,
  name: string,
  answer: 'taken' | 'free',
): Promise<void> {
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
}

/** Whether `contractId` could not create a registry of that name. */
async function nameIsTaken(deps: RegistriesDeps, contractId: number, name: string): Promise<boolean> {
  if (deps.reservedNames.has(name)) return true
  return await deps.metadata.read((sql) => registryNameIsTaken(sql, contractId, name))
}
