import { randomBytes } from 'node:crypto'
import type { ObjectId } from '../blobs/blob-store.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertObject, markDeleting, markStored } from '../metadata/tables/objects.ts'
import type { UploadPart, UploadRow } from '../metadata/tables/uploads.ts'
import { fenceUpload, holdUpload, replaceUploadParts, uploadParts } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { SealedObject } from './sealed-object.ts'
import { fencedOff, uploadUnknown } from './upload-session.ts'

/** A client that sends thousands of tiny chunks makes thousands of objects; a blob of them would be slow forever. */
const MANY_OBJECTS = 1_000
const SMALL_AVERAGE = 1024 * 1024

/**
 * Merges a session's many small objects into few: the one exception to never copying (design.md 5). Cheap when there is
 * nothing to do. The session as it is afterwards.
 */
export async function mergeSmallObjects(deps: RegistryDeps, upload: UploadRow): Promise<UploadRow> {
  if (upload.object_count <= MANY_OBJECTS || upload.size / upload.object_count >= SMALL_AVERAGE) return upload
  const generation = await deps.metadata.transact((sql) => fenceUpload(sql, upload.id), { durable: false })
  if (generation === null) throw uploadUnknown(upload.id)
  const hash = deps.hashes.take(upload.id, upload.generation, upload.size)
  const old = await deps.metadata.read((sql) => uploadParts(sql, upload.id))
  const merged = await copy(deps, upload, old)
  await deps.metadata.transact(async (sql) => {
    if (!(await holdUpload(sql, upload.id, generation))) throw fencedOff(upload.size)
    for (const part of old) await markDeleting(sql, part.object_id)
    for (const part of merged) if (!(await markStored(sql, part.id, part.size))) throw fencedOff(upload.size)
    await replaceUploadParts(sql, upload.id, merged)
  })
  if (hash) deps.hashes.keep(upload.id, generation, upload.size, hash)
  return { ...upload, generation, object_count: merged.length }
}

async function copy(
  deps: RegistryDeps,
  upload: UploadRow,
  old: readonly UploadPart[],
): Promise<{ id: ObjectId; size: number }[]> {
  let start = 0
  const placed = old.map((part) => {
    const at = { ...part, start }
    start += part.size
    return at
  })
  const merged: { id: ObjectId; size: number }[] = []
  for (let from = 0; from < start; from += deps.limits.objectBytes) {
    const object = await openObject(deps, upload)
    try {
      for await (const chunk of deps.reader.read(
        placed,
        from,
        Math.min(start, from + deps.limits.objectBytes),
        false,
      )) {
        object.push(chunk)
        if (object.congested) await object.drained()
      }
      await object.finish()
    } catch (error) {
      await object.discard()
      throw error
    }
    merged.push({ id: object.id, size: object.size })
  }
  return merged
}

async function openObject(deps: RegistryDeps, upload: UploadRow): Promise<SealedObject> {
  const id = randomBytes(16).toString('hex') as ObjectId
  const key = await deps.keyring.current(upload.registry_id)
  const insert = (sql: Transaction): Promise<void> =>
    insertObject(sql, {
      id,
      registryId: upload.registry_id,
      dataKeyId: key.id,
      uploadId: upload.id,
      leaseUntil: sql.now() + deps.limits.objectLeaseMs,
    })
  await deps.metadata.transact(insert, { durable: false })
  return new SealedObject(id, key.objects, await deps.blobs.create(id), Date.now())
}
