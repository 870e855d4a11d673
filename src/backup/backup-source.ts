import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { BlobStore, ObjectId } from '../blobs/blob-store.ts'
import { DomainError } from '../domain/error.ts'
import type { BackupManifest } from './backup-folder.ts'
import {
  damaged,
  listFile,
  metadataFile,
  parseManifest,
  readFileRange,
  readManifest,
  readUnfinished,
  verifyFiles,
} from './backup-folder.ts'
import type { ListedObject } from './object-list.ts'
import { readList, readListIn } from './object-list.ts'
import type { SealedSnapshot } from './read-snapshot.ts'
import type { TarEntry } from './tar.ts'
import { entriesOf } from './tar.ts'

/** A whole backup to read from, whatever its form. */
export interface BackupSource {
  readonly manifest: BackupManifest
  readonly snapshot: SealedSnapshot
  /** In the order of ids. */
  objects(): AsyncIterable<ListedObject>
  /** The bytes of listed objects. */
  readonly store: Pick<BlobStore, 'read'>
}

/** @throws `not_found`, `unavailable` for one that is unfinished or damaged, `unsupported` for one of a newer program. */
export async function openSource(
  path: string,
  openFolder: (folder: string) => Promise<BlobStore>,
): Promise<BackupSource> {
  const facts = await stat(path).catch(() => null)
  if (facts === null) throw await absent(path)
  return facts.isDirectory() ? await folderSource(path, openFolder) : await fileSource(path)
}

async function absent(path: string): Promise<DomainError> {
  if ((await readUnfinished(partialOf(path))) !== null)
    return new DomainError('unavailable', `the backup ${path} was interrupted: run entrepot backup again`)
  return new DomainError('not_found', `${path} does not exist`)
}

/** Where a backup into a file is made; renamed when it is whole. */
export function partialOf(file: string): string {
  return `${file}.partial`
}

async function folderSource(folder: string, openFolder: (folder: string) => Promise<BlobStore>): Promise<BackupSource> {
  const manifest = await readManifest(folder)
  if (manifest === null) {
    const unfinished = await readUnfinished(folder)
    if (unfinished === null) throw new DomainError('not_found', `${folder} holds no backup`)
    throw new DomainError(
      'unavailable',
      `the backup in ${folder}, begun ${unfinished.startedAt}, was interrupted: run entrepot backup again, which continues it`,
    )
  }
  await verifyFiles(folder, manifest)
  const path = metadataFile(folder, manifest.snapshot)
  return {
    manifest,
    snapshot: {
      name: manifest.snapshot,
      size: manifest.metadata.bytes,
      read: (start, end, chunkBytes) => readFileRange(path, start, end, chunkBytes),
    },
    objects: () => readList(listFile(folder, manifest.snapshot)),
    store: await openFolder(folder),
  }
}

async function fileSource(file: string): Promise<BackupSource> {
  const entries = new Map<string, TarEntry>()
  for await (const entry of entriesOf(file)) entries.set(entry.name, entry)
  const find = (name: string): TarEntry => {
    const entry = entries.get(name)
    if (entry === undefined) throw damaged(`${file} lacks ${name}`)
    return entry
  }
  const range = ({ offset, size }: TarEntry, start = 0, end = size, chunkBytes = CHUNK) =>
    readFileRange(file, offset + start, offset + end, chunkBytes)
  const manifest = parseManifest(
    Buffer.concat(await Array.fromAsync(range(find('backup.json')), copy)).toString(),
    file,
  )
  const [metadata, list] = [metadataFile('', manifest.snapshot), listFile('', manifest.snapshot)].map(find)
  if (metadata === undefined || list === undefined) throw new TypeError('two names, two entries')
  for (const [entry, sha256] of [
    [metadata, manifest.metadata.sha256],
    [list, manifest.objects.sha256],
  ] as const) {
    const hash = createHash('sha256')
    for await (const chunk of range(entry)) hash.update(chunk)
    if (hash.digest('hex') !== sha256) throw damaged(`${entry.name} in ${file} is not what was written`)
  }
  return {
    manifest,
    snapshot: {
      name: manifest.snapshot,
      size: metadata.size,
      read: (start, end, chunkBytes) => range(metadata, start, end, chunkBytes),
    },
    objects: () => readListIn(Readable.from(copies(range(list)), { objectMode: false })),
    store: {
      read: (id: ObjectId, start, end, chunkBytes) => range(find(nameOfObject(id)), start, end, chunkBytes),
    },
  }
}

const CHUNK = 1024 * 1024

/** As in a folder. */
export function nameOfObject(id: string): string {
  return `objects/${id.slice(0, 2)}/${id.slice(2)}`
}

function copy(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk)
}

/** A stream keeps what it is given; the reader uses its buffer again. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of chunks) yield copy(chunk)
}
