import type { Reader, Transaction } from '../metadata-store.ts'
import type { UsageFigures } from './usage.ts'

export const DAY_MS = 86_400_000

/** Days since 1970-01-01, UTC. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS)
}

/** What was pulled and pushed on one day. */
export interface DayCounts {
  readonly day: number
  readonly pulls: number
  readonly pushes: number
}

/** Of a repository that is gone nothing is kept. */
export async function addRepositoryDay(sql: Transaction, id: number, { day, pulls, pushes }: DayCounts): Promise<void> {
  await sql.run`
    INSERT INTO repository_days (repository_id, day, pulls, pushes)
    SELECT r.id, ${day}, ${pulls}, ${pushes} FROM repositories r WHERE r.id = ${id}
    ON CONFLICT (repository_id, day)
    DO UPDATE SET pulls = repository_days.pulls + excluded.pulls, pushes = repository_days.pushes + excluded.pushes`
}

export async function addRegistryDay(sql: Transaction, id: number, { day, pulls, pushes }: DayCounts): Promise<void> {
  await sql.run`
    INSERT INTO usage_days (registry_id, day, pulls, pushes)
    SELECT r.id, ${day}, ${pulls}, ${pushes} FROM registries r WHERE r.id = ${id}
    ON CONFLICT (registry_id, day)
    DO UPDATE SET pulls = usage_days.pulls + excluded.pulls, pushes = usage_days.pushes + excluded.pushes`
}

/** Today's last figures, until the next ones. */
export async function storeDayFigures(
  sql: Transaction,
  registryId: number,
  { live, quarantined, reclaimable }: UsageFigures,
): Promise<void> {
  await sql.run`
    INSERT INTO usage_days (registry_id, day, live_bytes, quarantined_bytes, reclaimable_bytes)
    VALUES (${registryId}, ${dayOf(sql.now())}, ${live}, ${quarantined}, ${reclaimable})
    ON CONFLICT (registry_id, day) DO UPDATE SET live_bytes = excluded.live_bytes,
      quarantined_bytes = excluded.quarantined_bytes, reclaimable_bytes = excluded.reclaimable_bytes`
}

export interface UsageDayRow extends DayCounts {
  /** Null: as on the day before. */
  readonly live_bytes: number | null
  readonly quarantined_bytes: number | null
  readonly reclaimable_bytes: number | null
}

/** Both ends included; days without a row are left out. */
export async function usageDays(sql: Reader, registryId: number, from: number, to: number): Promise<UsageDayRow[]> {
  return await sql.all<UsageDayRow>`
    SELECT day, pulls, pushes, live_bytes, quarantined_bytes, reclaimable_bytes FROM usage_days
     WHERE registry_id = ${registryId} AND day >= ${from} AND day <= ${to} ORDER BY day`
}

/** The last day before `day` that has figures. */
export async function figuresBefore(sql: Reader, registryId: number, day: number): Promise<UsageDayRow | null> {
  return await sql.get<UsageDayRow>`
    SELECT day, pulls, pushes, live_bytes, quarantined_bytes, reclaimable_bytes FROM usage_days
     WHERE registry_id = ${registryId} AND day < ${day} AND live_bytes IS NOT NULL ORDER BY day DESC LIMIT 1`
}

export async function repositoryDays(
  sql: Reader,
  repositoryId: number,
  from: number,
  to: number,
): Promise<DayCounts[]> {
  return await sql.all<DayCounts>`
    SELECT day, pulls, pushes FROM repository_days
     WHERE repository_id = ${repositoryId} AND day >= ${from} AND day <= ${to} ORDER BY day`
}

/** At most `limit` rows of each kind, oldest first. A registry's newest figures stay, however old: they still hold. */
export async function forgetDaysBefore(sql: Transaction, day: number, limit: number): Promise<number> {
  const repositories = await sql.run`
    DELETE FROM repository_days WHERE (repository_id, day) IN (
      SELECT repository_id, day FROM repository_days WHERE day < ${day} ORDER BY day LIMIT ${limit})`
  const registries = await sql.run`
    DELETE FROM usage_days WHERE (registry_id, day) IN (
      SELECT d.registry_id, d.day FROM usage_days d WHERE d.day < ${day} AND (d.live_bytes IS NULL OR EXISTS (
        SELECT 1 FROM usage_days n WHERE n.registry_id = d.registry_id AND n.day > d.day AND n.day <= ${day} AND n.live_bytes IS NOT NULL))
       ORDER BY d.day LIMIT ${limit})`
  return repositories + registries
}
