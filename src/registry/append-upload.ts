import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { DigestAlgorithm } from '../domain/digest.ts'
import { digestOfHex } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { UploadRow } from '../metadata/tables/uploads.ts'
import { rememberDigest } from '../metadata/tables/uploads.ts'
import type { RegistryDeps } from './deps.ts'
import { mergeSmallObjects } from './merge-objects.ts'
import type { Caller, ChunkRange, Place, UploadBody, UploadState } from './registry.ts'
import { endIfDenied } from './room.ts'
import { openSession, ownUpload, refuseOutOfOrder } from './upload-session.ts'
import type { Ending } from './upload-writer.ts'
import { UploadWriter } from './upload-writer.ts'

/** PATCH. Source: distribution-spec 1.1, "Pushing a blob in chunks"; design.md 6. */
export async function appendToUpload(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  id: string,
  body: UploadBody,
): Promise<UploadState> {
  const seen = await deps.metadata.read((sql) => ownUpload(sql, place, caller, id))
  const upload = await continueUpload(deps, openSession(seen, id), body)
  const hash = hashFor(deps, upload, upload.algorithm as DigestAlgorithm)
  const room = await deps.roomIn(upload.registry_id)
  const use = body.length === 0 ? 'nothing' : 'store'
  const writer = await UploadWriter.open(deps, upload, { hash, use, length: body.length, room })
  try {
    const ending = await receiveBody(writer, body)
    const size = await settle(deps, writer, upload, hash)
    if (ending === 'interrupted') throw wentAway(size)
    return { id, size }
  } catch (error) {
    await writer.abandon()
    await endIfDenied(deps, error, id, writer.generation)
    throw error
  }
}

/** The open session, ready for the next byte. @throws `range_invalid`, `size_invalid` */
export async function continueUpload(deps: RegistryDeps, upload: UploadRow, body: UploadBody): Promise<UploadRow> {
  refuseOutOfOrder(upload, body.range)
  refuseWrongLength(body.range, body.length)
  if (body.length !== 0) await deps.refuseWhenFull()
  return await mergeSmallObjects(deps, upload)
}

/** The running hash of everything so far: new for an empty session, from this process's memory, or null: to be read once at the end. */
export function hashFor(deps: RegistryDeps, upload: UploadRow, algorithm: DigestAlgorithm): Hash | null {
  const running = deps.hashes.take(upload.id, upload.generation, upload.size)
  if (upload.size === 0) return createHash(algorithm)
  return upload.algorithm === algorithm ? running : null
}

/** Receives and makes the bytes durable; their rows are the caller's, who abandons the writer when anything throws. */
export async function receiveBody(writer: UploadWriter, body: UploadBody): Promise<Ending> {
  const announced = body.range ? body.range.last - body.range.first + 1 : null
  const ending = await writer.receive(body.stream, announced ?? Number.POSITIVE_INFINITY)
  if (ending === 'complete' && announced !== null && writer.received !== announced)
    throw new DomainError('size_invalid', `Content-Range announces ${announced} bytes, the body has ${writer.received}`)
  await writer.finish()
  return ending
}

/** Commits what arrived, also of a client that went away, with the digest of everything so far. The session's new size. */
export async function settle(
  deps: RegistryDeps,
  writer: UploadWriter,
  before: UploadRow,
  hash: Hash | null,
): Promise<number> {
  const digest = hash ? digestOfHex(before.algorithm as DigestAlgorithm, hash.copy().digest('hex')) : null
  const after = await deps.metadata.transact(async (sql) => {
    const upload = await writer.commitLast(sql)
    if (digest) await rememberDigest(sql, upload.id, writer.generation, digest)
    await writer.room?.trim(sql, upload.id, upload.size)
    return upload
  })
  writer.committed()
  if (hash) deps.hashes.keep(after.id, writer.generation, after.size, hash)
  return after.size
}

export function wentAway(size: number): DomainError {
  return new DomainError(
    'blob_upload_invalid',
    `the connection ended early; ${size} bytes are stored, continue from there`,
    {
      headers: { range: `0-${Math.max(0, size - 1)}` },
    },
  )
}

function refuseWrongLength(range: ChunkRange | null, length: number | null): void {
  if (!range) return
  const announced = range.last - range.first + 1
  if (announced < 1 || (length !== null && length !== announced))
    throw new DomainError(
      'size_invalid',
      `Content-Range ${range.first}-${range.last} announces ${announced} bytes, Content-Length ${length ?? 'none'}; they must agree`,
    )
}
