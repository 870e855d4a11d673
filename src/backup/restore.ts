import type { BlobStore, ListableBlobStore, ObjectId, SnapshotKeepingBlobStore } from '../blobs/blob-store.ts'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { DomainError } from '../domain/error.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { countNeeded, endAllUploads, knownAmong } from '../metadata/tables/restoring.ts'
import { damaged } from './backup-folder.ts'
import type { BackupSource } from './backup-source.ts'
import { allOf, copyObject, hashOf } from './copy-objects.ts'
import { beginRestore, loadSnapshot } from './load-snapshot.ts'
import type { ListedObject } from './object-list.ts'
import type { OpenSnapshot, SealedSnapshot } from './read-snapshot.ts'
import { openSnapshot, WrongKeyError } from './read-snapshot.ts'
import type { SnapshotHeader } from './snapshot-format.ts'

export interface RestoreDeps {
  /** The key of an installation's snapshots, from the master key at hand; `provider` says where that comes from. */
  readonly snapshotKey: (installation: string) => Promise<{ readonly key: Uint8Array; readonly provider: string }>
  /** The database to fill, at the schema of the snapshot. @throws `unsupported` when this program does not know it. */
  readonly openMetadata: (migrations: SnapshotHeader['migrations']) => Promise<MetadataStore>
  readonly blobs: ListableBlobStore & SnapshotKeepingBlobStore
  /** Marks the store as the installation's. @throws `unsupported` when it is another's. */
  readonly claim: (installation: string) => Promise<void>
  /** Whose the store is; null: nobody's. */
  readonly owner: () => Promise<string | null>
}

export interface RestoreReport {
  readonly installation: string
  readonly snapshot: SnapshotName
  /** Milliseconds UTC: the state is that of this moment. */
  readonly takenAt: number
  readonly objects: { readonly count: number; readonly bytes: number }
  /** From a store: what it holds and no row knows: what came after the snapshot. `check --repair` removes it once it is a day old. */
  readonly unknown: { readonly count: number; readonly bytes: number }
  /** Objects that rows need and that are not there. */
  readonly missing: number
}

/** Makes an installation of a backup. May be interrupted anywhere and run again. */
export async function restoreBackup(deps: RestoreDeps, source: BackupSource): Promise<RestoreReport> {
  const { manifest } = source
  await using snapshot = await openWithKey(deps, manifest.installation, source.snapshot)
  await using metadata = await deps.openMetadata(snapshot.header.migrations)
  await beginRestore(metadata, snapshot.header)
  await deps.claim(manifest.installation)
  for await (const batch of batchesOf(source.objects()))
    await allOf(batch.map((object) => bringBack(deps.blobs, source.store, object)))
  await loadSnapshot(metadata, snapshot, async () => {})
  const { count, bytes, missing } = manifest.objects
  return { ...stateOf(snapshot), objects: { count, bytes }, unknown: { count: 0, bytes: 0 }, missing: missing.length }
}

/** The same from the newest snapshot in the store, when the database is lost; or from the one that `name` tells. */
export async function restoreFromStore(deps: RestoreDeps, name: SnapshotName | null): Promise<RestoreReport> {
  const installation = await deps.owner()
  if (installation === null) throw new DomainError('not_found', 'the store carries no mark: it is not one of Entrepot')
  await using snapshot = await openWithKey(deps, installation, await chosenSnapshot(deps, name))
  await using metadata = await deps.openMetadata(snapshot.header.migrations)
  await beginRestore(metadata, snapshot.header)
  await loadSnapshot(metadata, snapshot, async (sql) => void (await endAllUploads(sql)))
  return { ...stateOf(snapshot), ...(await compareWithStore(deps.blobs, metadata)) }
}

function stateOf({ header: { installation, name, takenAt } }: OpenSnapshot) {
  return { installation, snapshot: name, takenAt }
}

async function openWithKey(deps: RestoreDeps, installation: string, sealed: SealedSnapshot): Promise<OpenSnapshot> {
  const { key, provider } = await deps.snapshotKey(installation)
  try {
    return await openSnapshot(sealed, key)
  } catch (error) {
    if (!(error instanceof WrongKeyError)) throw error
    throw new DomainError(
      'denied',
      `the master key from the ${provider} does not open the snapshot ${sealed.name} of installation ${installation}: ` +
        'use the key that was in force when it was made (or, if it is that key, the snapshot is damaged)',
      { cause: error },
    )
  }
}

async function chosenSnapshot({ blobs }: RestoreDeps, wanted: SnapshotName | null): Promise<SealedSnapshot> {
  const { snapshots } = blobs
  const all = (await Array.fromAsync(snapshots.list())).sort((one, other) => (one.name < other.name ? 1 : -1))
  const chosen = wanted === null ? all[0] : all.find(({ name }) => name === wanted)
  if (chosen === undefined) {
    const known = all.map(({ name }) => `\n  ${name}`).join('')
    const what = wanted === null ? 'no snapshot of the metadata' : `no snapshot ${wanted}; it has:${known || ' none'}`
    throw new DomainError('not_found', `the store holds ${what}`)
  }
  const { name, size } = chosen
  return { name, size, read: (start, end, chunkBytes) => snapshots.read(name, start, end, chunkBytes) }
}

const BATCH = 32

async function* batchesOf(objects: AsyncIterable<ListedObject>): AsyncGenerator<ListedObject[], void, void> {
  let batch: ListedObject[] = []
  for await (const object of objects) {
    batch.push(object)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  yield batch
}

/** An interrupted restore may have brought it already, or a part of it. */
async function bringBack(
  to: BlobStore,
  from: BackupSource['store'],
  { id, size, sha256 }: ListedObject,
): Promise<void> {
  const objectId = id as ObjectId
  const there = await to.size(objectId)
  if (there === size && (await hashOf(to, objectId, size)) === sha256) return
  if (there !== null) await to.delete(objectId)
  const actual = await copyObject(from, to, objectId, size)
  if (actual === sha256) return
  await to.delete(objectId)
  throw damaged(`object ${id} is not what was copied`)
}

const LISTED = 200

/** What the store has beyond the snapshot, and what the snapshot has beyond the store. */
async function compareWithStore(blobs: ListableBlobStore, metadata: MetadataStore) {
  const objects = { count: 0, bytes: 0 }
  const unknown = { count: 0, bytes: 0 }
  let batch: { id: string; size: number }[] = []
  const look = async (): Promise<void> => {
    const ids = batch.map(({ id }) => id)
    const known = await metadata.read((sql) => knownAmong(sql, ids))
    for (const { id, size } of batch) {
      if (known.get(id) === 0) continue
      const sum = known.has(id) ? objects : unknown
      sum.count += 1
      sum.bytes += size
    }
    batch = []
  }
  for await (const { id, size } of blobs.list()) {
    if (!/^(?!0{32})[0-9a-f]{32}$/.test(id)) continue // the store's mark, or something else's
    batch.push({ id, size })
    if (batch.length === LISTED) await look()
  }
  await look()
  const needed = await metadata.read(countNeeded)
  return { objects, unknown, missing: needed - objects.count }
}
