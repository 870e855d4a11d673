import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectWriter } from '../blobs/blob-store.ts'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { isSnapshotName } from '../blobs/snapshot-store.ts'
import { DomainError } from '../domain/error.ts'
import type { RowCounts } from './snapshot-format.ts'

/**
 * A backup is a folder:
 *
 *     backup.json           this, written last: a folder with it is whole
 *     metadata-<snapshot>   the encrypted snapshot of the metadata
 *     objects-<snapshot>    the list of objects: id, bytes, SHA-256
 *     objects/ab/cdef…      the objects, encrypted as they were stored
 *     unfinished.json       while a backup is being made, and after one was interrupted
 *     lock                  whose process is making one
 */
export interface BackupManifest {
  readonly format: typeof FORMAT
  readonly version: number
  readonly installation: string
  readonly snapshot: SnapshotName
  /** RFC 3339: everything acknowledged before is in the backup. */
  readonly takenAt: string
  readonly finishedAt: string
  readonly program: string
  readonly metadata: { readonly bytes: number; readonly sha256: string; readonly rows: RowCounts }
  readonly objects: {
    readonly count: number
    readonly bytes: number
    /** Of the list. */
    readonly sha256: string
    /** Objects that the installation should have had, and had not. */
    readonly missing: readonly string[]
  }
  readonly masterKey: string
}

export const FORMAT = 'entrepot backup'
export const VERSION = 1
export const KEY_NOTE = 'not in this backup: restoring needs the master key that was in force when it was made'

const MANIFEST = 'backup.json'
const UNFINISHED = 'unfinished.json'
const LOCK = 'lock'

export const metadataFile = (folder: string, name: SnapshotName): string => join(folder, `metadata-${name}`)
export const listFile = (folder: string, name: SnapshotName): string => join(folder, `objects-${name}`)
export const neededFile = (folder: string, name: SnapshotName): string => join(folder, `needed-${name}`)

export interface Unfinished {
  readonly installation: string
  readonly startedAt: string
}

/** Null: it is none, or not a whole one. @throws `unsupported` for one of a newer program. */
export async function readManifest(folder: string): Promise<BackupManifest | null> {
  const path = join(folder, MANIFEST)
  const text = await readText(path)
  return text === null ? null : parseManifest(text, path)
}

/** @throws `unsupported` naming `source` when it is none of ours, or one of a newer program. */
export function parseManifest(text: string, source: string): BackupManifest {
  const manifest = parse(text, source) as BackupManifest
  if (manifest?.format !== FORMAT || !isSnapshotName(String(manifest.snapshot)))
    throw new DomainError('unsupported', `${source} holds no manifest of a backup`)
  if (manifest.version > VERSION)
    throw new DomainError(
      'unsupported',
      `this backup has the format ${manifest.version}, written by Entrepot ${manifest.program}; this program knows ${VERSION}: ` +
        'use a program at least as new as the one that wrote it',
    )
  return manifest
}

export async function readUnfinished(folder: string): Promise<Unfinished | null> {
  const path = join(folder, UNFINISHED)
  const text = await readText(path)
  return text === null ? null : (parse(text, path) as Unfinished)
}

/**
 * Ready to be written into, by this process alone. @throws `conflict` for a folder with something else in it, another
 * installation's backup, or one that is just being made.
 */
export async function openBackupFolder(folder: string, installation: string, now: number): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const owner = (await readUnfinished(folder)) ?? (await readManifest(folder))
  const names = await readdir(folder)
  if (owner === null && names.some((name) => name !== LOCK))
    throw new DomainError(
      'conflict',
      `${folder} is not empty and holds no backup: name a new folder, or one with a backup`,
    )
  if (owner !== null && owner.installation !== installation)
    throw new DomainError(
      'conflict',
      `${folder} holds a backup of installation ${owner.installation}, this one is ${installation}: name another folder`,
    )
  const path = join(folder, LOCK)
  await lock(path)
  await writeDurably(folder, UNFINISHED, { installation, startedAt: new Date(now).toISOString() })
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}

/** From here on it is whole, and this state. */
export async function finish(folder: string, manifest: BackupManifest): Promise<void> {
  await writeDurably(folder, MANIFEST, manifest)
  await rm(join(folder, UNFINISHED), { force: true })
}

/** What belongs to other snapshots than `name`. */
export async function staleFiles(folder: string, name: SnapshotName): Promise<string[]> {
  const names = await readdir(folder)
  return names
    .filter((file) => /^(metadata|objects|needed)-/.test(file) && (file.startsWith('needed-') || !file.endsWith(name)))
    .map((file) => join(folder, file))
}

/** Lists of objects that lie there, whole or not: what they name is there already. */
export async function knownLists(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((file) => file.startsWith('objects-')).map((file) => join(folder, file))
}

/** A new file, durable once closed. */
export async function createFile(path: string): Promise<ObjectWriter> {
  const file = await open(path, 'w', 0o600)
  return {
    write: async (chunks) => {
      for (const chunk of chunks) await file.writeFile(chunk)
    },
    close: async () => {
      await file.sync()
      await file.close()
    },
    discard: async () => {
      await file.close().catch(() => {})
      await rm(path, { force: true })
    },
  }
}

export async function* readFileRange(path: string, start: number, end: number, chunkBytes: number) {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(chunkBytes)
    for (let at = start; at < end; ) {
      const filled = await fill(file, buffer.subarray(0, Math.min(chunkBytes, end - at)), at)
      at += filled.length
      yield filled
    }
  } finally {
    await file.close()
  }
}

async function fill(file: FileHandle, target: Buffer, position: number): Promise<Buffer> {
  for (let filled = 0; filled < target.length; ) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, position + filled)
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    filled += bytesRead
  }
  return target
}

/** The two files that everything else hangs on. @throws `unavailable` when one is not what was written. */
export async function verifyFiles(
  folder: string,
  { snapshot, metadata, objects }: Pick<BackupManifest, 'snapshot' | 'metadata' | 'objects'>,
): Promise<void> {
  const files = [
    { path: metadataFile(folder, snapshot), sha256: metadata.sha256 },
    { path: listFile(folder, snapshot), sha256: objects.sha256 },
  ]
  for (const { path, sha256 } of files)
    if ((await sumOf(path)).sha256 !== sha256) throw damaged(`${path} is not what was written`)
}

export function damaged(detail: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `the backup is damaged: ${detail}`, { cause })
}

export async function sumOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') }
}

async function readText(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DomainError('unsupported', `${source} is damaged: it is no JSON`, { cause })
  }
}

async function writeDurably(folder: string, name: string, value: unknown): Promise<void> {
  const path = join(folder, name)
  const writer = await createFile(`${path}.new`)
  await writer.write([Buffer.from(`${JSON.stringify(value, null, 2)}\n`)])
  await writer.close()
  await rename(`${path}.new`, path)
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** A process that is gone holds no lock. */
async function lock(path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(`${process.pid}\n`)
      await file.close()
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === 3) throw error
    }
    const pid = Number(await readFile(path, 'utf8').catch(() => ''))
    if (isAlive(pid))
      throw new DomainError(
        'conflict',
        `process ${pid} is making a backup in this folder: wait for it, or remove ${path} if that process is something else`,
      )
    await rm(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
