import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore, ObjectId } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'
import { sealedSize } from '../encryption/tink-stream.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { auditOf } from './audit-of.ts'
import type { BackUpDeps, BackupReport } from './back-up.ts'
import { manifestOf, writeMetadata } from './back-up.ts'
import {
  createFile,
  damaged,
  listFile,
  metadataFile,
  neededFile,
  openBackupFolder,
  readFileRange,
} from './backup-folder.ts'
import type { BackupSource } from './backup-source.ts'
import { nameOfObject, openSource, partialOf } from './backup-source.ts'
import type { Copied } from './copy-objects.ts'
import { Tally } from './copy-objects.ts'
import { Hold } from './hold.ts'
import { lineOf, readNeeded } from './object-list.ts'
import { TarWriter } from './tar.ts'
import type { WrittenSnapshot } from './write-snapshot.ts'

export interface FileOptions {
  /** A new one: a tar with what a folder would hold. */
  readonly file: string
  readonly readAgain: boolean
}

/** The same as into a folder, in one file, always everything. Interrupted, it leaves `<file>.partial` and begins anew. */
export async function backUpToFile(deps: BackUpDeps, { file, readAgain }: FileOptions): Promise<BackupReport> {
  if (existsSync(file)) throw new DomainError('conflict', `${file} exists: name a new file`)
  const partial = partialOf(file)
  const { manifest, added } = await fill(deps, partial)
  const archive = join(partial, ARCHIVE)
  await verifyArchive(archive, readAgain)
  await rename(archive, file)
  await syncFolder(dirname(file))
  await rm(partial, { recursive: true })
  await deps.metadata.transact((sql) => insertAuditEvent(sql, auditOf('installation.backup', manifest.snapshot)))
  return { manifest, added, removed: 0 }
}

const ARCHIVE = 'archive'

async function fill(deps: BackUpDeps, partial: string) {
  await using _alone = await openBackupFolder(partial, deps.installation, deps.now())
  await using hold = await Hold.take(deps.metadata)
  const snapshot = await writeMetadata(deps, partial)
  const archive = await createFile(join(partial, ARCHIVE))
  try {
    const tar = new TarWriter(archive, snapshot.takenAt)
    const metadata = metadataFile(partial, snapshot.name)
    await addFile(tar, metadata, metadataFile('', snapshot.name), snapshot.size)
    const copied = await addObjects(deps.blobs, tar, partial, snapshot)
    await hold.confirm()
    const manifest = await manifestOf(deps, partial, snapshot, copied)
    const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
    await tar.add('backup.json', text.length, chunksOf(text))
    await tar.end()
    await archive.close()
    return { manifest, added: copied.added }
  } catch (error) {
    await archive.discard()
    throw error
  }
}

async function addObjects(
  from: BlobStore,
  tar: TarWriter,
  partial: string,
  { name }: WrittenSnapshot,
): Promise<Copied> {
  const tally = new Tally()
  const path = listFile(partial, name)
  await using list = await open(path, 'w', 0o600)
  for await (const { id, size: plain } of readNeeded(neededFile(partial, name))) {
    const size = sealedSize(plain)
    if ((await from.size(id as ObjectId)) !== size) {
      tally.add({ how: 'missing', object: { id, size, sha256: '' } })
      continue
    }
    const hash = createHash('sha256')
    await tar.add(nameOfObject(id), size, hashed(from.read(id as ObjectId, 0, size), hash))
    const object = { id, size, sha256: hash.digest('hex') }
    await list.writeFile(lineOf(object))
    tally.add({ how: 'copied', object })
  }
  await addFile(tar, path, listFile('', name), (await list.stat()).size)
  return tally
}

async function addFile(tar: TarWriter, path: string, name: string, size: number): Promise<void> {
  await tar.add(name, size, readFileRange(path, 0, size, 1024 * 1024))
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}

async function verifyArchive(path: string, readAgain: boolean): Promise<void> {
  const source = await openSource(path, () => Promise.reject(new TypeError('it is a file')))
  let count = 0
  for await (const object of source.objects()) {
    count += 1
    if (readAgain) await verifyObject(source, object)
  }
  if (count === source.manifest.objects.count) return
  throw damaged(`it lists ${count} objects, not ${source.manifest.objects.count}`)
}

async function verifyObject(
  { store }: BackupSource,
  { id, size, sha256 }: { id: string; size: number; sha256: string },
) {
  const hash = createHash('sha256')
  for await (const chunk of store.read(id as ObjectId, 0, size)) hash.update(chunk)
  if (hash.digest('hex') !== sha256) throw damaged(`object ${id} is not what was copied`)
}

async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
