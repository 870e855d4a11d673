import { DomainError } from '../domain/error.ts'
import { quotaOfContract, quotaOfRegistry } from '../metadata/tables/quotas.ts'
import { findRepository } from '../metadata/tables/repositories.ts'
import type { UsageFigures, UsageRow } from '../metadata/tables/usage.ts'
import { usageOfContract, usageOfRegistry } from '../metadata/tables/usage.ts'
import type { DayCounts, UsageDayRow } from '../metadata/tables/usage-days.ts'
import { figuresBefore, repositoryDays, usageDays } from '../metadata/tables/usage-days.ts'
import type { Actor, UsageDeps } from './deps.ts'
import type { QuotaView } from './quotas.ts'
import { refuseLimitedKey, requireRegistry, toView } from './quotas.ts'
import type { AskedSpan, Span } from './span.ts'
import { readSpan, textOf } from './span.ts'

/** As of the last sum. */
export interface FiguresView extends UsageFigures {
  /** Null: nothing was added up yet. */
  readonly updatedAt: number | null
}

export interface ContractUsage extends FiguresView {
  readonly registries: number
  readonly quota: QuotaView
}

export interface UsageDay {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string
  readonly pulls: number
  readonly pushes: number
  /** The day's last figures; null before the first. */
  readonly bytes: UsageFigures | null
}

export interface RegistryUsage extends FiguresView {
  readonly quota: QuotaView
  /** Every day of the span, oldest first. */
  readonly days: readonly UsageDay[]
}

export interface RepositoryUsage {
  readonly days: readonly Omit<UsageDay, 'bytes'>[]
}

/** For whoever sees all of the contract. @throws `denied` */
export async function readContractUsage({ metadata }: UsageDeps, actor: Actor): Promise<ContractUsage> {
  refuseLimitedKey(actor)
  return await metadata.read(async (sql) => {
    const row = await usageOfContract(sql, actor.contractId)
    const quota = toView(await quotaOfContract(sql, actor.contractId, true))
    return { ...figuresOf(row), registries: row.registries, quota }
  })
}

/** @throws `not_found`, `input_invalid` */
export async function readRegistryUsage(
  { metadata }: UsageDeps,
  actor: Actor,
  id: string,
  asked: AskedSpan,
): Promise<RegistryUsage> {
  return await metadata.read(async (sql) => {
    const span = readSpan(asked, sql.now())
    const registry = await requireRegistry(sql, actor, id)
    const figures = figuresOf(await usageOfRegistry(sql, registry.id))
    const quota = toView(await quotaOfRegistry(sql, registry.id))
    const before = await figuresBefore(sql, registry.id, span.from)
    const rows = await usageDays(sql, registry.id, span.from, span.to)
    return { ...figures, quota, days: carryForward(span, rows, before) }
  })
}

/** @throws `not_found`, `input_invalid` */
export async function readRepositoryUsage(
  { metadata }: UsageDeps,
  actor: Actor,
  id: string,
  name: string,
  asked: AskedSpan,
): Promise<RepositoryUsage> {
  return await metadata.read(async (sql) => {
    const span = readSpan(asked, sql.now())
    const registry = await requireRegistry(sql, actor, id)
    const repository = await findRepository(sql, registry.id, name)
    if (!repository) throw new DomainError('not_found', `repository "${name.slice(0, 260)}" does not exist`)
    return { days: fill(span, await repositoryDays(sql, repository.id, span.from, span.to)) }
  })
}

function figuresOf({ live, quarantined, reclaimable, updated_at }: UsageRow): FiguresView {
  return { live, quarantined, reclaimable, updatedAt: updated_at }
}

function fill({ from, to }: Span, rows: readonly DayCounts[]): Omit<UsageDay, 'bytes'>[] {
  const known = new Map(rows.map((row) => [row.day, row]))
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const { pulls, pushes } = known.get(from + index) ?? { pulls: 0, pushes: 0 }
    return { day: textOf(from + index), pulls, pushes }
  })
}

/** A day on which no figure changed has none of its own. */
function carryForward(span: Span, rows: readonly UsageDayRow[], before: UsageDayRow | null): UsageDay[] {
  const known = new Map(rows.map((row) => [textOf(row.day), bytesOf(row)]))
  let bytes = before && bytesOf(before)
  return fill(span, rows).map((day) => {
    bytes = known.get(day.day) ?? bytes
    return { ...day, bytes }
  })
}

function bytesOf({ live_bytes, quarantined_bytes, reclaimable_bytes }: UsageDayRow): UsageFigures | null {
  if (live_bytes === null) return null
  return { live: live_bytes, quarantined: quarantined_bytes ?? 0, reclaimable: reclaimable_bytes ?? 0 }
}
