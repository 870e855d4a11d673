import { historyOf } from '../metadata/tables/scans.ts'
import type { Actor, ScansDeps } from './deps.ts'
import type { Changes } from './differences.ts'
import { imagesUnder } from './images-under.ts'
import type { ArtifactPlace } from './place.ts'
import { requireSubject } from './place.ts'

export interface HistoryPage {
  /** Null: from the newest on. */
  readonly before: number | null
  readonly limit: number
}

export interface HistoryEntry extends Changes {
  readonly id: number
  /** The image: of an index, that of its images whose report changed. */
  readonly digest: string
  readonly at: number
  /** Id of the advisories that brought it. */
  readonly snapshot: string | null
}

/** As `judge` writes it. */
type Kept = Omit<HistoryEntry, 'id' | 'digest' | 'at'>

export async function historyOfArtifact(
  { metadata }: ScansDeps,
  actor: Actor,
  place: ArtifactPlace,
  { before, limit }: HistoryPage,
): Promise<HistoryEntry[]> {
  return await metadata.read(async (sql) => {
    const subject = await requireSubject(sql, actor, place)
    const { images } = await imagesUnder(sql, subject)
    const ids = images.flatMap(({ manifestId }) => manifestId ?? [])
    const rows = await historyOf(sql, [subject.manifest_id, ...ids], {
      before: before ?? Number.MAX_SAFE_INTEGER,
      limit,
    })
    return rows.map(({ changes, ...row }) => ({ ...(JSON.parse(changes) as Kept), ...row }))
  })
}
