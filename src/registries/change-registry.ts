import { DomainError } from '../domain/error.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import { lockRegistry, updateRegistry } from '../metadata/tables/registries.ts'
import type { RegistryInput } from './create-registry.ts'
import { createRegistry } from './create-registry.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { notFound, requireRegistry } from './find-registry.ts'
import type { GcSchedule, SentSchedule } from './registry-input.ts'
import { checkAllowList, mustStay, parseSchedule } from './registry-input.ts'
import type { RegistryView } from './views.ts'
import { toRegistryView } from './views.ts'

/** What is absent stays as it is. */
export interface RegistryPatch {
  /** These two must be what they are. */
  readonly name?: string | undefined
  readonly location?: string | undefined
  /** null: no collection unless asked. Without days it keeps those it has. */
  readonly gcSchedule?: SentSchedule | null | undefined
  readonly scanning?: boolean | undefined
  readonly allowList?: readonly string[] | undefined
}

/** @throws `not_found`, `input_invalid` */
export async function patchRegistry(
  deps: RegistriesDeps,
  actor: Actor,
  id: string,
  patch: RegistryPatch,
): Promise<RegistryView> {
  const changed = await change(deps, actor, { id, action: 'registry.update' }, patch)
  if (changed === null) throw notFound(id)
  return toRegistryView(changed)
}

/**
 * Replaces the registry of that id, or makes one with it: ids are unique within a contract only, so that another
 * contract's id is one that is not in use. @throws what `createRegistry` throws, and `input_invalid` for another name or location.
 */
export async function putRegistry(
  deps: RegistriesDeps,
  actor: Actor,
  id: string,
  input: RegistryInput,
): Promise<RegistryView> {
  const patch = { ...input, location: input.location ?? undefined }
  const replace = async () => await change(deps, actor, { id, action: 'registry.replace' }, patch)
  const replaced = await replace()
  if (replaced !== null) return toRegistryView(replaced)
  try {
    return await createRegistry(deps, actor, input, id)
  } catch (error) {
    // Two PUTs of one id at once: the later one replaces what the other made.
    const raced = error instanceof DomainError && error.kind === 'conflict' ? await replace() : null
    if (raced === null) throw error
    return toRegistryView(raced)
  }
}

/** Under lock, audited; null when no such registry is in sight. */
async function change(
  { metadata, scanExisting }: Pick<RegistriesDeps, 'metadata' | 'scanExisting'>,
  actor: Actor,
  { id, action }: { readonly id: string; readonly action: string },
  patch: RegistryPatch,
): Promise<RegistryRow | null> {
  return await metadata.transact(async (sql) => {
    const row = await lockRegistry(sql, actor, id)
    if (row === null || isNothing(patch, row)) return row
    const next = apply(patch, row)
    await updateRegistry(sql, row.id, next, { name: actor.email, id: actor.userId })
    if (next.allowList !== row.allow_list) await bumpAuthEpoch(sql)
    if (next.scanningEnabled && row.scanning_enabled !== 1) await scanExisting(sql, row.id)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId: row.id,
      actor: actor.label,
      action,
      subject: row.name,
      address: actor.address,
      detail: { id: row.public_id, ...differences(row, next) },
    })
    return await requireRegistry(sql, actor, id)
  })
}

type Changeable = Parameters<typeof updateRegistry>[2]

function apply(patch: RegistryPatch, row: RegistryRow): Changeable {
  return {
    gcSchedule: patch.gcSchedule === undefined ? row.gc_schedule : scheduleText(patch.gcSchedule, row),
    scanningEnabled: scanning(patch.scanning, row),
    allowList: patch.allowList === undefined ? row.allow_list : JSON.stringify(checkAllowList(patch.allowList)),
  }
}

/** Whether nothing is asked for that could be changed. @throws `input_invalid` */
function isNothing(patch: RegistryPatch, row: RegistryRow): boolean {
  mustStay('registry', row.name, 'name', patch.name)
  mustStay('registry', row.location, 'location', patch.location)
  return patch.gcSchedule === undefined && patch.scanning === undefined && patch.allowList === undefined
}

function scheduleText(sent: SentSchedule | null, row: RegistryRow): string | null {
  if (sent === null) return null
  const stored: GcSchedule | null = row.gc_schedule === null ? null : JSON.parse(row.gc_schedule)
  return JSON.stringify(parseSchedule({ ...sent, days: sent.days ?? stored?.days ?? null }))
}

/** Source: management-api.md 4.6. */
function scanning(asked: boolean | undefined, row: RegistryRow): boolean {
  const is = row.scanning_enabled === 1
  if (!is || asked !== false) return asked ?? is
  throw new DomainError(
    'input_invalid',
    `features.vulnerabilityScanning of registry "${row.name}" cannot be switched off again: leave it enabled, or create a registry with enabled false`,
  )
}

function differences(row: RegistryRow, next: Changeable): Record<string, unknown> {
  return {
    ...(next.gcSchedule === row.gc_schedule ? {} : { gcSchedule: next.gcSchedule && JSON.parse(next.gcSchedule) }),
    ...(next.scanningEnabled === (row.scanning_enabled === 1) ? {} : { scanning: next.scanningEnabled }),
    ...(next.allowList === row.allow_list ? {} : { allowList: JSON.parse(next.allowList) }),
  }
}
