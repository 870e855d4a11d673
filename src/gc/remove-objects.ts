import type { ObjectId } from '../blobs/blob-store.ts'
import { forgetObject, objectsToDelete } from '../metadata/tables/objects.ts'
import type { GcDeps } from './gc.ts'

const BATCH = 100

/** Row first (it is marked), then the bytes, then the row: a kill between any two leaves a marked row that is tried again. */
export async function removeObjects({ metadata, blobs }: GcDeps): Promise<number> {
  let removed = 0
  for (;;) {
    const ids = await metadata.read((sql) => objectsToDelete(sql, BATCH))
    for (const id of ids) await blobs.delete(id as ObjectId)
    if (ids.length > 0)
      await metadata.transact(async (sql) => {
        for (const id of ids) await forgetObject(sql, id)
      })
    removed += ids.length
    if (ids.length < BATCH) return removed
  }
}
