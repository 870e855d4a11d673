import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import type { MetadataPlace } from './contract.ts'
import { metadataContract } from './contract.ts'
import type { MetadataStore } from './metadata-store.ts'
import { execute } from './migrations/migrate.ts'
import { openCheckpointer, openSqlite } from './sqlite.ts'
import { isUniqueViolation } from './violations.ts'

metadataContract('sqlite', newPlace)

describe('metadata: sqlite, its own', () => {
  test('the file is for its owner only, as are its companions', async () => {
    await using place = await newPlace()
    await using _store = await openSqlite(place)
    for (const suffix of ['', '-wal', '-shm']) {
      assert.equal((await stat(place.path + suffix)).mode & 0o777, 0o600, suffix)
    }
  })

  test('a database in memory is refused: its connections would not share it', async () => {
    await assert.rejects(openSqlite({ path: ':memory:' }), TypeError)
  })

  test('a file that is no database is not touched', async () => {
    await using place = await newPlace()
    await writeFile(place.path, 'x'.repeat(4096))
    await assert.rejects(openSqlite(place), /not a database/)
    assert.equal(await readFile(place.path, 'utf8'), 'x'.repeat(4096))
  })

  test("another process's lock is waited for without blocking", async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    using other = new DatabaseSync(place.path, { timeout: 0 })
    other.exec(`BEGIN IMMEDIATE; INSERT INTO settings VALUES ('other', '1')`)
    let isDone = false
    const mine = store
      .transact((sql) => sql.run`INSERT INTO settings VALUES ('mine', '1')`)
      .finally(() => {
        isDone = true
      })
    for (let turns = 0; turns < 20; turns += 1) await sleep(1)
    assert.equal(isDone, false)
    const seen = await store.read((sql) => sql.all`SELECT name FROM settings`)
    assert.equal(seen.length, 0, 'readers go on meanwhile')
    other.exec('COMMIT')
    assert.equal(await mine, 1)
  })

  test('a lock that is not released ends in unavailable, with Retry-After, and all is well after it', async () => {
    await using place = await newPlace()
    await using store = await openSqlite({ ...place, patienceMs: 30 })
    using other = new DatabaseSync(place.path, { timeout: 0 })
    other.exec('BEGIN IMMEDIATE')
    const add = (name: string): Promise<number> =>
      store.transact((sql) => sql.run`INSERT INTO settings VALUES (${name}, '1')`)
    const answers = await Promise.allSettled([add('a'), add('b'), add('c')])
    for (const answer of answers) {
      assert.ok(answer.status === 'rejected' && answer.reason instanceof DomainError)
      assert.equal(answer.reason.kind, 'unavailable')
      assert.equal(answer.reason.headers['retry-after'], '1')
    }
    other.exec('ROLLBACK')
    assert.equal(await add('d'), 1)
    assert.equal((await store.read((sql) => sql.all`SELECT name FROM settings`)).length, 1)
  })

  test('a full disk is storage_full, loses nothing committed, and passes', async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const fill = (name: string, length: number): Promise<number> =>
      store.transact((sql) => sql.run`INSERT INTO settings VALUES (${name}, ${'x'.repeat(length)})`)
    await fill('before', 10)
    const limit = async (pages: number): Promise<void> => {
      await store.transact((sql) => sql.get([`PRAGMA max_page_count = ${pages}`] as never))
    }
    await limit(1) // = as many as there are
    await assert.rejects(fill('large', 1_000_000), isKind('storage_full'))
    await limit(1_000_000)
    assert.equal(await fill('after', 1_000_000), 1)
    const names = await store.read((sql) => sql.all<{ name: string }>`SELECT name FROM settings ORDER BY name`)
    assert.deepEqual(
      names.map((row) => row.name),
      ['after', 'before'],
    )
  })

  test('what is deleted is overwritten', async () => {
    await using place = await newPlace()
    const secret = 'VERY-SECRET-'.repeat(50)
    {
      await using store = await openSqlite(place)
      await store.transact((sql) => sql.run`INSERT INTO settings VALUES ('a', ${secret})`)
      await store.transact((sql) => sql.run`DELETE FROM settings WHERE name = 'a'`)
    }
    assert.equal((await readFile(place.path)).includes('VERY-SECRET'), false)
  })

  test('a log that others write back: it grows until they do, starts anew, and is empty in the end', async () => {
    await using place = await newPlace()
    const size = async (): Promise<number> => (await stat(`${place.path}-wal`)).size
    await using store = await openSqlite({ ...place, checkpoint: 'elsewhere' })
    const write = (): Promise<number> =>
      store.transact((sql) => sql.run`REPLACE INTO settings VALUES ('large', ${'x'.repeat(1_000_000)})`)
    for (let round = 0; round < 8; round += 1) await write()
    const grown = await size()
    assert.ok(grown > 8_000_000, `${grown} bytes: SQLite checkpointed by itself`)
    {
      using checkpointer = openCheckpointer({ ...place, passiveBytes: 100_000_000 })
      checkpointer.checkpoint()
      await write()
      assert.ok((await size()) > grown, 'it is not large enough yet')
    }
    assert.equal(await size(), 0, 'ending empties it')
    for (let round = 0; round < 8; round += 1) await write()
    using checkpointer = openCheckpointer({ ...place, passiveBytes: 1_000 })
    const before = await size()
    checkpointer.checkpoint()
    await write()
    assert.equal(await size(), before, 'started anew')
    using truncating = openCheckpointer({ ...place, passiveBytes: 1_000, truncateBytes: 2_000 })
    truncating.checkpoint()
    assert.equal(await size(), 0)
    assert.equal((await store.read((sql) => sql.all`SELECT name FROM settings`)).length, 1)
  })

  test('a log that a snapshot still needs is not waited for', async () => {
    await using place = await newPlace()
    await using store = await openSqlite({ ...place, checkpoint: 'elsewhere' })
    await store.transact((sql) => execute(sql, 'CREATE TABLE filler (id {id}, content {bytes} {end}'))
    using checkpointer = openCheckpointer({ ...place, passiveBytes: 100_000, truncateBytes: 200_000 })
    const write = () =>
      store.transact((sql) => sql.run`INSERT INTO filler (content) VALUES (${new Uint8Array(1_000_000)})`)
    await write()
    await store.snapshot(async (sql) => {
      await sql.all`SELECT id FROM filler`
      await write()
      assert.equal(checkpointer.checkpoint(), false)
      assert.equal((await sql.all`SELECT id FROM filler`).length, 1)
    })
    assert.equal(checkpointer.checkpoint(), true)
  })

  test('after the end nothing is accepted', async () => {
    await using place = await newPlace()
    const store = await openSqlite(place)
    const last = store.transact((sql) => sql.run`INSERT INTO settings VALUES ('last', '1')`)
    await store[Symbol.asyncDispose]()
    assert.equal(await last, 1, 'what was under way is finished')
    await assert.rejects(store.transact((sql) => sql.get`SELECT 1 AS one`))
    await assert.rejects(store.read((sql) => sql.get`SELECT 1 AS one`))
  })
})

