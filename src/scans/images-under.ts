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
/** Of what was said of them, as it lies in the database. */
const MAX_BYTES = 64 * 1024 * 1024

/** In its order, each once; not all when they are too many, or too much was said of them. */
export async function imagesUnder(
  sql: Reader,
  index: Pick<ScanSubject, 'manifest_id' | 'repository_id'>,
): Promise<{ readonly images: ImageUnder[]; readonly areAll: boolean }> {
  const images: ImageUnder[] = []
  let listed = 0
  let bytes = 0
  for await (const { digest, child } of listedUnder(sql, index)) {
    if (listed === MOST_UNDER || bytes > MAX_BYTES) return { images, areAll: false }
    listed += 1
    if (child && isIndexType(child.media_type)) continue
    const scan = child && (await findScan(sql, child.manifest_id))
    bytes += scan === null ? 0 : bytesOf(scan)
    images.push({ digest, manifestId: child?.manifest_id ?? null, scan })
  }
  return { images, areAll: true }
}

function bytesOf({ inventory, said }: ScanRow): number {
  return (inventory?.length ?? 0) + said.reduce((sum, { content }) => sum + content.length, 0)
}

async function* listedUnder(
  sql: Reader,
  { manifest_id, repository_id }: Pick<ScanSubject, 'manifest_id' | 'repository_id'>,
): AsyncIterable<{ readonly digest: string; readonly child: ScanSubject | null }> {
  const seen = new Set<string>()
  const indexes = [manifest_id]
  for (let of = indexes.shift(); of !== undefined; of = indexes.shift()) {
    for (const { kind, digest } of await edgesOf(sql, of)) {
      if (kind !== 'child' || seen.has(digest)) continue
      seen.add(digest)
      const child = await scanSubjectAt(sql, repository_id, digest)
      if (child && isIndexType(child.media_type)) indexes.push(child.manifest_id)
      yield { digest, child }
    }
  }
}
