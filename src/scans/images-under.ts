import { isIndexType } from '../domain/media-type.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { ScanRow, ScanSubject } from '../metadata/tables/scans.ts'
import { edgesOf, findScan, scanSubjectAt } from '../metadata/tables/scans.ts'

/** What an index lists, also by way of other indexes. */
export interface ImageUnder {
  readonly digest: string
  /** Null: only the index was pushed. */
  readonly manifestId: number | null
  /** Null: it was not scanned yet. */
  readonly scan: ScanRow | null
}

/** Real ones list some dozen; whoever pushes an index writes what it lists. */
export const MOST_UNDER = 500

/** In its order, each once; at most `MOST_UNDER`. */
export async function imagesUnder(
  sql: Reader,
  index: Pick<ScanSubject, 'manifest_id' | 'repository_id'>,
): Promise<{ readonly images: ImageUnder[]; readonly areAll: boolean }> {
  const seen = new Set<string>()
  const images: ImageUnder[] = []
  const indexes = [index.manifest_id]
  for (let of = indexes.shift(); of !== undefined; of = indexes.shift()) {
    for (const digest of await childrenOf(sql, of)) {
      if (seen.has(digest)) continue
      if (seen.size === MOST_UNDER) return { images, areAll: false }
      seen.add(digest)
      const child = await scanSubjectAt(sql, index.repository_id, digest)
      if (child && isIndexType(child.media_type)) indexes.push(child.manifest_id)
      else images.push(await imageAt(sql, digest, child))
    }
  }
  return { images, areAll: true }
}

async function childrenOf(sql: Reader, manifestId: number): Promise<string[]> {
  return (await edgesOf(sql, manifestId)).flatMap(({ kind, digest }) => (kind === 'child' ? [digest] : []))
}

async function imageAt(sql: Reader, digest: string, image: ScanSubject | null): Promise<ImageUnder> {
  if (image === null) return { digest, manifestId: null, scan: null }
  return { digest, manifestId: image.manifest_id, scan: await findScan(sql, image.manifest_id) }
}