describe('metadata: sqlite, many at once', () => {
  test('200 of which some throw and some violate: exactly the others are there', async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const mine = new Error('mine')
    const order: number[] = []
    const all = Array.from({ length: 200 }, (_, index) =>
      store.transact(
        async (sql) => {
          order.push(index)
          const name = index % 7 === 6 ? 'n0' : `n${index}`
          await sql.run`INSERT INTO settings VALUES (${`before-${index}`}, '1')`
          await sql.run`INSERT INTO settings VALUES (${name}, '1')`
          if (index % 3 === 2) throw mine
          return index
        },
        { durable: index % 2 === 0 },
      ),
    )
    const expected = new Set<string>()
    for (const [index, answer] of (await Promise.allSettled(all)).entries()) {
      if (index % 7 === 6) assert.ok(answer.status === 'rejected' && isUniqueViolation(answer.reason), `${index}`)
      else if (index % 3 === 2) assert.ok(answer.status === 'rejected' && answer.reason === mine, `${index}`)
      else {
        assert.deepEqual(answer, { status: 'fulfilled', value: index })
        for (const name of [`n${index}`, `before-${index}`]) expected.add(name)
      }
    }
    assert.deepEqual(await namesIn(store), [...expected].toSorted())
    assert.deepEqual(order, [...order.keys()], 'first come, first served')
  })

  test('the first to fail takes none of the others with it, nor does one that waits for something foreign', async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const add = (name: string, then: () => unknown = () => {}): Promise<void> =>
      store.transact(async (sql) => {
        await sql.run`INSERT INTO settings VALUES (${name}, '1')`
        await then()
      })
    const fail = (): never => {
      throw new Error('no')
    }
    const all = [add('a', fail), add('b'), add('c', () => sleep(5)), add('d'), add('e', fail)]
    const answers = await Promise.allSettled(all)
    const ends = answers.map(({ status }) => status)
    assert.deepEqual(ends, ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected'])
    assert.deepEqual(await namesIn(store), ['b', 'd'])
  })

  test('who hears of one finds it committed, and nobody sees it before', async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const seen: Promise<string[]>[] = []
    const add = async (name: string): Promise<string[]> => {
      const inside = Promise.withResolvers<void>()
      seen.push(inside.promise.then(() => namesIn(store))) // not inside of the transaction, but while it is open
      await store.transact(
        async (sql) => {
          await sql.run`INSERT INTO settings VALUES (${name}, '1')`
          inside.resolve()
          for (let statement = 0; statement < 5; statement += 1) await sql.get`SELECT 1 AS one`
        },
        { durable: false },
      )
      return await namesIn(store)
    }
    const names = Array.from({ length: 100 }, (_, index) => `n${index}`)
    const heard = await Promise.all(names.map(add))
    for (const [index, name] of names.entries()) {
      assert.ok(heard[index]?.includes(name), `${name} is heard of and not there`)
      assert.equal((await seen[index])?.includes(name), false, `${name} is seen too early`)
    }
  })

  test('a disk that is full for one of them fails that one only', async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const limit = async (pages: number): Promise<void> => {
      await store.transact((sql) => sql.get([`PRAGMA max_page_count = ${pages}`] as never))
    }
    const fill = (name: string, length: number): Promise<number> =>
      store.transact((sql) => sql.run`INSERT INTO settings VALUES (${name}, ${'x'.repeat(length)})`, {
        durable: length > 1,
      })
    const { page_count: pages } = (await store.read((sql) => sql.get<{ page_count: number }>`PRAGMA page_count`)) as {
      page_count: number
    }
    await limit(pages + 20)
    const sizes = [1, 10, 1_000_000, 10, 2_000_000, 1]
    const answers = await Promise.allSettled(sizes.map((size, index) => fill(`n${index}`, size)))
    for (const [index, answer] of answers.entries()) {
      const isLarge = (sizes[index] ?? 0) > 100
      assert.equal(answer.status, isLarge ? 'rejected' : 'fulfilled', `${index}`)
      if (answer.status === 'rejected') assert.ok(isKind('storage_full')(answer.reason))
    }
    assert.deepEqual(await namesIn(store), ['n0', 'n1', 'n3', 'n5'])
    await limit(1_000_000)
    assert.equal(await fill('after', 1_000_000), 1)
  })

  test('closing waits for all that wait', async () => {
    await using place = await newPlace()
    const store = await openSqlite(place)
    const all = Array.from({ length: 120 }, (_, index) =>
      store.transact((sql) => sql.run`INSERT INTO settings VALUES (${`n${index}`}, '1')`),
    )
    await store[Symbol.asyncDispose]()
    assert.equal((await Promise.all(all)).length, 120)
  })
})

