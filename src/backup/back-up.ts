import { open, rm } from 'node:fs/promises'
import type { BlobStore, ObjectId } from '../blobs/blob-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import type { DumpedRow } from '../metadata/tables/dump.ts'
import { auditOf } from './audit-of.ts'
import type { BackupManifest } from './backup-folder.ts'
import {
  createFile,
  damaged,
  FORMAT,
  finish,
  KEY_NOTE,
  knownLists,
  listFile,
  metadataFile,
  neededFile,
  openBackupFolder,
  staleFiles,
  sumOf,
  VERSION,
  verifyFiles,
} from './backup-folder.ts'
import type { BackupStore, Copied } from './copy-objects.ts'
import { copyObjects, hashOf } from './copy-objects.ts'
import { Hold } from './hold.ts'
import { KnownIds, readList } from './object-list.ts'
import type { SnapshotSource, WrittenSnapshot } from './write-snapshot.ts'
import { writeSnapshot } from './write-snapshot.ts'

export interface BackUpDeps extends SnapshotSource {
  readonly blobs: BlobStore
  /** The store inside a folder: made when absent. */
  readonly openFolder: (folder: string) => Promise<BackupStore & AsyncDisposable>
  readonly now: () => number
}

export interface BackUpOptions {
  readonly folder: string
  /** false: objects get bytes of their own, also on the file system of the installation. */
  readonly mayLink: boolean
  /** Reads everything in the backup once more and compares it with its sums, instead of the sizes alone. */
  readonly readAgain: boolean
}

export interface BackupReport {
  readonly manifest: BackupManifest
  readonly added: Copied['added']
  /** Objects of an earlier backup in the folder that this state does not need. */
  readonly removed: number
}

/**
 * Copies a running installation into a folder; into the one of an earlier backup only what is new. What was acknowledged
 * before `takenAt` is in it, and nothing is half in it. The protocol: docs/garbage-collection.md, 11.
 */
export async function backUp(deps: BackUpDeps, options: BackUpOptions): Promise<BackupReport> {
  const { folder } = options
  await using _alone = await openBackupFolder(folder, deps.installation, deps.now())
  await using to = await deps.openFolder(folder)
  await using hold = await Hold.take(deps.metadata)
  const snapshot = await writeMetadata(deps, folder)
  const known = await knownLists(folder)
  const list = listFile(folder, snapshot.name)
  const needed = neededFile(folder, snapshot.name)
  const copied = await copyObjects({ from: deps.blobs, to, needed, known, list, mayLink: options.mayLink })
  await hold.confirm()
  const manifest = await manifestOf(deps, folder, snapshot, copied)
  await verifyFolder(folder, to, manifest, options.readAgain)
  await finish(folder, manifest)
  await deps.metadata.transact((sql) => insertAuditEvent(sql, auditOf('installation.backup', manifest.snapshot)))
  return { manifest, added: copied.added, removed: await removeUnneeded(folder, to, manifest) }
}

export async function writeMetadata(deps: BackUpDeps, folder: string): Promise<WrittenSnapshot> {
  await using needed = new AsyncDisposableStack()
  let write: (text: string) => Promise<void> = async () => {}
  return await writeSnapshot(deps, {
    create: async (name) => {
      const file = needed.use(await open(neededFile(folder, name), 'w', 0o600))
      write = (text) => file.writeFile(text)
      return await createFile(metadataFile(folder, name))
    },
    onRows: async (table, rows) => {
      if (table === 'objects') await write(rows.filter(isNeeded).map(neededLine).join(''))
    },
  })
}

function isNeeded(row: DumpedRow): boolean {
  return row['state'] === 'stored'
}

function neededLine({ id, size }: DumpedRow): string {
  return `${id} ${size}\n`
}

export async function manifestOf(
  { installation, program, now }: BackUpDeps,
  folder: string,
  { name, takenAt, rows, size, sha256 }: WrittenSnapshot,
  { count, bytes, missing }: Copied,
): Promise<BackupManifest> {
  return {
    format: FORMAT,
    version: VERSION,
    installation,
    snapshot: name,
    takenAt: new Date(takenAt).toISOString(),
    finishedAt: new Date(now()).toISOString(),
    program,
    metadata: { bytes: size, sha256, rows },
    objects: { count, bytes, sha256: (await sumOf(listFile(folder, name))).sha256, missing },
    masterKey: KEY_NOTE,
  }
}

/** @throws `unavailable` naming what is not as it was written. */
async function verifyFolder(
  folder: string,
  store: BlobStore,
  manifest: BackupManifest,
  readAgain: boolean,
): Promise<void> {
  await verifyFiles(folder, manifest)
  const { snapshot, objects } = manifest
  let count = 0
  for await (const { id, size, sha256 } of readList(listFile(folder, snapshot))) {
    count += 1
    const there = await store.size(id as ObjectId)
    if (there !== size) throw damaged(`object ${id} has ${there ?? 'no'} bytes, not ${size}`)
    if (readAgain && (await hashOf(store, id as ObjectId, size)) !== sha256)
      throw damaged(`object ${id} is not what was copied`)
  }
  if (count !== objects.count) throw damaged(`its list names ${count} objects, not ${objects.count}`)
}

/** After the manifest: until then the earlier state must stay whole. */
async function removeUnneeded(folder: string, store: BackupStore, { snapshot, objects }: BackupManifest) {
  for (const path of await staleFiles(folder, snapshot)) await rm(path, { force: true })
  const needed = await KnownIds.of(listFile(folder, snapshot), objects.count)
  let removed = 0
  for await (const { id } of store.list()) {
    if (!/^[0-9a-f]{32}$/.test(id) || needed.has(id)) continue
    await store.delete(id as ObjectId)
    removed += 1
  }
  return removed
}
