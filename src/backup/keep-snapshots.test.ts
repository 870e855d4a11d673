import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { APP, configOf, openInstallation, temporaryFolder } from '../../test/support/installation.ts'
import { createMemoryBlobStore } from '../blobs/memory.ts'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { openLocal } from '../compose.ts'
import { DomainError } from '../domain/error.ts'
import { createKeyring } from '../keys/keys.ts'
import { masterKeyProvider } from '../keys/master-key.ts'
import { restoreLocal } from '../local-restore.ts'
import { openSqlite } from '../metadata/sqlite.ts'
import { createBackup } from './backup.ts'
import { keepSnapshots } from './keep-snapshots.ts'
import { loadSnapshot } from './load-snapshot.ts'
import { openSnapshot } from './read-snapshot.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A database with one registry and its key, a store in memory, and the clock in hand. */
async function setUp(t: TestContext) {
  const clock = { now: Date.UTC(2026, 0, 31, 12, 30) }
  const metadata = await openSqlite({ path: join(await temporaryFolder(t), 'db'), now: () => clock.now })
  t.after(() => metadata[Symbol.asyncDispose]())
  const keys = await createKeyring({ metadata, provider: masterKeyProvider('file', randomBytes(32)) })
  const blobs = createMemoryBlobStore()
  const full = { is: false }
  const deps = {
    metadata,
    blobs,
    installation: keys.installation,
    key: keys.snapshotKey,
    confirmKey: keys.confirmMasterKey,
    program: 'test',
    refuseWhenFull: async () => {
      if (full.is) throw new DomainError('storage_full', 'full')
    },
  }
  const names = async () => (await Array.fromAsync(blobs.snapshots.list())).map(({ name }) => name).sort()
  const makeKey = async (registryId: number) => {
    const fresh = await keys.newDataKey()
    await metadata.transact((sql) => keys.insert(sql, registryId, fresh))
  }
  await metadata.transact(async (sql) => {
    await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (1, 'c', 0)`
    await sql.run`
      INSERT INTO registries (id, contract_id, public_id, name, location, created_at, created_by, created_by_id)
      VALUES (1, 1, 'r', 'acme', 'de/fra', 0, 'me', 'me')`
  })
  await makeKey(1)
  return { clock, metadata, keys, blobs, deps, full, names, makeKey, keep: () => keepSnapshots(deps) }
}

test('a snapshot is taken at once, then hourly', async (t) => {
  const { clock, keep, names } = await setUp(t)
  assert.match((await keep()) ?? '', /^20260131T123000\.000Z-/)
  assert.equal(await keep(), null)
  clock.now += HOUR - 1
  assert.equal(await keep(), null)
  clock.now += 1
  assert.match((await keep()) ?? '', /^20260131T133000\.000Z-/)
  assert.equal((await names()).length, 2)
  clock.now -= 3 * HOUR
  assert.ok(await keep(), 'a clock that was set back stops nothing')
})

test('and soon when keys change, but not more than once a minute', async (t) => {
  const { clock, keep, makeKey } = await setUp(t)
  await keep()
  await makeKey(1)
  clock.now += MINUTE - 1
  assert.equal(await keep(), null)
  clock.now += 1
  assert.ok(await keep())
  clock.now += MINUTE
  assert.equal(await keep(), null, 'nothing changed since')
})

test('each is kept for seven days, after two hours one of each hour', async (t) => {
  const { clock, keep, makeKey, names } = await setUp(t)
  for (let count = 0; count < 4; count += 1) {
    await makeKey(1)
    await keep()
    clock.now += 10 * MINUTE
  }
  const hours = async () => (await names()).map((name) => name.slice(6, 13))
  assert.deepEqual(await hours(), ['31T1230', '31T1240', '31T1250', '31T1300'])
  clock.now += 2 * HOUR
  await keep()
  assert.deepEqual(await hours(), ['31T1250', '31T1300', '31T1510'])
  clock.now = Date.UTC(2026, 1, 7, 13, 0)
  await keep()
  assert.deepEqual(await hours(), ['31T1300', '31T1510', '07T1300'])
  clock.now += 1 + HOUR
  await keep()
  assert.deepEqual(await hours(), ['31T1510', '07T1300', '07T1400'])
})

test('once a key was destroyed nothing earlier remains, since that could still open what it encrypted', async (t) => {
  const { clock, metadata, keys, keep, names } = await setUp(t)
  await keep()
  clock.now += HOUR
  await keep()
  await metadata.transact((sql) => keys.destroyDataKey(sql, 1))
  clock.now += MINUTE
  const last = await keep()
  assert.ok(last)
  assert.deepEqual(await names(), [last])
  clock.now += HOUR
  await keep()
  assert.equal((await names()).length, 2, 'those after it stay')
})

test('killed between the snapshot and what it removes: the next one removes', async (t) => {
  const { clock, metadata, keys, blobs, deps, keep, names } = await setUp(t)
  await keep()
  await metadata.transact((sql) => keys.destroyDataKey(sql, 1))
  clock.now += MINUTE
  const broken = { ...blobs.snapshots, list: () => assert.fail('killed') }
  const { create } = blobs.snapshots
  const half = { ...deps, blobs: { ...blobs, snapshots: { ...broken, create: create.bind(blobs.snapshots) } } }
  await assert.rejects(keepSnapshots(half as unknown as typeof deps), /killed/)
  assert.equal((await names()).length, 2)
  const last = await keep()
  assert.deepEqual(await names(), [last])
})

test('a server that still has the old master key writes none: it could not be opened', async (t) => {
  const { clock, keys, keep, names } = await setUp(t)
  await keep()
  await keys.rewrapAll(masterKeyProvider('file', randomBytes(32)))
  clock.now += HOUR
  await assert.rejects(keep(), { kind: 'unavailable', message: /master key was changed/ })
  assert.equal((await names()).length, 1)
})

test('a full disk is left alone, and a failure is not repeated at once', async (t) => {
  const { deps, full, clock, names } = await setUp(t)
  const openFolder = () => assert.fail('not here')
  const backup = createBackup({ ...deps, openFolder, now: () => clock.now })
  full.is = true
  await assert.rejects(backup.keepSnapshots(), { kind: 'storage_full' })
  full.is = false
  assert.equal(await backup.keepSnapshots(), null)
  clock.now += 5 * MINUTE
  assert.ok(await backup.keepSnapshots())
  assert.equal((await names()).length, 1)
})

test('snapshots leave out the content of advisories; restored without it, none are in force', async (t) => {
  const { metadata, keys, blobs, keep } = await setUp(t)
  await metadata.transact(async (sql) => {
    for (const id of ['old', 'kept']) {
      await sql.run`INSERT INTO advisory_snapshots (id, state, sources, created_at) VALUES (${id}, 'retired', '[]', 0)`
    }
    await sql.run`INSERT INTO advisory_snapshots (id, state, sources, created_at) VALUES ('now', 'active', '[]', 0)`
    await sql.run`INSERT INTO advisory_snapshot_parts (snapshot_id, position, content) VALUES ('now', 0, ${Buffer.alloc(9)})`
  })
  const name = (await keep()) as SnapshotName
  const read = (start: number, end: number) => blobs.snapshots.read(name, start, end)
  const [stored] = await Array.fromAsync(blobs.snapshots.list())
  await using opened = await openSnapshot({ name, size: stored?.size ?? 0, read }, keys.snapshotKey)
  const to = await openSqlite({ path: join(await temporaryFolder(t), 'db') })
  t.after(() => to[Symbol.asyncDispose]())
  await loadSnapshot(to, opened, async () => {})
  const ids = await to.read((sql) => sql.all<{ id: string }>`SELECT id FROM advisory_snapshots ORDER BY id`)
  assert.deepEqual(
    ids.map(({ id }) => id),
    ['kept', 'old'],
  )
})

test('a snapshot is opened by its key and under its name only', async (t) => {
  const { keys, blobs, keep } = await setUp(t)
  const name = (await keep()) as SnapshotName
  const [stored] = await Array.fromAsync(blobs.snapshots.list())
  const size = stored?.size ?? 0
  const sealed = { name, size, read: (start: number, end: number) => blobs.snapshots.read(name, start, end) }
  await using opened = await openSnapshot(sealed, keys.snapshotKey)
  assert.equal(opened.header.installation, keys.installation)
  const tables = (await Array.fromAsync(opened.batches())).map(({ table }) => table)
  assert.ok(tables.indexOf('contracts') < tables.indexOf('registries'), 'those that are referred to come first')
  assert.ok(tables.indexOf('registries') < tables.indexOf('data_keys'))
  await assert.rejects(openSnapshot(sealed, randomBytes(32)), { name: 'WrongKeyError' })
  const renamed = { ...sealed, name: name.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) as SnapshotName }
  await assert.rejects(openSnapshot(renamed, keys.snapshotKey), { name: 'WrongKeyError' })
})

test('a lost database is brought back from the store, and it is said what is lost', async (t) => {
  const data = join(await temporaryFolder(t), 'data')
  const config = configOf(data)
  const app = await openInstallation(config)
  const before = await app.pushImage('before')
  await app.beginUpload(Buffer.alloc(1000, 1))
  const name = await app.rooms.backup.keepSnapshots()
  const after = await app.pushImage('after')
  await app[Symbol.asyncDispose]()

  const fromStore = { from: 'store', snapshot: null } as const
  await assert.rejects(restoreLocal(config, fromStore), { kind: 'conflict', message: /move entrepot\.db, / })
  for (const suffix of ['', '-wal', '-shm']) await rm(join(data, `entrepot.db${suffix}`), { force: true })
  const other = configOf(data, { ENTREPOT_MASTER_KEY: 'A'.repeat(43) })
  await assert.rejects(restoreLocal(other, fromStore), { kind: 'denied', message: /does not open the snapshot/ })
  const absent = { from: 'store', snapshot: `20260131T120000.000Z-${'0'.repeat(16)}` } as const
  await assert.rejects(restoreLocal(config, absent), { kind: 'not_found', message: new RegExp(`it has:\n {2}${name}`) })
  const report = await restoreLocal(config, fromStore)
  assert.deepEqual([report.snapshot, report.missing, report.objects.count], [name, 0, 3])
  assert.equal(report.unknown.count, 3)
  assert.ok(report.unknown.bytes > 300_000)

  {
    await using local = await openLocal(config)
    assert.deepEqual((await local.check({ repair: false, fast: false })).problems, [])
  }
  await using restored = await openInstallation(config)
  await restored.pullImage(before)
  await assert.rejects(restored.pullImage(after))
  assert.deepEqual((await restored.rooms.registry.listTags(APP, { limit: 9, after: null })).names, ['before'])
  assert.equal(await restored.rooms.gc.removeObjects(), 1, 'what a session held that nobody continues')
  assert.deepEqual(
    (await readdir(data)).filter((file) => file === 'restoring'),
    [],
  )
})

test('a new master key takes its own snapshot at once, and opens it', async (t) => {
  const data = join(await temporaryFolder(t), 'data')
  const config = configOf(data)
  await (await openInstallation(config))[Symbol.asyncDispose]()
  const list = () => readdir(join(data, 'meta'))
  {
    await using local = await openLocal(config)
    assert.equal(await local.keys.rotate(null), 1)
    assert.equal((await list()).length, 1)
  }
  for (const suffix of ['', '-wal', '-shm']) await rm(join(data, `entrepot.db${suffix}`), { force: true })
  await restoreLocal(config, { from: 'store', snapshot: null })
  await (await openInstallation(config))[Symbol.asyncDispose]()
})
