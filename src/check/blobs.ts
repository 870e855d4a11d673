import { createHash } from 'node:crypto'
import type { ObjectId } from '../blobs/blob-store.ts'
import type { Digest } from '../domain/digest.ts'
import { algorithmOf, digestOfHex } from '../domain/digest.ts'
import { SEGMENT_BYTES, StreamOpener, sealedSize } from '../encryption/tink-stream.ts'
import type { CheckedBlob, CheckedPart } from '../metadata/tables/check.ts'
import { blobIsLive, blobsIn, partsOf } from '../metadata/tables/check.ts'
import type { CheckRun } from './deps.ts'
import { windowsOf } from './deps.ts'
import { reasonOf } from './keys.ts'
import type { Problem } from './problem.ts'

/** Every live blob's objects add up to it and, at depth `bytes`, decrypt to its digest. */
export async function* checkBlobs(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'blobs')) {
    for (const blob of await run.metadata.read((sql) => blobsIn(sql, window))) {
      if (blob.state === 'deleting') {
        run.figures.pending.deleting += 1
        continue
      }
      run.figures.counted.blobs += 1
      run.figures.counted.blobBytes += blob.size
      const problem = await checkBlob(run, blob)
      // Its parts may have been taken away since: then it is no longer live, and no damage.
      if (problem && (await run.metadata.read((sql) => blobIsLive(sql, blob.id)))) yield problem
    }
  }
}

async function checkBlob(run: CheckRun, blob: CheckedBlob): Promise<Problem | null> {
  const parts = await run.metadata.read((sql) => partsOf(sql, blob.id))
  const fault = faultIn(blob, parts)
  if (fault) return { kind: 'blob_parts', subject: blob.digest, detail: fault }
  if (run.depth === 'rows' || parts.some((part) => run.unreadableKeys.has(part.data_key_id))) return null
  const damage = await damageIn(run, blob, parts)
  return damage ? { kind: 'blob_damaged', subject: blob.digest, detail: damage } : null
}

function faultIn(blob: CheckedBlob, parts: readonly CheckedPart[]): string | null {
  let end = 0
  for (const [position, part] of parts.entries()) {
    const name = `part ${position} (object ${part.object_id})`
    if (part.position !== position || part.start !== end) return `${name} starts at ${part.start}, not at ${end}`
    if (part.state !== 'stored') return `${name} is ${part.state}`
    if (part.size < 1 || part.size !== part.object_size)
      return `${name} is to have ${part.size} bytes, its object ${part.object_size}`
    if (part.registry_id !== blob.registry_id) return `${name} is another registry's`
    end += part.size
  }
  return end === blob.size ? null : `its parts have ${end} bytes, the blob ${blob.size}`
}

async function damageIn(run: CheckRun, blob: CheckedBlob, parts: readonly CheckedPart[]): Promise<string | null> {
  const algorithm = algorithmOf(blob.digest as Digest)
  const hash = createHash(algorithm)
  for (const part of parts) {
    try {
      for await (const plain of decrypt(run, part)) hash.update(plain)
    } catch (error) {
      return `object ${part.object_id}, bytes ${part.start} to ${part.start + part.size} of it: ${reasonOf(error)}`
    }
  }
  const actual = digestOfHex(algorithm, hash.digest('hex'))
  return actual === blob.digest ? null : `its bytes decrypt, but have the digest ${actual}`
}

async function* decrypt(run: CheckRun, part: CheckedPart): AsyncGenerator<Uint8Array, void, void> {
  const { objects } = await run.keyring.byId(part.data_key_id)
  const id = part.object_id as ObjectId
  let opener: StreamOpener | null = null
  let index = 0
  for await (const sealed of run.blobs.read(id, 0, sealedSize(part.size), SEGMENT_BYTES)) {
    opener ??= StreamOpener.fromHeader(objects, id, sealed, part.size)
    yield opener.open(index, sealed)
    index += 1
  }
}
