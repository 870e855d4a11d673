import { historyOf } from '../metadata/tables/scans.ts'
import type { Actor, ScansDeps } from './deps.ts'
import type { Changes } from './differences.ts'
import type { ArtifactPlace } from './report.ts'
import { requireSubject } from './report.ts'

export interface HistoryPage {
  /** Null: from the newest on. */
  readonly before: number | null
  readonly limit: number
}

export interface HistoryEntry extends Changes {
  readonly id: number
  readonly at: number
  /** Id of the advisories that brought it. */
  readonly snapshot: string | null
}

export async function historyOfArtifact(
  { metadata }: ScansDeps,
  actor: Actor,
  place: ArtifactPlace,
  { before, limit }: HistoryPage,
): Promise<HistoryEntry[]> {
  return await metadata.read(async (sql) => {
    const { manifest_id } = await requireSubject(sql, actor, place)
    const rows = await historyOf(sql, manifest_id, before ?? Number.MAX_SAFE_INTEGER, limit)
    return rows.map(({ id, at, changes }) => ({ ...(JSON.parse(changes) as Omit<HistoryEntry, 'id' | 'at'>), id, at }))
  })
}
