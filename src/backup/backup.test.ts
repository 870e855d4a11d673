import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Installation, PushedImage } from '../../test/support/installation.ts'
import { APP, configOf, openInstallation, temporaryFolder } from '../../test/support/installation.ts'
import { pusher } from '../../test/support/registry.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openFsBlobStore } from '../blobs/fs.ts'
import { openLocal } from '../compose.ts'
import type { Config } from '../config/config.ts'
import { DomainError } from '../domain/error.ts'
import { createGc } from '../gc/gc.ts'
import { SILENT } from '../http/log.ts'
import { restoreLocal } from '../local-restore.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { openStores } from '../open-stores.ts'
import { createRooms } from '../rooms.ts'
import type { BackUpDeps, BackUpOptions } from './back-up.ts'
import { backUp } from './back-up.ts'
import { backUpToFile } from './back-up-to-file.ts'
import { Hold } from './hold.ts'

async function setUp(t: TestContext) {
  const folder = await temporaryFolder(t)
  const app = await openInstallation(configOf(join(folder, 'data')))
  t.after(() => app[Symbol.asyncDispose]())
  const backup = join(folder, 'backup')
  return {
    folder,
    app,
    backup,
    backUp: (more: Partial<BackUpOptions> = {}) =>
      app.rooms.backup.backUp({ folder: backup, mayLink: true, readAgain: true, ...more }),
    /** Into a new directory that holds the master key alone. */
    restore: async (name = 'restored') => {
      const config = await emptyPlace(join(folder, name), app.config)
      return { config, report: await restoreLocal(config, { from: 'backup', path: backup }) }
    },
  }
}

async function emptyPlace(data: string, { data: from }: Config): Promise<Config> {
  await mkdir(data)
  await copyFile(join(from, 'master.key'), join(data, 'master.key'))
  return configOf(data)
}

async function assertWhole(config: Config, images: readonly PushedImage[]): Promise<void> {
  {
    await using local = await openLocal(config)
    const { problems } = await local.check({ repair: false, fast: false })
    assert.deepEqual(problems, [])
  }
  await using app = await openInstallation(config)
  for (const image of images) await app.pullImage(image)
}

function deleteImage({ rooms }: Installation, { digest }: PushedImage): Promise<void> {
  return rooms.registry.deleteManifest(APP, pusher, { kind: 'digest', digest })
}

function is(kind: DomainError['kind'], says: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DomainError, String(error))
    assert.equal(error.kind, kind, error.message)
    assert.match(error.message, says)
    return true
  }
}

