import assert from 'node:assert/strict'
import { mkdtemp, open, rename, rm, stat, truncate, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestRegistry } from '../../test/support/registry.ts'
import { bodyOf, openTestRegistry, place, pushBlob, pusher, sha256 } from '../../test/support/registry.ts'
import type { ListableBlobStore, ObjectId } from '../blobs/blob-store.ts'
import { openFsBlobStore } from '../blobs/fs.ts'
import { createMemoryBlobStore } from '../blobs/memory.ts'
import type { Digest } from '../domain/digest.ts'
import type { TagName } from '../domain/reference.ts'
import { sealedSize } from '../encryption/tink-stream.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import type { CheckOptions, CheckReport } from './check.ts'
import { runCheck } from './check.ts'
import type { ProblemKind } from './problem.ts'
import { claimStore, MARKER_ID, storeOwner } from './store-marker.ts'

const INSTALLATION = '6f4ff5a2-2d5f-4f0f-9d0e-6a3c6b1b9a01'
const FOREIGN = '11111111-2222-4333-8444-555555555555'
const DAY = 24 * 3_600_000
const LAYER = Buffer.alloc(3_000_000, 'layer')
const CONFIG = Buffer.from('{"architecture":"amd64"}')

interface Installation extends AsyncDisposable {
  readonly opened: TestRegistry
  readonly blobs: ListableBlobStore
  readonly manifest: Digest
  pathOf(objectId: string): string
  objectOf(digest: Digest): Promise<string>
  check(options?: Partial<CheckOptions>): Promise<CheckReport>
}

/** One image of two blobs under two tags, the layer in three objects; an index; an open upload. */
async function install(): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-check-'))
  const blobs = await openFsBlobStore({ directory, sync: false })
  await claimStore(blobs, INSTALLATION)
  const opened = await openTestRegistry({ blobs, limits: { objectBytes: 1_100_000 } })
  const { registry, metadata, deps, clock } = opened
  const where = place('team/app')
  for (const bytes of [LAYER, CONFIG]) await pushBlob(registry, where, bytes)
  const manifest = await pushManifest(opened, 'team/app', imageOf(CONFIG, LAYER), 'v1')
  const { id } = await registry.startUpload(where, pusher, 'sha256')
  await registry.appendToUpload(where, pusher, id, bodyOf(Buffer.from('half of it')))
  await metadata.transact((sql) => sql.run`UPDATE data_keys SET wrapped = ${Buffer.from('by the test')}`)
  clock.now = Date.now()
  return {
    opened,
    blobs,
    manifest,
    pathOf: (id) => join(directory, 'objects', id.slice(0, 2), id.slice(2)),
    objectOf: (digest) => objectOf(opened, digest),
    check: async (options = {}) =>
      await runCheck(
        { metadata, blobs, keyring: deps.keyring, installation: INSTALLATION, now: Date.now },
        { depth: 'bytes', repair: false, ...options },
      ),
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await blobs[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

function imageOf(config: Buffer, ...layers: Buffer[]): Buffer {
  const descriptor = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: sha256(bytes), size: bytes.length })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')),
    }),
  )
}

async function pushManifest({ registry }: TestRegistry, repository: string, bytes: Buffer, tag: string) {
  const reference = { kind: 'tag', tag: tag as TagName } as const
  return (await registry.pushManifest(place(repository), pusher, reference, [], { mediaType: null, bytes })).digest
}

async function objectOf({ metadata }: TestRegistry, digest: Digest): Promise<string> {
  const row = await metadata.read(
    (sql) =>
      sql.get<{ object_id: string }>`
      SELECT p.object_id FROM blob_objects p JOIN blobs b ON b.id = p.blob_id
       WHERE b.digest = ${digest} AND b.state = 'live' ORDER BY p.position LIMIT 1`,
  )
  assert.ok(row)
  return row.object_id
}

const kindsOf = (report: CheckReport): ProblemKind[] => [...new Set(report.problems.map(({ kind }) => kind))].sort()

test('runCheck: an installation at work is clean, and everything was looked at', async () => {
  await using installation = await install()
  const report = await installation.check()
  assert.deepEqual(report.problems, [])
  const { counted, pending } = report
  assert.deepEqual(
    { ...counted, storedBytes: 0 },
    {
      keys: 1,
      registries: 1,
      repositories: 1,
      manifests: 1,
      tags: 1,
      links: 2,
      blobs: 2,
      blobBytes: LAYER.length + CONFIG.length,
      objects: 5,
      stored: 5,
      storedBytes: 0,
      uploads: 1,
    },
  )
  assert.deepEqual(pending, { writing: 0, abandoned: 0, deleting: 0, young: 0 })
})

