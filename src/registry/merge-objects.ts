import { markDeleting, markStored } from '../metadata/tables/objects.ts'
import type { UploadPart, UploadRow } from '../metadata/tables/uploads.ts'
import { holdUpload, replaceUploadTail, uploadParts } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { giveUp, openSealedObject } from './open-object.ts'
import { placed } from './placed.ts'
import type { SealedObject } from './sealed-object.ts'
import { fencedOff } from './upload-session.ts'
import { takeOver } from './upload-writer.ts'

/** A client that sends thousands of tiny chunks makes thousands of objects; a blob of them would be slow forever. */
const MANY_OBJECTS = 1_000
const SMALL_BYTES = 1024 * 1024

/**
 * Merges the small objects at a session's end into few: the one exception to never copying (design.md 5). Only those
 * behind the last that is no longer small, so that each byte is copied a few times at most. The session as it is then.
 */
export async function mergeSmallObjects(deps: RegistryDeps, upload: UploadRow): Promise<UploadRow> {
  if (upload.object_count <= MANY_OBJECTS || upload.size / upload.object_count >= SMALL_BYTES) return upload
  const parts = await deps.metadata.read((sql) => uploadParts(sql, upload.id))
  const first = 1 + parts.findLastIndex((part) => part.size >= SMALL_BYTES)
  if (parts.length - first <= MANY_OBJECTS) return upload
  return await mergeTail(deps, upload, parts.slice(first), first)
}

async function mergeTail(
  deps: RegistryDeps,
  upload: UploadRow,
  tail: readonly UploadPart[],
  first: number,
): Promise<UploadRow> {
  const generation = await takeOver(deps, upload)
  const hash = deps.hashes.take(upload.id, upload.generation, upload.size)
  const merged: SealedObject[] = []
  try {
    await copy(deps, upload, tail, merged)
    await deps.metadata.transact(async (sql) => {
      if (!(await holdUpload(sql, upload.id, generation))) throw fencedOff(upload.size)
      for (const object of merged) if (!(await markStored(sql, object.id, object.size))) throw fencedOff(upload.size)
      await replaceUploadTail(sql, upload.id, first, merged)
      for (const part of tail) await markDeleting(sql, part.object_id)
    })
  } catch (error) {
    for (const object of merged) await giveUp(deps, object)
    throw error
  }
  if (hash) deps.hashes.keep(upload.id, generation, upload.size, hash)
  return { ...upload, generation, object_count: first + merged.length }
}

async function copy(
  deps: RegistryDeps,
  upload: UploadRow,
  tail: readonly UploadPart[],
  merged: SealedObject[],
): Promise<void> {
  const key = await deps.keyring.current(upload.registry_id)
  const parts = placed(tail)
  const size = tail.reduce((bytes, part) => bytes + part.size, 0)
  for (let from = 0; from < size; from += deps.limits.objectBytes) {
    const object = await openSealedObject(deps, upload, key, async () => {})
    merged.push(object)
    const end = Math.min(size, from + deps.limits.objectBytes)
    for await (const chunk of deps.reader.read(parts, from, end, { cache: false, own: true })) {
      object.push(chunk)
      if (object.congested) await object.drained()
    }
    await object.finish()
  }
}
