import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { BlobStore, LinkingBlobStore, ListableBlobStore, ObjectId } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'
import { sealedSize } from '../encryption/tink-stream.ts'
import type { ListedObject } from './object-list.ts'
import { lineOf, readNeeded, SortedLists } from './object-list.ts'

/** The store inside a backup's folder. */
export type BackupStore = ListableBlobStore & LinkingBlobStore

export interface CopyTask {
  readonly from: BlobStore
  readonly to: BackupStore
  /** What is needed, in the order of ids. */
  readonly needed: string
  /** Lists of what earlier backups into the same folder brought there. */
  readonly known: readonly string[]
  /** The list to write. */
  readonly list: string
  /** Shares the bytes with the installation where both lie on one file system. */
  readonly mayLink: boolean
}

export interface Copied {
  readonly count: number
  readonly bytes: number
  readonly added: { readonly count: number; readonly bytes: number; readonly linked: number }
  /** Ids of objects that a row needs and the store has not, or not whole. */
  readonly missing: readonly string[]
}

export type Brought = { readonly how: 'kept' | 'copied' | 'linked' | 'missing'; readonly object: ListedObject }

const BATCH_OBJECTS = 32
const BATCH_BYTES = 256 * 1024 * 1024
/** A wrecked store must not make the manifest endless. */
const MOST_MISSING = 1_000

/**
 * Brings every needed object into the folder and lists it. An object is listed after it is durable, so what a list names,
 * even that of an interrupted backup, need not be copied again: objects never change.
 */
export async function copyObjects(task: CopyTask): Promise<Copied> {
  const tally = new Tally()
  await using known = await SortedLists.open(task.known)
  await using list = await open(task.list, 'w', 0o600)
  for await (const batch of batchesOf(task.needed)) {
    const earlier: (ListedObject | null)[] = []
    for (const { id } of batch) earlier.push(await known.find(id))
    const brought = await allOf(batch.map((object, index) => bring(task, object, earlier[index] ?? null)))
    for (const one of brought) tally.add(one)
    const present = brought.filter(({ how }) => how !== 'missing')
    await list.writeFile(present.map(({ object }) => lineOf(object)).join(''))
  }
  await list.sync()
  return tally
}

export class Tally implements Copied {
  count = 0
  bytes = 0
  readonly added = { count: 0, bytes: 0, linked: 0 }
  readonly missing: string[] = []

  add({ how, object: { id, size } }: Brought): void {
    if (how === 'missing') {
      if (this.missing.length < MOST_MISSING) this.missing.push(id)
      return
    }
    this.count += 1
    this.bytes += size
    if (how === 'kept') return
    this.added.count += 1
    this.added.bytes += size
    if (how === 'linked') this.added.linked += 1
  }
}

async function* batchesOf(needed: string): AsyncGenerator<{ id: ObjectId; size: number }[], void, void> {
  let batch: { id: ObjectId; size: number }[] = []
  let bytes = 0
  for await (const { id, size } of readNeeded(needed)) {
    batch.push({ id: id as ObjectId, size: sealedSize(size) })
    bytes += size
    if (batch.length < BATCH_OBJECTS && bytes < BATCH_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

async function bring(
  task: CopyTask,
  { id, size }: { readonly id: ObjectId; readonly size: number },
  known: ListedObject | null,
): Promise<Brought> {
  const { from, to, mayLink } = task
  const there = await to.size(id)
  if (known?.size === size && there === size) return { how: 'kept', object: known }
  if ((await from.size(id)) !== size) return { how: 'missing', object: { id, size, sha256: '' } }
  if (there !== null) await to.delete(id) // an interrupted backup may have left a part of it
  if (mayLink && (await to.link(from, id)))
    return { how: 'linked', object: { id, size, sha256: await hashOf(to, id, size) } }
  const sha256 = await copyObject(from, to, id, size).catch((error: unknown) => {
    if (!(error instanceof DomainError) || error.kind !== 'storage_full') throw error
    const what = 'the disk of the backup is full: make space and run it again, it goes on'
    throw new DomainError('storage_full', what, { cause: error })
  })
  return { how: 'copied', object: { id, size, sha256 } }
}

/** Durable once resolved. @returns the SHA-256 of what was read. */
export async function copyObject(
  from: Pick<BlobStore, 'read'>,
  to: BlobStore,
  id: ObjectId,
  size: number,
): Promise<string> {
  const hash = createHash('sha256')
  const writer = await to.create(id)
  try {
    for await (const chunk of from.read(id, 0, size)) {
      hash.update(chunk)
      await writer.write([chunk])
    }
    await writer.close()
    return hash.digest('hex')
  } catch (error) {
    await writer.discard()
    throw error
  }
}

export async function hashOf(store: BlobStore, id: ObjectId, size: number): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of store.read(id, 0, size)) hash.update(chunk)
  return hash.digest('hex')
}

/** Like Promise.all, but nothing goes on behind the back of whoever hears of a failure and closes the stores. */
export async function allOf<T>(acts: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(acts)
  return await Promise.all(acts)
}