test('runCheck: what was deleted, or is being written or removed, is no damage', async () => {
  await using installation = await install()
  const { registry, metadata } = installation.opened
  await registry.deleteManifest(place('team/app'), pusher, { kind: 'digest', digest: installation.manifest })
  await registry.deleteBlob(place('team/app'), pusher, sha256(CONFIG))
  await metadata.transact(async (sql) => {
    await addObject(sql, 'a'.repeat(32), 'writing', sql.now() + DAY)
    await addObject(sql, 'b'.repeat(32), 'writing', sql.now() - 1)
    await addObject(sql, 'c'.repeat(32), 'deleting', 0)
  })
  const report = await installation.check()
  assert.deepEqual(report.problems, [])
  assert.deepEqual(report.pending, { writing: 1, abandoned: 1, deleting: 1, young: 0 })
})

async function addObject(sql: Transaction, id: string, state: string, leaseUntil: number): Promise<void> {
  await sql.run`
    INSERT INTO objects (id, registry_id, data_key_id, state, lease_until, created_at) VALUES (${id}, 1, 1, ${state}, ${leaseUntil}, 0)`
}

/** Damage done to the objects, with the digest of the blob it is done to. */
const objectDamage: readonly {
  name: string
  want: ProblemKind[]
  rows?: ProblemKind[]
  act: (path: string, installation: Installation) => Promise<void>
}[] = [
  { name: 'a bit flipped in the header', want: ['blob_damaged'], rows: [], act: (path) => flip(path, 5) },
  { name: 'a bit flipped in the middle', want: ['blob_damaged'], rows: [], act: (path) => flip(path, 700_000) },
  { name: 'a bit flipped in the last byte', want: ['blob_damaged'], rows: [], act: async (path) => flip(path, -1) },
  {
    name: 'the last byte cut off',
    want: ['blob_damaged', 'object_size'],
    rows: ['object_size'],
    act: async (path) => truncate(path, (await stat(path)).size - 1),
  },
  {
    name: 'a byte too many',
    want: ['object_size'],
    act: async (path) => {
      await using file = await open(path, 'a')
      await file.write('x')
    },
  },
  { name: 'the file gone', want: ['blob_damaged', 'object_missing'], rows: ['object_missing'], act: unlink },
  {
    name: 'another object under its name',
    want: ['blob_damaged', 'object_missing', 'object_size'],
    rows: ['object_missing', 'object_size'],
    act: async (path, { objectOf, pathOf }) => rename(pathOf(await objectOf(sha256(CONFIG))), path),
  },
]

for (const { name, want, rows = want, act } of objectDamage) {
  test(`runCheck finds ${name}`, async () => {
    await using installation = await install()
    await act(installation.pathOf(await installation.objectOf(sha256(LAYER))), installation)
    const report = await installation.check()
    assert.deepEqual(kindsOf(report), want, JSON.stringify(report.problems))
    assert.deepEqual(kindsOf(await installation.check({ depth: 'rows' })), rows)
  })
}

async function flip(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+')
  const at = position < 0 ? (await file.stat()).size + position : position
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 1
  await file.write(byte, 0, 1, at)
}

