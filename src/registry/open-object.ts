import { randomBytes } from 'node:crypto'
import type { ObjectId } from '../blobs/blob-store.ts'
import type { DataKey } from '../encryption/keyring.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { giveUpObject, insertObject } from '../metadata/tables/objects.ts'
import type { UploadRow } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { SealedObject } from './sealed-object.ts'

/** A new object of a session: its row is committed before its first byte. `check` runs in that transaction. */
export async function openSealedObject(
  { metadata, blobs, limits }: RegistryDeps,
  upload: UploadRow,
  key: DataKey,
  check: (sql: Transaction) => Promise<void>,
): Promise<SealedObject> {
  const id = randomBytes(16).toString('hex') as ObjectId
  await metadata.transact(
    async (sql) => {
      await check(sql)
      const leaseUntil = sql.now() + limits.objectLeaseMs
      await insertObject(sql, {
        id,
        registryId: upload.registry_id,
        dataKeyId: key.id,
        uploadId: upload.id,
        leaseUntil,
      })
    },
    { durable: false },
  )
  try {
    return new SealedObject(id, key.objects, await blobs.create(id), performance.now())
  } catch (error) {
    await metadata.transact((sql) => giveUpObject(sql, id), { durable: false }).catch(() => {}) // its lease ends by itself
    throw error
  }
}

/**
 * Removes what a writer did not bring to its end: never throws. An object whose commit may have gone through (its answer
 * was lost) is asked of the database first; if that cannot be asked, the end of its lease decides.
 */
export async function giveUp({ metadata, blobs }: RegistryDeps, object: SealedObject): Promise<void> {
  try {
    await object.discard()
    const state = await metadata.transact((sql) => giveUpObject(sql, object.id), { durable: false })
    if (state === 'marked' || state === 'gone') await blobs.delete(object.id)
  } catch {
    // The sweep finds the row, or `check --repair` the bytes.
  }
}
