import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { Digest, DigestAlgorithm } from '../domain/digest.ts'
import { algorithmOf, digestOfHex } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import {
  findBlob,
  findLinkedBlob,
  holdBlob,
  insertBlob,
  insertBlobPart,
  linkBlob,
  lockLink,
  renewLinkLease,
} from '../metadata/tables/blobs.ts'
import { addCandidate } from '../metadata/tables/gc-candidates.ts'
import { markUploadObjectsDeleting, ownByBlob } from '../metadata/tables/objects.ts'
import { ensureRepository, holdRegistry } from '../metadata/tables/repositories.ts'
import type { UploadPart, UploadRow } from '../metadata/tables/uploads.ts'
import { clearUploadParts, deleteUpload, markCommitted, uploadParts } from '../metadata/tables/uploads.ts'
import { markUsageStale } from '../metadata/tables/usage.ts'
import { continueUpload, hashFor, receiveBody, settle, wentAway } from './append-upload.ts'
import type { RegistryDeps } from './deps.ts'
import { placed } from './placed.ts'
import type { Caller, Place, UploadBody } from './registry.ts'
import type { Room } from './room.ts'
import { endIfDenied, withRoom } from './room.ts'
import { openSession, ownUpload, uploadUnknown } from './upload-session.ts'
import type { Use } from './upload-writer.ts'
import { UploadWriter } from './upload-writer.ts'

interface Finished {
  readonly digest: Digest
  readonly size: number
}

/** The closing PUT, with or without a last chunk. Source: distribution-spec 1.1, "Pushing blobs"; design.md 6. */
export async function finishUpload(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  id: string,
  digest: Digest,
  body: UploadBody,
): Promise<Finished> {
  const seen = await deps.metadata.read((sql) => ownUpload(sql, place, caller, id))
  if (seen.state === 'committed' && seen.committed_as === digest) return await answerAgain(deps, place, id, digest)
  const before = await continueUpload(deps, openSession(seen, id), body)
  const hash = hashFor(deps, before, algorithmOf(digest))
  const room = await deps.roomIn(before.registry_id)
  const use = await useOf(deps, before, digest, body, room)
  const writer = await UploadWriter.open(deps, before, { hash, use, length: body.length, room })
  try {
    return await receiveAndCommit(deps, writer, before, hash, { place, caller, digest, body })
  } catch (error) {
    await writer.abandon()
    await endIfDenied(deps, error, id, writer.generation)
    throw error
  }
}

/**
 * A body of bytes that the registry has is only hashed, to prove that the sender has them too. Where there is a limit they
 * must be counted already: what only quarantine holds would cost as much as new bytes.
 */
async function useOf(
  deps: RegistryDeps,
  before: UploadRow,
  digest: Digest,
  body: UploadBody,
  room: Room | null,
): Promise<Use> {
  if (body.length === 0) return 'nothing'
  if (before.size > 0) return 'store'
  const known = await deps.metadata.read(async (sql) => {
    const blob = await findBlob(sql, before.registry_id, digest)
    return blob && (room === null || (await room.has(sql, blob.id))) ? blob : null
  })
  return known && (body.length === null || body.length === known.size) ? 'hash' : 'store'
}

interface Closing {
  readonly place: Place
  readonly caller: Caller
  readonly digest: Digest
  readonly body: UploadBody
}

async function receiveAndCommit(
  deps: RegistryDeps,
  writer: UploadWriter,
  before: UploadRow,
  hash: Hash | null,
  { place, caller, digest, body }: Closing,
): Promise<Finished> {
  const ending = await receiveBody(writer, body)
  if (ending === 'interrupted') {
    if (writer.use === 'hash') throw wentAway(before.size)
    throw wentAway(await settle(deps, writer, before, sameAlgorithm(before, digest) ? hash : null))
  }
  const actual = await digestOf(deps, writer, before, hash, digest)
  if (actual !== digest) return await refuseDigest(deps, writer, before, digest, actual)
  const commit = () => deps.metadata.transact((sql) => commitBlob(sql, deps, writer, place, caller, digest))
  const size = await withRoom(writer.room, commit)
  writer.committed()
  deps.hashes.forget(before.id)
  return { digest, size }
}

/** A client that did not get the first answer asks again; what was deleted meanwhile is not there. Leased anew, as by HEAD. */
async function answerAgain(deps: RegistryDeps, place: Place, id: string, digest: Digest): Promise<Finished> {
  const size = await deps.metadata.transact(async (sql) => {
    const blob = await findLinkedBlob(sql, place.registryId, place.repository, digest)
    if (!blob) return null
    return (await renewLinkLease(sql, blob.link_id, sql.now() + deps.limits.leaseMs)) ? blob.size : null
  })
  if (size === null) throw uploadUnknown(id)
  return { digest, size }
}

function sameAlgorithm(upload: UploadRow, digest: Digest): boolean {
  return upload.algorithm === algorithmOf(digest)
}

/** From the running hash; else as remembered at the last PATCH; else by reading everything once. */
async function digestOf(
  deps: RegistryDeps,
  writer: UploadWriter,
  before: UploadRow,
  hash: Hash | null,
  wanted: Digest,
): Promise<Digest> {
  const algorithm = algorithmOf(wanted)
  if (hash) return digestOfHex(algorithm, hash.digest('hex'))
  if (writer.received === 0 && before.digest_so_far && sameAlgorithm(before, wanted))
    return before.digest_so_far as Digest
  const parts = await deps.metadata.transact(
    async (sql) => {
      const upload = await writer.commitLast(sql)
      return await uploadParts(sql, upload.id)
    },
    { durable: false },
  )
  writer.committed()
  return await digestOfParts(deps, algorithm, parts)
}