/** Damage done to the rows. */
const rowDamage: readonly {
  name: string
  want: ProblemKind[]
  subject: RegExp
  act: (sql: Transaction) => Promise<unknown>
}[] = [
  {
    name: 'a config that its repository may not serve',
    want: ['manifest_incomplete'],
    subject: /^team\/app@sha256:/,
    act: (sql) => sql.run`
      UPDATE repository_blobs SET delete_id = (SELECT MIN(id) FROM deletions) WHERE digest = ${sha256(CONFIG)}`,
  },
  {
    name: 'a blob of another size than the manifest says',
    want: ['blob_parts', 'manifest_incomplete'],
    subject: /./,
    act: (sql) => sql.run`UPDATE blobs SET size = size + 1 WHERE digest = ${sha256(CONFIG)}`,
  },
  {
    name: 'a part that is gone',
    want: ['blob_parts', 'object_without_owner'],
    subject: /./,
    act: (sql) => sql.run`DELETE FROM blob_objects WHERE position = 1`,
  },
  {
    name: 'parts in the wrong places',
    want: ['blob_parts'],
    subject: /^sha256:/,
    act: (sql) => sql.run`UPDATE blob_objects SET start = start + 1 WHERE position = 2`,
  },
  {
    name: "a live blob's object marked for removal",
    want: ['blob_parts'],
    subject: /^sha256:/,
    act: (sql) =>
      sql.run`UPDATE objects SET state = 'deleting' WHERE id = (SELECT object_id FROM blob_objects WHERE position = 2)`,
  },
  {
    name: 'a link to a blob that is being removed',
    want: ['link_stray', 'manifest_incomplete'],
    subject: /./,
    act: (sql) => sql.run`UPDATE blobs SET state = 'deleting' WHERE digest = ${sha256(CONFIG)}`,
  },
  {
    name: 'a link to the blob of another digest',
    want: ['link_stray', 'manifest_incomplete'],
    subject: /./,
    act: (sql) => sql.run`
      UPDATE repository_blobs SET blob_id = (SELECT id FROM blobs WHERE digest = ${sha256(LAYER)}) WHERE digest = ${sha256(CONFIG)}`,
  },
  {
    name: 'a manifest whose bytes changed',
    want: ['manifest_damaged'],
    subject: /^team\/app@sha256:/,
    act: (sql) => sql.run`UPDATE manifests SET content = ${Buffer.alloc(60, 7)}`,
  },
  {
    name: 'a manifest moved to another digest',
    want: ['manifest_damaged'],
    subject: /^team\/app@sha256:0/,
    act: (sql) => sql.run`UPDATE manifests SET digest = ${`sha256:${'0'.repeat(64)}`}`,
  },
  {
    name: 'an edge that is gone',
    want: ['manifest_rows'],
    subject: /^team\/app@sha256:/,
    act: (sql) => sql.run`DELETE FROM manifest_edges WHERE kind = 'layer'`,
  },
  {
    name: 'a subject that the manifest does not have',
    want: ['manifest_rows'],
    subject: /^team\/app@sha256:/,
    act: (sql) => sql.run`UPDATE manifests SET subject = ${sha256(LAYER)}`,
  },
  {
    name: 'a tag that points into another repository',
    want: ['tag_stray'],
    subject: /^other:v1$/,
    act: async (sql) => {
      await sql.run`INSERT INTO repositories (id, registry_id, name, created_at, created_by) VALUES (77, 1, 'other', 0, 'test')`
      await sql.run`INSERT INTO repository_counters (repository_id) VALUES (77)`
      await sql.run`UPDATE tags SET repository_id = 77`
    },
  },
  {
    name: 'lost counters of a repository',
    want: ['counters_missing'],
    subject: /^team\/app$/,
    act: (sql) => sql.run`DELETE FROM repository_counters`,
  },
  {
    name: 'lost counters of a manifest',
    want: ['counters_missing', 'counters_wrong'],
    subject: /^team\/app/,
    act: (sql) => sql.run`DELETE FROM manifest_counters`,
  },
  {
    name: 'an artifact that is not counted',
    want: ['counters_wrong'],
    subject: /^team\/app$/,
    act: (sql) => sql.run`UPDATE repository_counters SET artifact_count = artifact_count - 1`,
  },
  {
    name: 'an artifact that is not listed',
    want: ['counters_wrong'],
    subject: /^team\/app$/,
    act: (sql) => sql.run`UPDATE manifest_counters SET is_listed = 0`,
  },
  {
    name: 'a repository that is not listed',
    want: ['counters_wrong'],
    subject: /^team\/app$/,
    act: (sql) => sql.run`UPDATE repository_counters SET listing = NULL`,
  },
  {
    name: 'an upload that lost an object',
    want: ['object_without_owner', 'upload_parts'],
    subject: /./,
    act: (sql) => sql.run`DELETE FROM upload_objects`,
  },
  {
    name: 'a registry without a key',
    want: ['registry_without_key'],
    subject: /^acme$/,
    act: (sql) => sql.run`UPDATE data_keys SET wrapped = NULL, destroyed_at = 1`,
  },
]

for (const { name, want, subject, act } of rowDamage) {
  test(`runCheck finds ${name}`, async () => {
    await using installation = await install()
    await installation.opened.metadata.transact(async (sql) => {
      await sql.run`
        INSERT INTO deletions (kind, contract_id, registry_id, subject, deleted_by, deleted_at, purge_after)
        VALUES ('blob', 1, 1, 'x', 'test', 0, 0)`
      await act(sql)
    })
    const report = await installation.check()
    assert.deepEqual(kindsOf(report), want, JSON.stringify(report.problems))
    for (const problem of report.problems) assert.match(problem.subject, subject)
  })
}