test('what was backed up is restored bit-exact, and nothing of what came after', async (t) => {
  const { app, backUp, restore, backup } = await setUp(t)
  const images = [await app.pushImage('v1'), await app.pushImage('v2', 3_000_000)]
  await app.beginUpload(Buffer.alloc(2_000_000, 1))
  const { manifest, added } = await backUp()
  const [first] = images
  assert.ok(first)
  await app.pushImage('later')
  await deleteImage(app, first)

  const { config, report } = await restore()
  assert.deepEqual(report.objects, { count: manifest.objects.count, bytes: manifest.objects.bytes })
  assert.deepEqual([report.missing, added.count], [0, manifest.objects.count])
  assert.ok(added.linked === added.count, 'one file system')
  await assertWhole(config, images)
  await using restored = await openInstallation(config)
  assert.deepEqual((await restored.rooms.registry.listTags(APP, { limit: 9, after: null })).names, ['v1', 'v2'])
  const acts = await restored.stores.metadata.read(
    (sql) => sql.all<{ action: string; subject: string }>`
      SELECT action, subject FROM audit_events WHERE action LIKE 'installation.%'`,
  )
  assert.deepEqual(
    acts.map(({ action, subject }) => [action, subject]),
    [['installation.restore', manifest.snapshot]],
  )
  const text = await readFile(join(backup, 'backup.json'), 'utf8')
  assert.match(text, /"masterKey": "not in this backup/)
})

test('neither key nor names are in a backup', async (t) => {
  const { app, backUp, backup } = await setUp(t)
  await app.pushImage('a-telling-name')
  await backUp()
  const key = (await readFile(join(app.config.data, 'master.key'), 'utf8')).split('\n').at(-2) ?? ''
  const secrets = [Buffer.from(key), Buffer.from(key, 'base64'), Buffer.from('a-telling-name'), Buffer.from('acme')]
  for (const entry of await readdir(backup, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    for (const secret of secrets) assert.ok(!bytes.includes(secret), `${entry.name} holds a secret`)
  }
})

test('into the folder of an earlier backup only what is new is copied, and what is not needed goes', async (t) => {
  const { app, backUp, restore, backup } = await setUp(t)
  const kept = await app.pushImage('kept')
  const upload = await app.beginUpload(Buffer.alloc(1000, 1))
  const first = await backUp({ mayLink: false })
  assert.deepEqual([first.added.count, first.added.linked, first.removed], [4, 0, 0])
  const added = await app.pushImage('added')
  await app.rooms.registry.cancelUpload(APP, pusher, upload)
  await app.rooms.gc.removeObjects()
  const second = await backUp({ mayLink: false })
  assert.deepEqual([second.added.count, second.removed, second.manifest.objects.count], [3, 1, 6])
  const files = (await readdir(backup)).filter((name) => name !== 'objects').map((name) => name.split('-')[0])
  assert.deepEqual(files.sort(), ['backup.json', 'metadata', 'objects'])
  await assertWhole((await restore()).config, [kept, added])
})

test('what is deleted and swept while the backup runs is in it all the same', async (t) => {
  const { app, backup, restore } = await setUp(t)
  const image = await app.pushImage('v1')
  const upload = await app.beginUpload(Buffer.alloc(1000, 1))
  let swept = 0
  // Between the snapshot and the first object.
  await backUp(
    depsOf(app, async (count) => {
      if (count > 1) return
      await app.rooms.registry.cancelUpload(APP, pusher, upload)
      await deleteImage(app, image)
      swept += await app.rooms.gc.removeObjects()
    }),
    { folder: backup, mayLink: false, readAgain: true },
  )
  assert.equal(swept, 0, 'held')
  assert.equal(await app.rooms.gc.removeObjects(), 1, 'and removed afterwards')
  await assertWhole((await restore()).config, [image])
})

/** As `createRooms` makes them, with `between` before the first object is looked at. */
function depsOf({ stores, config }: Installation, between: (count: number) => Promise<void>): BackUpDeps {
  const { metadata, blobs, keys } = stores
  let count = 0
  const watched: BlobStore = {
    create: (id) => blobs.create(id),
    read: (id, start, end, chunkBytes) => blobs.read(id, start, end, chunkBytes),
    delete: (id) => blobs.delete(id),
    size: async (id) => {
      count += 1
      await between(count)
      return await blobs.size(id)
    },
  }
  return {
    metadata,
    blobs: watched,
    installation: keys.installation,
    key: keys.snapshotKey,
    confirmKey: keys.confirmMasterKey,
    program: 'test',
    openFolder: (directory) => openFsBlobStore({ directory }),
    now: () => Date.parse('2026-01-31T12:00:00Z') + config.workers,
  }
}

test('the sweep looks for holds after it read what to remove: what a backup needs cannot be among it', async (t) => {
  const { app } = await setUp(t)
  const { metadata, blobs } = app.stores
  const upload = await app.beginUpload(Buffer.alloc(1000, 1))
  await app.rooms.registry.cancelUpload(APP, pusher, upload)
  await using held = new AsyncDisposableStack()
  const slow: MetadataStore = {
    read: async (fn) => {
      const marks = await metadata.read(fn)
      held.use(await Hold.take(metadata)) // just now, in another process
      return marks
    },
    transact: (fn, options) => metadata.transact(fn, options),
    snapshot: (fn) => metadata.snapshot(fn),
    authEpoch: () => metadata.authEpoch(),
    seenState: () => metadata.seenState(),
    [Symbol.asyncDispose]: async () => {},
  }
  assert.equal(await createGc({ metadata: slow, blobs, uploadIdleMs: 1 }).removeObjects(), 0)
  await held.disposeAsync()
  assert.equal(await app.rooms.gc.removeObjects(), 1)
})

test('a hold that ended is known to have ended, whatever the clock says later', async (t) => {
  const { app } = await setUp(t)
  const { metadata } = app.stores
  const upload = await app.beginUpload(Buffer.alloc(1000, 1))
  await using hold = await Hold.take(metadata)
  await app.rooms.registry.cancelUpload(APP, pusher, upload)
  assert.equal(await app.rooms.gc.removeObjects(), 0)
  await hold.confirm()
  await metadata.transact((sql) => sql.run`UPDATE backup_holds SET lease_until = ${sql.now() - 1}`)
  assert.equal(await app.rooms.gc.removeObjects(), 1)
  await assert.rejects(hold.confirm(), is('unavailable', /run it again/))
})

test('a backup that is interrupted is recognised, leaves the earlier one whole, and goes on', async (t) => {
  const { app, backup, restore, folder } = await setUp(t)
  const images = [await app.pushImage('v1')]
  for (let count = 0; count < 14; count += 1) images.push(await app.pushImage(`v${count + 2}`, 1000))
  const options = { folder: backup, mayLink: false, readAgain: false }
  const failAt = (at: number) =>
    depsOf(app, async (count) => {
      if (count > at) throw new Error('killed')
    })
  await assert.rejects(backUp(failAt(40), options), /killed/)
  assert.match(await readFile(join(backup, 'unfinished.json'), 'utf8'), /startedAt/)
  const place = await emptyPlace(join(folder, 'no'), app.config)
  const refused = restoreLocal(place, { from: 'backup', path: backup })
  await assert.rejects(
    refused,
    is('unavailable', /begun 2026-01-31T12:00:00.001Z, was interrupted: run entrepot backup/),
  )
  const { added, manifest } = await app.rooms.backup.backUp(options)
  assert.deepEqual([manifest.objects.count, added.count], [45, 13], 'the first batch of 32 was listed')

  images.push(await app.pushImage('newest'))
  await assert.rejects(backUp(failAt(1), options), /killed/)
  await assertWhole((await restore()).config, images.slice(0, -1))
  await app.rooms.backup.backUp(options)
  await assertWhole((await restore('again')).config, images)
})

test('a restore that is interrupted keeps servers away and goes on', async (t) => {
  const { app, backUp, backup, folder } = await setUp(t)
  const images = [await app.pushImage('v1'), await app.pushImage('v2')]
  await backUp({ mayLink: false })
  const place = await emptyPlace(join(folder, 'restored'), app.config)
  const [list = ''] = (await readdir(backup)).filter((name) => name.startsWith('objects-'))
  const last = (await readFile(join(backup, list), 'utf8')).trimEnd().split('\n').at(-1)?.slice(0, 32) ?? ''
  const path = join(backup, 'objects', last.slice(0, 2), last.slice(2))
  const bytes = await readFile(path)
  await truncate(path, bytes.length - 1)
  await assert.rejects(restoreLocal(place, { from: 'backup', path: backup }), is('unavailable', /shorter/))
  await assert.rejects(openStores(place), is('unavailable', /interrupted here: run the same entrepot restore again/))
  await writeFile(path, Buffer.alloc(bytes.length))
  await assert.rejects(restoreLocal(place, { from: 'backup', path: backup }), is('unavailable', /not what was copied/))
  await writeFile(path, bytes)
  await restoreLocal(place, { from: 'backup', path: backup })
  await assertWhole(place, images)
})

test('an object that the installation has lost is told, and the rest is backed up', async (t) => {
  const { app, backUp, restore } = await setUp(t)
  const whole = await app.pushImage('whole')
  const lost = await app.pushImage('lost')
  const row = await app.stores.metadata.read(
    (sql) => sql.get<{ object_id: string }>`
      SELECT p.object_id FROM blob_objects p ORDER BY p.blob_id DESC LIMIT 1`,
  )
  const id = row?.object_id ?? ''
  await unlink(join(app.config.data, 'objects', id.slice(0, 2), id.slice(2)))
  assert.deepEqual((await backUp()).manifest.objects.missing, [id])
  const { config, report } = await restore()
  assert.equal(report.missing, 1)
  await using restored = await openInstallation(config)
  await restored.pullImage(whole)
  await assert.rejects(restored.pullImage(lost))
})

test('into one file, which any tar opens, and back', async (t) => {
  const { app, folder } = await setUp(t)
  const images = [await app.pushImage('v1'), await app.pushImage('v2', 3_000_000)]
  const file = join(folder, 'copy.tar')
  const { manifest, added } = await app.rooms.backup.backUp({ file, readAgain: true })
  assert.deepEqual([manifest.objects.count, added.count, manifest.objects.missing], [6, 6, []])
  await assert.rejects(app.rooms.backup.backUp({ file, readAgain: true }), is('conflict', /exists: name a new file/))
  assert.deepEqual((await readdir(folder)).sort(), ['copy.tar', 'data'])
  const listed = spawnSync('tar', ['-tf', file], { encoding: 'utf8' })
  assert.equal(listed.status, 0, listed.stderr)
  const names = listed.stdout.trimEnd().split('\n')
  assert.deepEqual([names.length, names.at(-1)], [9, 'backup.json'])
  const unpacked = join(folder, 'unpacked')
  await mkdir(unpacked)
  assert.equal(spawnSync('tar', ['-xf', file, '-C', unpacked]).status, 0)
  const asFolder = await emptyPlace(join(folder, 'from-folder'), app.config)
  await restoreLocal(asFolder, { from: 'backup', path: unpacked })
  await assertWhole(asFolder, images)

  const bytes = await readFile(file)
  await truncate(file, bytes.length - 2000)
  const place = await emptyPlace(join(folder, 'restored'), app.config)
  const from = { from: 'backup', path: file } as const
  await assert.rejects(restoreLocal(place, from), is('unavailable', /is damaged: .* no whole tar/))
  const flipped = Buffer.from(bytes)
  const at = bytes.indexOf('objects/') + 512 + 10
  flipped[at] = (flipped[at] ?? 0) ^ 1
  await writeFile(file, flipped)
  await assert.rejects(restoreLocal(place, from), is('unavailable', /object [0-9a-f]{32} is not what was copied/))
  await writeFile(file, bytes)
  await restoreLocal(place, from)
  await assertWhole(place, images)
})

test('into one file: interrupted it is none, and begins anew', async (t) => {
  const { app, folder } = await setUp(t)
  const image = await app.pushImage('v1')
  const file = join(folder, 'copy.tar')
  const killed = depsOf(app, async () => {
    throw new Error('killed')
  })
  await assert.rejects(backUpToFile(killed, { file, readAgain: false }), /killed/)
  const place = await emptyPlace(join(folder, 'restored'), app.config)
  const from = { from: 'backup', path: file } as const
  await assert.rejects(restoreLocal(place, from), is('unavailable', /was interrupted: run entrepot backup again/))
  await app.rooms.backup.backUp({ file, readAgain: false })
  await restoreLocal(place, from)
  await assertWhole(place, [image])
})

test('ids are never given again, and what was signed before is not believed', async (t) => {
  const { app, backUp, restore } = await setUp(t)
  const last = await app.stores.metadata.transact(async (sql) => {
    const row = await sql.get<{ id: number }>`INSERT INTO contracts (name, created_at) VALUES ('gone', 0) RETURNING id`
    await sql.run`DELETE FROM contracts WHERE id = ${row?.id ?? 0}`
    await sql.run`INSERT INTO signing_keys (kid, public_jwk, wrapped, created_at) VALUES ('old', '{}', x'00', 0)`
    return row?.id ?? 0
  })
  await backUp()
  await using stores = await openStores((await restore()).config)
  const next = await stores.metadata.transact(
    (sql) => sql.get<{ id: number }>`INSERT INTO contracts (name, created_at) VALUES ('next', 0) RETURNING id`,
  )
  assert.equal(next?.id, last + 1)
  for (const table of ['signing_keys', 'backup_holds'] as const)
    assert.equal(await stores.metadata.read((sql) => countOf(sql, table)), 0, table)
})

async function countOf(
  sql: Parameters<Parameters<Installation['stores']['metadata']['read']>[0]>[0],
  table: 'signing_keys' | 'backup_holds',
): Promise<number | undefined> {
  const rows =
    table === 'signing_keys' ? await sql.all`SELECT id FROM signing_keys` : await sql.all`SELECT id FROM backup_holds`
  return rows.length
}

test('refused: restoring where something is, without the key, with another one, from something else', async (t) => {
  const { app, backUp, backup, folder } = await setUp(t)
  await app.pushImage('v1')
  const from = { from: 'backup', path: backup } as const
  const empty = configOf(join(folder, 'empty'))
  await assert.rejects(restoreLocal(empty, from), {
    name: 'MasterKeyError',
    message: /no backup contains.*master\.key/,
  })
  const place = await emptyPlace(join(folder, 'place'), app.config)
  await assert.rejects(restoreLocal(place, from), is('not_found', /does not exist/))
  await assert.rejects(restoreLocal(place, { from: 'backup', path: folder }), is('not_found', /holds no backup/))
  await backUp()
  await assert.rejects(restoreLocal(app.config, from), is('conflict', /is not empty \(.*entrepot\.db/))
  const other = configOf(join(folder, 'place'), { ENTREPOT_MASTER_KEY: 'A'.repeat(43) })
  await assert.rejects(restoreLocal(other, from), is('denied', /master key from the environment does not open/))
  await writeFile(join(folder, 'place', 'notes.txt'), '')
  await assert.rejects(restoreLocal(place, from), is('conflict', /is not empty \(notes\.txt\)/))
  await unlink(join(folder, 'place', 'notes.txt'))
  await restoreLocal(place, from)
  assert.ok((await stat(join(folder, 'place', 'entrepot.db'))).size > 0)
})

test('refused: backing up where there is nothing', async (t) => {
  const folder = await temporaryFolder(t)
  await using stores = await openStores(configOf(join(folder, 'data')))
  const { backup } = createRooms(stores, configOf(join(folder, 'data')), SILENT)
  const options = { folder: join(folder, 'backup'), mayLink: true, readAgain: false }
  await assert.rejects(backup.backUp(options), is('not_found', /no installation to back up/))
})

test("refused: backing up into what is no backup, or another installation's, or twice at once", async (t) => {
  const { app, backUp, backup, folder } = await setUp(t)
  await backUp()
  await using other = await openInstallation(configOf(join(folder, 'other')))
  const options = { folder: backup, mayLink: true, readAgain: false }
  await assert.rejects(other.rooms.backup.backUp(options), is('conflict', /holds a backup of installation/))
  await assert.rejects(backUp({ folder: app.config.data }), is('conflict', /is not empty and holds no backup/))
  await writeFile(join(backup, 'lock'), `${process.ppid}\n`)
  await assert.rejects(backUp(), is('conflict', new RegExp(`process ${process.ppid} is making a backup`)))
  await writeFile(join(backup, 'lock'), '999999999\n')
  await backUp()
})

test('refused: a backup of a newer program, by its schema or by its form', async (t) => {
  const { app, backUp, restore, backup } = await setUp(t)
  using database = new DatabaseSync(join(app.config.data, 'entrepot.db'))
  database.exec(`INSERT INTO schema_migrations (id, name, applied_at) VALUES (3, 'from the future', 0)`)
  await backUp()
  await assert.rejects(restore(), is('unsupported', /3 migrations, the last 'from the future'; this one knows 2/))
  const path = join(backup, 'backup.json')
  await writeFile(path, (await readFile(path, 'utf8')).replace('"version": 1', '"version": 2'))
  await assert.rejects(restore('again'), is('unsupported', /has the format 2/))
})

test('damaged: a flipped bit in the metadata or a list is found before anything is restored', async (t) => {
  const { app, backUp, backup, restore } = await setUp(t)
  await app.pushImage('v1')
  await backUp()
  for (const [index, start] of ['metadata-', 'objects-'].entries()) {
    const [name = ''] = (await readdir(backup)).filter((file) => file.startsWith(start))
    const bytes = await readFile(join(backup, name))
    const damaged = Buffer.from(bytes)
    damaged[50] = (damaged[50] ?? 0) ^ 1
    await writeFile(join(backup, name), damaged)
    await assert.rejects(restore(`try-${index}`), is('unavailable', /is damaged: .* is not what was written/))
    await writeFile(join(backup, name), bytes)
  }
})
