import type { ObjectId } from '../blobs/blob-store.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { isHeld } from '../metadata/tables/backup-holds.ts'
import { confirmDeleting, forgetObject, objectsToDelete } from '../metadata/tables/objects.ts'
import type { GcDeps } from './deps.ts'

const BATCH = 100

/**
 * Row first (it is marked), then the bytes, then the row: a kill between any two leaves a marked row that is tried again.
 * An object that cannot be removed now stops none of the others. Nothing is removed while a backup holds the bytes. @throws the first failure, after the rest is done.
 */
export async function removeObjects({ metadata, blobs }: GcDeps): Promise<number> {
  let removed = 0
  let after = ''
  const failures: unknown[] = []
  for (;;) {
    const ids = await metadata.read((sql) => objectsToDelete(sql, BATCH, after))
    if (ids.length > 0 && !(await metadata.transact((sql) => mayRemove(sql, ids)))) break
    const gone = await removeBytes(blobs, ids, failures)
    if (gone.length > 0)
      await metadata.transact(async (sql) => {
        for (const id of gone) await forgetObject(sql, id)
      })
    removed += gone.length
    after = ids.at(-1) ?? after
    if (ids.length < BATCH) break
  }
  if (failures.length > 0) throw failures[0]
  return removed
}

/**
 * The order is what makes it safe: `ids` were read before, so what a hold that is not yet seen here needs is not among
 * them. Marks may have been committed in a way that a power failure undoes; what is removed must be marked for good first.
 */
async function mayRemove(sql: Transaction, ids: readonly string[]): Promise<boolean> {
  if (await isHeld(sql)) return false
  await confirmDeleting(sql, ids)
  return true
}

async function removeBytes(blobs: GcDeps['blobs'], ids: readonly string[], failures: unknown[]): Promise<string[]> {
  const gone: string[] = []
  for (const id of ids)
    try {
      await blobs.delete(id as ObjectId)
      gone.push(id)
    } catch (error) {
      failures.push(error)
    }
  return gone
}
