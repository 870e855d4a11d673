import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { WalIndex } from './wal-index.ts'

describe('metadata: has anything been committed', { skip: process.platform !== 'linux' && 'Linux only' }, () => {
  test('it stands until somebody commits, in this process or another', async () => {
    await using place = await newPlace()
    using db = place.open()
    const index = new WalIndex(`${place.path}-shm`, () => 0)
    assert.equal(index.stands(), false, 'nobody has looked yet')
    index.trust()
    assert.equal(index.stands(), true)
    db.exec('BEGIN IMMEDIATE; INSERT INTO things VALUES (1)')
    assert.equal(index.stands(), true, 'nothing is committed yet')
    db.exec('COMMIT')
    assert.equal(index.stands(), false)
    assert.equal(index.stands(), false, 'until somebody has looked')
    index.trust()
    assert.equal(index.stands(), true)
    for (let count = 0; count < 3; count += 1) {
      await commitElsewhere(place.path)
      assert.equal(index.stands(), false)
      index.trust()
      assert.equal(index.stands(), true)
    }
  })

  test('what is committed between the look and the trust is not trusted', async () => {
    await using place = await newPlace()
    using db = place.open()
    const index = new WalIndex(`${place.path}-shm`, () => 0)
    index.stands()
    db.exec('INSERT INTO things VALUES (1)')
    index.trust()
    assert.equal(index.stands(), false)
  })

  test('a log that begins anew is seen, with as many frames as before', async () => {
    await using place = await newPlace()
    using db = place.open()
    db.exec('PRAGMA wal_checkpoint(RESTART); UPDATE things SET n = 1')
    const index = new WalIndex(`${place.path}-shm`, () => 0)
    index.stands()
    index.trust()
    db.exec('PRAGMA wal_checkpoint(RESTART); UPDATE things SET n = 2')
    assert.equal(index.stands(), false)
  })

  test('nothing is trusted for longer than half a second', async () => {
    await using place = await newPlace()
    using _db = place.open()
    let clock = 1_000
    const index = new WalIndex(`${place.path}-shm`, () => clock)
    index.stands()
    index.trust()
    clock = 1_499
    assert.equal(index.stands(), true)
    clock = 1_500
    assert.equal(index.stands(), false)
  })

  test('the locks of connections in this process stay when an index is no longer used', async () => {
    await using place = await newPlace()
    using db = place.open()
    db.exec('BEGIN IMMEDIATE')
    for (let count = 0; count < 3; count += 1) new WalIndex(`${place.path}-shm`).stands()
    assert.match(await commitElsewhere(place.path), /database is locked/)
    db.exec('COMMIT')
    assert.equal(await commitElsewhere(place.path), '')
  })

  for (const [name, bytes] of [
    ['absent', null],
    ['too short', Buffer.alloc(40, 1)],
    ['not begun', Buffer.alloc(32_768)],
  ] as const) {
    test(`an index that is ${name} is never trusted`, async () => {
      await using place = await newPlace()
      const path = join(place.directory, 'other-shm')
      if (bytes) await writeFile(path, bytes)
      const index = new WalIndex(path, () => 0)
      assert.equal(index.stands(), false)
      index.trust()
      assert.equal(index.stands(), false)
    })
  }
})

async function newPlace(): Promise<AsyncDisposable & { directory: string; path: string; open: () => DatabaseSync }> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-wal-index-'))
  const path = join(directory, 'a.db')
  const open = (): DatabaseSync => {
    const db = new DatabaseSync(path)
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS things (n INTEGER); INSERT INTO things VALUES (0)')
    return db
  }
  return { directory, path, open, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) }
}

/** @returns what went wrong. */
async function commitElsewhere(path: string): Promise<string> {
  const program = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(path)}, { timeout: 0 }).exec('INSERT INTO things VALUES (7)')`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return await text(child.stderr)
}
