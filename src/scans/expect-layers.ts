import type { MetadataStore } from '../metadata/metadata-store.ts'
import { isScanningOn } from '../metadata/tables/scans.ts'
import type { ScansDeps } from './deps.ts'

/** A push has some uploads a second; the process that reads its layers is kept for longer. */
const ASKED_AGAIN_MS = 2_000
const REMEMBERED = 1_000

/** Hears of uploads: where images are scanned, their layers are read soon, and the process that does it starts meanwhile. */
export function expectLayers(
  { prepareToRead }: Pick<ScansDeps, 'prepareToRead'>,
  metadata: MetadataStore,
): (registryId: number) => void {
  const asked = new Map<number, number>()
  return (registryId) => {
    const now = performance.now()
    if (now - (asked.get(registryId) ?? Number.NEGATIVE_INFINITY) < ASKED_AGAIN_MS) return
    if (asked.size >= REMEMBERED) asked.clear()
    asked.set(registryId, now)
    metadata
      .read((sql) => isScanningOn(sql, registryId))
      .then(
        (isOn) => void (isOn && prepareToRead()),
        () => {}, // who pushes hears of a database that does not answer
      )
  }
}
