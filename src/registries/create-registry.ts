import { DomainError } from '../domain/error.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import { insertRegistry, registryNameIsTaken } from '../metadata/tables/registries.ts'
import { auditNameCheck } from './check-name.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { requireRegistry } from './find-registry.ts'
import type { SentSchedule } from './registry-input.ts'
import { checkAllowList, parseLocation, parseRegistryName, parseSchedule } from './registry-input.ts'
import { settle } from './settle.ts'
import type { RegistryView } from './views.ts'
import { toRegistryView } from './views.ts'

export interface RegistryInput {
  readonly name: string
  /** null: the default location. */
  readonly location: string | null
  readonly gcSchedule: SentSchedule | null
  readonly scanning: boolean
  readonly allowList: readonly string[]
}

/**
 * Makes a registry and, in the same transaction, its data key. It is `New`; soon afterwards it is `Running`.
 * The id may be chosen by the client.
 * @throws `name_invalid`, `input_invalid`, `conflict` (the name is taken), `denied` (a key limited to chosen registries).
 */
export async function createRegistry(
  deps: RegistriesDeps,
  actor: Actor,
  input: RegistryInput,
  publicId: string = deps.newId(),
): Promise<RegistryView> {
  if (actor.registryIds !== null) {
    throw new DomainError(
      'denied',
      'this API key is limited to chosen registries and cannot create one: use another key',
    )
  }
  const row = parse(deps, input)
  refuseReserved(deps, row.name)
  const fresh = await deps.keys.prepare()
  const made = await insert(deps, actor, row, { publicId, fresh }).catch(async (error: unknown) => {
    if (error instanceof DomainError && error.kind === 'conflict') await auditNameCheck(deps, actor, row.name, 'taken')
    throw error
  })
  deps.later(() => settle(deps))
  return toRegistryView(made)
}

async function insert(
  deps: RegistriesDeps,
  actor: Actor,
  row: ReturnType<typeof parse>,
  { publicId, fresh }: { readonly publicId: string; readonly fresh: unknown },
): Promise<RegistryRow> {
  return await deps.metadata.transact(async (sql) => {
    if (await registryNameIsTaken(sql, actor.contractId, row.name)) throw taken(row.name)
    const { contractId, email: createdBy, userId: createdById } = actor
    const id = await insertRegistry(sql, { ...row, contractId, publicId, createdBy, createdById })
    if (id === null) throw taken(row.name)
    await deps.keys.insert(sql, id, fresh)
    await insertAuditEvent(sql, {
      contractId,
      registryId: id,
      actor: actor.label,
      action: 'registry.create',
      subject: row.name,
      address: actor.address,
      detail: { id: publicId, location: row.location },
    })
    return await requireRegistry(sql, actor, publicId)
  })
}

function parse(deps: RegistriesDeps, input: RegistryInput) {
  return {
    name: parseRegistryName(input.name),
    location: parseLocation(input.location ?? deps.locations[0] ?? '', deps.locations),
    gcSchedule: input.gcSchedule === null ? null : JSON.stringify(parseSchedule(input.gcSchedule)),
    scanningEnabled: input.scanning,
    allowList: JSON.stringify(checkAllowList(input.allowList)),
  }
}

function refuseReserved(deps: RegistriesDeps, name: string): void {
  if (deps.reservedNames.has(name)) throw taken(name)
}

function taken(name: string): DomainError {
  return new DomainError(
    'conflict',
    `registry name "${name}" is already taken: names are unique across all customers, choose another`,
  )
}