test('runCheck: a data key that does not unwrap is one problem, not one for each blob', async () => {
  await using installation = await install()
  const { metadata, blobs } = installation.opened
  const refuse = async (): Promise<never> => {
    throw new Error('wrong key')
  }
  const deps = { metadata, blobs: installation.blobs, keyring: { current: refuse, byId: refuse }, now: Date.now }
  const report = await runCheck({ ...deps, installation: INSTALLATION }, { depth: 'bytes', repair: false })
  assert.deepEqual(kindsOf(report), ['key_unreadable'])
  assert.equal(blobs, installation.blobs)
})

test('runCheck: an object without a row is reported after a day, and only then repaired', async () => {
  await using installation = await install()
  const id = 'd'.repeat(32) as ObjectId
  await writeFile(installation.pathOf(id), 'left behind by a dead process')
  const young = await installation.check({ repair: true })
  assert.deepEqual(young.problems, [])
  assert.equal(young.pending.young, 1)

  const yesterday = new Date(Date.now() - DAY - 1_000)
  await utimes(installation.pathOf(id), yesterday, yesterday)
  assert.deepEqual(kindsOf(await installation.check()), ['object_without_row'])
  assert.ok(await installation.blobs.size(id), 'without repair nothing is changed')
  const repaired = await installation.check({ repair: true })
  assert.deepEqual(repaired.problems, [])
  assert.equal(repaired.repaired, 1)
  assert.equal(await installation.blobs.size(id), null)
  assert.deepEqual((await installation.check()).problems, [], 'nothing else was removed')
})

test('runCheck: what is no object is reported and never removed', async () => {
  await using installation = await install()
  const path = installation.pathOf('00notes.txt')
  await writeFile(path, 'somebody put this here')
  await utimes(path, 0, 0)
  assert.deepEqual(kindsOf(await installation.check({ repair: true })), ['object_foreign'])
  assert.ok((await stat(path)).size)
})

test('runCheck: an object that vanishes between the list and the rows is no problem', async () => {
  await using installation = await install()
  const id = 'e'.repeat(32) as ObjectId
  await writeFile(installation.pathOf(id), 'x')
  await utimes(installation.pathOf(id), 0, 0)
  const { blobs, opened } = installation
  const listing: ListableBlobStore = {
    create: (object) => blobs.create(object),
    read: (object, start, end, chunk) => blobs.read(object, start, end, chunk),
    size: (object) => blobs.size(object),
    delete: (object) => blobs.delete(object),
    async *list() {
      yield* blobs.list()
      await blobs.delete(id)
    },
  }
  const deps = { metadata: opened.metadata, blobs: listing, keyring: opened.deps.keyring, now: Date.now }
  const report = await runCheck({ ...deps, installation: INSTALLATION }, { depth: 'rows', repair: true })
  assert.deepEqual(report.problems, [])
  assert.equal(report.repaired, 0)
})

test("runCheck: another installation's store is refused before anything is looked at", async () => {
  await using installation = await install()
  const { metadata, deps } = installation.opened
  const foreign = { metadata, blobs: installation.blobs, keyring: deps.keyring, installation: FOREIGN, now: Date.now }
  const refused = { kind: 'unsupported', message: new RegExp(`${INSTALLATION}.*${FOREIGN}`) }
  await assert.rejects(runCheck(foreign, { depth: 'rows', repair: true }), refused)
  await assert.rejects(claimStore(installation.blobs, FOREIGN), refused)
})

test('claimStore: marks a new store once, mends a half-written mark, refuses a strange one', async () => {
  const blobs = createMemoryBlobStore()
  assert.equal(await storeOwner(blobs), null)
  const half = await blobs.create(MARKER_ID)
  await half.write([Buffer.from(INSTALLATION.slice(0, 10))])
  await half.close()
  await claimStore(blobs, INSTALLATION)
  await claimStore(blobs, INSTALLATION)
  assert.equal(await storeOwner(blobs), INSTALLATION)

  await blobs.delete(MARKER_ID)
  const strange = await blobs.create(MARKER_ID)
  await strange.write([Buffer.alloc(sealedSize(100))])
  await strange.close()
  await assert.rejects(claimStore(blobs, INSTALLATION), { kind: 'unsupported' })
})