async function digestOfParts(
  deps: RegistryDeps,
  algorithm: DigestAlgorithm,
  parts: readonly UploadPart[],
): Promise<Digest> {
  const hash = createHash(algorithm)
  const size = parts.reduce((bytes, part) => bytes + part.size, 0)
  for await (const chunk of deps.reader.read(placed(parts), 0, size, { cache: false })) hash.update(chunk)
  return digestOfHex(algorithm, hash.digest('hex'))
}

/** Keeps nothing: the session is gone, its objects are marked for removal. Source: distribution-spec 1.1: 400 DIGEST_INVALID. */
async function refuseDigest(
  deps: RegistryDeps,
  writer: UploadWriter,
  upload: UploadRow,
  wanted: Digest,
  actual: Digest,
): Promise<never> {
  await deps.metadata.transact(async (sql) => {
    await writer.commitLast(sql)
    await markUploadObjectsDeleting(sql, upload.id)
    await deleteUpload(sql, upload.id)
  })
  writer.committed()
  throw new DomainError(
    'digest_mismatch',
    `the bytes received have the digest ${actual}, the request says ${wanted}; nothing was kept, push the blob again`,
    { detail: { received: actual, expected: wanted } },
  )
}

/** Only rows: bytes are never copied or renamed into place. The blob's size. */
async function commitBlob(
  sql: Transaction,
  deps: RegistryDeps,
  writer: UploadWriter,
  place: Place,
  caller: Caller,
  digest: Digest,
): Promise<number> {
  if (!(await holdRegistry(sql, place.registryId))) throw new DomainError('name_unknown', 'the registry was deleted')
  const repository = await ensureRepository(sql, place.registryId, place.repository, caller.name)
  const { upload, last } = await writer.storeLast(sql)
  const linked = await lockLink(sql, repository.id, digest)
  const blob = await adoptBlob(sql, upload, last, { digest, must: writer.use === 'hash' })
  const link = { registryId: place.registryId, repositoryId: repository.id, digest, blobId: blob.id }
  await leaseLink(sql, deps, link, linked !== null)
  await markCommitted(sql, upload.id, digest)
  await markUsageStale(sql, place.registryId)
  const repositoryId = repository.id
  await writer.room?.commit(sql, upload.id, { id: blob.id, size: blob.size, repositoryId, linked: linked !== null })
  return blob.size
}

const TRIES = 5

/**
 * The registry's one copy: the one that is there, or these objects. `last` is the writer's own, not in the session's list:
 * most blobs have no other. `must`: there are no objects, since the copy was there when the body began.
 */
async function adoptBlob(
  sql: Transaction,
  upload: UploadRow,
  last: { readonly id: string; readonly size: number } | null,
  { digest, must }: { readonly digest: Digest; readonly must: boolean },
): Promise<{ id: number; size: number }> {
  const size = upload.size + (last?.size ?? 0)
  for (let tries = 0; tries < TRIES; tries += 1) {
    const known = await holdBlob(sql, upload.registry_id, digest)
    if (known) {
      await markUploadObjectsDeleting(sql, upload.id)
      if (upload.object_count > 0) await clearUploadParts(sql, upload.id)
      return known
    }
    const made = must ? null : await insertBlob(sql, upload.registry_id, digest, size)
    if (made !== null) {
      await moveParts(sql, upload, last, made)
      return { id: made, size }
    }
  }
  throw new DomainError('unavailable', `blob ${digest} was removed while it was pushed; push again`, {
    headers: { 'retry-after': '1' },
  })
}

async function moveParts(
  sql: Transaction,
  upload: UploadRow,
  last: { readonly id: string; readonly size: number } | null,
  blobId: number,
): Promise<void> {
  const listed = upload.object_count > 0 ? placed(await uploadParts(sql, upload.id)) : []
  const objects = listed.map(({ object_id, start, size }) => ({ objectId: object_id, start, size }))
  if (last) objects.push({ objectId: last.id, start: upload.size, size: last.size })
  for (const [position, object] of objects.entries()) await insertBlobPart(sql, { blobId, position, ...object })
  if (upload.object_count > 0) await clearUploadParts(sql, upload.id)
  await ownByBlob(sql, upload.id)
}

/**
 * Links and leases; a new link is reviewed once its lease has ended (nobody may ever refer to it). The caller has tried
 * to lock the link before it held the blob: link before blob, everywhere (docs/garbage-collection.md, "Order of locks").
 */
export async function leaseLink(
  sql: Transaction,
  deps: RegistryDeps,
  link: { registryId: number; repositoryId: number; digest: string; blobId: number },
  known: boolean,
): Promise<void> {
  const leaseUntil = sql.now() + deps.limits.leaseMs
  const id = await linkBlob(sql, { ...link, leaseUntil })
  if (known) return
  const { registryId } = link
  await addCandidate(sql, { registryId, kind: 'link', subjectId: id, reason: 'linked', reviewAfter: leaseUntil })
}