describe('metadata: sqlite, several processes', () => {
  test('three processes write at once and lose no update', { timeout: 60_000 }, async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    await store.transact((sql) => sql.run`INSERT INTO settings VALUES ('n', '0')`)
    const children = [1, 2].map(() => start(place.path, HAMMER))
    for (let round = 0; round < 200; round += 1) {
      await store.transact(
        async (sql) => {
          const row = await sql.get<{ value: string }>`SELECT value FROM settings WHERE name = 'n'`
          await sql.run`UPDATE settings SET value = ${String(Number(row?.value) + 1)} WHERE name = 'n'`
        },
        { durable: round % 2 === 0 },
      )
    }
    for (const child of children) assert.deepEqual(await ended(child), [0, null])
    const row = await store.read((sql) => sql.get<{ value: string }>`SELECT value FROM settings WHERE name = 'n'`)
    assert.equal(row?.value, '600')
    assert.equal(store.authEpoch(), 401, 'and the epochs of others are seen')
  })

  test('a writer killed inside its transaction leaves nothing and blocks nobody', { timeout: 60_000 }, async () => {
    await using place = await newPlace()
    await using store = await openSqlite(place)
    const child = start(place.path, DIE_INSIDE)
    assert.deepEqual(await ended(child), [null, 'SIGKILL'])
    const names = (): Promise<{ name: string }[]> =>
      store.read((sql) => sql.all`SELECT name FROM settings ORDER BY name`)
    assert.deepEqual(
      (await names()).map((row) => row.name),
      ['committed'],
    )
    await store.transact((sql) => sql.run`INSERT INTO settings VALUES ('next', '1')`)
    assert.deepEqual(
      (await names()).map((row) => row.name),
      ['committed', 'next'],
    )
    await using again = await openSqlite(place)
    assert.equal(again.authEpoch(), 1)
  })
})

