import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobStore, ObjectId } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'

/**
 * The one object with a known name: it says in plain text whose store this is. Its id is no random one, so it meets no
 * other; it has no row, is never deleted, and backups carry it. The name is a stored format: never change it.
 */
export const MARKER_ID = '00000000000000000000000000000000' as ObjectId
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const UUID_BYTES = 36
const ATTEMPTS = 20
const PAUSE_MS = 50

/** The installation a store belongs to, or null when it was never marked. @throws `unsupported` when the mark is unreadable. */
export async function storeOwner(blobs: BlobStore): Promise<string | null> {
  const size = await blobs.size(MARKER_ID)
  if (size === null || size < UUID_BYTES) return null // a start that was killed half-way
  const text = size === UUID_BYTES ? await readAll(blobs) : ''
  if (UUID.test(text)) return text
  throw new DomainError(
    'unsupported',
    `the blob store's mark (object ${MARKER_ID}) is no installation id: the store is damaged or not one of Entrepot's`,
  )
}

/**
 * At every start, before the first byte is stored, by every process: marks a new store, accepts one's own.
 * @throws `unsupported` when the store belongs to another installation: two would remove each other's objects.
 */
export async function claimStore(blobs: BlobStore, installation: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const owner = await storeOwner(blobs)
    refuseForeignStore(owner, installation)
    if (owner !== null) return
    if (await mark(blobs, installation)) continue
    // Another process is writing it, or was killed while it did.
    if (attempt === ATTEMPTS / 2) await blobs.delete(MARKER_ID)
    await sleep(PAUSE_MS)
  }
  throw new DomainError('unavailable', `the blob store does not keep its mark (object ${MARKER_ID})`)
}

export function refuseForeignStore(owner: string | null, installation: string): void {
  if (owner === null || owner === installation) return
  throw new DomainError(
    'unsupported',
    `the blob store belongs to installation ${owner}, the database to ${installation}: ` +
      'point the settings at the store and the database that belong together ' +
      '(when the database was lost: move the new one away and run entrepot restore --from-store)',
  )
}

/** False when somebody else has begun it. */
async function mark(blobs: BlobStore, installation: string): Promise<boolean> {
  if ((await blobs.size(MARKER_ID)) !== null) return false
  try {
    const writer = await blobs.create(MARKER_ID)
    await writer.write([Buffer.from(installation)])
    await writer.close()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

async function readAll(blobs: BlobStore): Promise<string> {
  let text = ''
  for await (const chunk of blobs.read(MARKER_ID, 0, UUID_BYTES)) text += Buffer.from(chunk).toString('latin1')
  return text
}
