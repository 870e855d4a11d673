import { abandonObjects, markUploadObjectsDeleting } from '../metadata/tables/objects.ts'
import { deleteUpload, endIdleUpload, idleUploads } from '../metadata/tables/uploads.ts'
import type { GcDeps } from './deps.ts'

const BATCH = 200
/** A finished session is remembered for this long, so that a repeated PUT is answered like the first. */
const COMMITTED_MS = 60 * 60_000

export async function expireUploads({ metadata, uploadIdleMs }: GcDeps): Promise<number> {
  await metadata.transact(abandonObjects)
  let ended = 0
  for (;;) {
    const ids = await metadata.read((sql) => {
      const now = sql.now()
      return idleUploads(sql, now - uploadIdleMs, now - COMMITTED_MS, BATCH)
    })
    for (const id of ids)
      ended += await metadata.transact(async (sql) => {
        const now = sql.now()
        // Decided again under the row's lock: a client may have come back between the two statements.
        if (!(await endIdleUpload(sql, id, now - uploadIdleMs, now - COMMITTED_MS))) return 0
        await markUploadObjectsDeleting(sql, id)
        await deleteUpload(sql, id)
        return 1
      })
    if (ids.length < BATCH) return ended
  }
}
