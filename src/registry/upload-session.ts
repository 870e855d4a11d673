import { randomUUID } from 'node:crypto'
import type { DigestAlgorithm } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { markUploadObjectsDeleting } from '../metadata/tables/objects.ts'
import { holdRegistry } from '../metadata/tables/repositories.ts'
import type { UploadRow } from '../metadata/tables/uploads.ts'
import { deleteUpload, fenceUpload, findUpload, insertUpload } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import type { Caller, ChunkRange, Place, UploadState } from './registry.ts'

/** Opens a session. Its row may be lost by a power failure: the client has sent nothing yet (design.md 4). */
export async function startUpload(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  algorithm: DigestAlgorithm,
): Promise<UploadState> {
  await deps.refuseWhenFull()
  const id = randomUUID()
  const upload = { id, registryId: place.registryId, repository: place.repository, principal: caller.key, algorithm }
  await deps.metadata.transact(
    async (sql) => {
      if (!(await holdRegistry(sql, place.registryId)))
        throw new DomainError('name_unknown', 'the registry was deleted')
      await insertUpload(sql, upload)
    },
    { durable: false },
  )
  deps.onUpload(place.registryId)
  return { id, size: 0 }
}

export async function uploadStatus(deps: RegistryDeps, place: Place, caller: Caller, id: string): Promise<UploadState> {
  return await deps.metadata.read(async (sql) => {
    const { size } = openSession(await ownUpload(sql, place, caller, id), id)
    return { id, size }
  })
}

/** What was stored is removed by the sweep; a writer still at work finds itself fenced off. */
export async function cancelUpload(deps: RegistryDeps, place: Place, caller: Caller, id: string): Promise<void> {
  await deps.metadata.transact(async (sql) => {
    const upload = openSession(await ownUpload(sql, place, caller, id), id)
    // Finished or continued between the two statements (PostgreSQL): then there is nothing to cancel, or not any more.
    if ((await fenceUpload(sql, upload)) === null) throw uploadUnknown(id)
    await markUploadObjectsDeleting(sql, id)
    await deleteUpload(sql, id)
  })
  deps.hashes.forget(id)
}

/** The caller's own session in this place. A foreign one and an absent one answer alike. @throws `blob_upload_unknown` */
export async function ownUpload(sql: Reader, place: Place, caller: Caller, id: string): Promise<UploadRow> {
  const upload = await findUpload(sql, id)
  const own =
    upload?.registry_id === place.registryId &&
    upload.repository === place.repository &&
    upload.principal === caller.key
  if (!upload || !own) throw uploadUnknown(id)
  return upload
}

export function openSession(upload: UploadRow, id: string): UploadRow {
  if (upload.state === 'open') return upload
  throw uploadUnknown(id)
}

export function uploadUnknown(id: string): DomainError {
  return new DomainError(
    'blob_upload_unknown',
    `upload ${id.slice(0, 60)} is not open here: it was finished, cancelled, idle for too long, or belongs to another login; start a new one`,
  )
}

/** Source: distribution-spec 1.1, "Pushing a blob in chunks": out of order is 416, with the true state. */
export function refuseOutOfOrder(upload: UploadRow, range: ChunkRange | null): void {
  if (range && range.first !== upload.size)
    throw new DomainError(
      'range_invalid',
      `this upload has ${upload.size} bytes, so the next chunk starts at ${upload.size}, not ${range.first}`,
      {
        headers: stateHeaders(upload.size),
      },
    )
}

export function fencedOff(size: number): DomainError {
  return new DomainError(
    'range_invalid',
    'another request has taken this upload over; ask for its status and continue from there',
    {
      headers: stateHeaders(size),
    },
  )
}

function stateHeaders(size: number): Record<string, string> {
  return { range: `0-${Math.max(0, size - 1)}` }
}