const HAMMER = `
  for (let round = 0; round < 200; round += 1) {
    await store.transact(async (sql) => {
      const row = await sql.get\`SELECT value FROM settings WHERE name = 'n'\`
      await sql.run\`UPDATE settings SET value = \${String(Number(row.value) + 1)} WHERE name = 'n'\`
      await sql.run\`UPDATE auth_epoch SET epoch = epoch + 1\`
    }, { durable: round % 3 > 0 })
  }
  await store[Symbol.asyncDispose]()`

const DIE_INSIDE = `
  await store.transact((sql) => sql.run\`INSERT INTO settings VALUES ('committed', '1')\`, { durable: false })
  await store.transact(async (sql) => {
    await sql.run\`UPDATE auth_epoch SET epoch = 99\`
    for (let row = 0; row < 5000; row += 1) {
      await sql.run\`INSERT INTO settings VALUES (\${'lost-' + row}, \${'x'.repeat(2000)})\`
    }
    process.kill(process.pid, 'SIGKILL')
  })`

function start(path: string, script: string): ChildProcess {
  const code = `
    import { openSqlite } from ${JSON.stringify(new URL('sqlite.ts', import.meta.url))}
    const store = await openSqlite({ path: ${JSON.stringify(path)} })
    ${script}`
  return spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'inherit', 'inherit'] })
}

async function namesIn(store: MetadataStore): Promise<string[]> {
  const rows = await store.read((sql) => sql.all<{ name: string }>`SELECT name FROM settings ORDER BY name`)
  return rows.map(({ name }) => name)
}

async function ended(child: ChildProcess): Promise<unknown[]> {
  return child.exitCode === null && child.signalCode === null
    ? await once(child, 'exit')
    : [child.exitCode, child.signalCode]
}

function isKind(kind: DomainError['kind']): (error: unknown) => boolean {
  return (error) => error instanceof DomainError && error.kind === kind
}

async function newPlace(): Promise<MetadataPlace & { path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-sqlite-'))
  const path = join(folder, 'metadata.db')
  return {
    path,
    open: ({ now = Date.now } = {}) => openSqlite({ path, now }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
