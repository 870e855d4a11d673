import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { DomainError } from '../../../src/domain/error.ts'
import type { MetadataPlace } from '../../../src/metadata/contract.ts'
import { metadataContract } from '../../../src/metadata/contract.ts'
import type { MetadataStore, Reader, Transaction } from '../../../src/metadata/metadata-store.ts'
import { execute } from '../../../src/metadata/migrations/migrate.ts'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { forUpdate } from '../../../src/metadata/sql.ts'
import type { TestDatabase } from '../../support/postgres.ts'
import { skipWithoutPostgres, startPostgres } from '../../support/postgres.ts'

const skip = skipWithoutPostgres()

metadataContract('postgres', newPlace, skip)

async function newPlace(): Promise<MetadataPlace> {
  const database = await (await startPostgres()).createDatabase()
  return {
    open: (options) => openPostgres({ url: database.url, ...options }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

describe('metadata: postgres, its own', { skip }, () => {
  let database: TestDatabase
  let store: MetadataStore

  before(async () => {
    database = await (await startPostgres()).createDatabase()
    store = await openPostgres({ url: database.url, poolSize: 4 })
    await store.transact((sql) => sql.run`INSERT INTO settings (name, value) VALUES ('a', '0'), ('b', '0')`)
  })
  after(async () => {
    await store[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  const increase = (sql: Transaction, name: string): Promise<number> =>
    sql.run`UPDATE settings SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = ${name}`
  const values = async (): Promise<string[]> =>
    (await store.read((sql) => sql.all<{ value: string }>`SELECT value FROM settings ORDER BY name`)).map(
      (row) => row.value,
    )
  const setting = async (sql: Reader, name: string): Promise<string | undefined> =>
    (await sql.get<{ value: string }>`SELECT current_setting(${name}) AS value`)?.value

  test('a deadlock is retried until both have committed', async () => {
    let runs = 0
    let holding = 0
    const both = (first: string, second: string): Promise<void> =>
      store.transact(async (sql) => {
        runs += 1
        await sql.get`SELECT set_config('deadlock_timeout', '50ms', true)`
        await increase(sql, first)
        holding += 1
        while (holding < 2) await sql.get`SELECT 1 AS one FROM pg_sleep(0.01)`
        await increase(sql, second)
      })
    await Promise.all([both('a', 'b'), both('b', 'a')])
    assert.ok(runs > 2)
    assert.deepEqual(await values(), ['2', '2'])
  })

  test('a serialization failure is retried even if the callback hides it', async () => {
    let runs = 0
    await store.transact(async (sql) => {
      runs += 1
      await increase(sql, 'a')
      if (runs < 3) {
        await raise(sql, '40001').catch(() => {
          throw new TypeError('hidden')
        })
      }
    })
    assert.equal(runs, 3)
    assert.deepEqual(await values(), ['3', '2'])
  })

  test('a transaction that never succeeds ends in unavailable', async () => {
    await using hasty = await openPostgres({ url: database.url, patienceMs: 1_000 })
    await assert.rejects(
      hasty.transact((sql) => raise(sql, '40P01')),
      isUnavailable,
    )
  })

  test('a row lock that is not released ends in unavailable', async () => {
    await using hasty = await openPostgres({ url: database.url, patienceMs: 1_000 })
    const lock = (sql: Transaction): Promise<unknown> =>
      sql.get`SELECT value FROM settings WHERE name = 'a' ${forUpdate(sql)}`
    const holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
    try {
      await holder.query("BEGIN; SELECT value FROM settings WHERE name = 'a' FOR UPDATE")
      await assert.rejects(hasty.transact(lock), isUnavailable)
    } finally {
      await holder.end()
    }
    assert.ok(await hasty.transact(lock))
  })

  test('a pool that is used up ends in unavailable, and the epoch is known all the same', async () => {
    await using hasty = await openPostgres({ url: database.url, patienceMs: 1_000, poolSize: 2 })
    const long = (sql: Reader): Promise<unknown> => sql.get`SELECT 1 AS one FROM pg_sleep(25)`
    const holding = Promise.allSettled([hasty.transact(long), hasty.read(long)])
    const sleepers = async (sql: Reader): Promise<number> =>
      (
        await sql.all`
        SELECT pid FROM pg_stat_activity WHERE datname = ${database.name} AND wait_event = 'PgSleep'`
      ).length
    while ((await store.read(sleepers)) < 2) await sleep(5)
    await assert.rejects(
      hasty.transact((sql) => increase(sql, 'a')),
      isUnavailable,
    )
    await assert.rejects(
      hasty.read((sql) => sql.get`SELECT 1 AS one`),
      isUnavailable,
    )
    assert.equal(await hasty.authEpoch(), 1)
    assert.equal(await store.read(sleepers), 2)
    await store.transact(
      (sql) => sql.all`
      SELECT pg_cancel_backend(pid) AS done FROM pg_stat_activity WHERE datname = ${database.name} AND wait_event = 'PgSleep'`,
    )
    for (const { status } of await holding) assert.equal(status, 'rejected')
    assert.ok(await hasty.read((sql) => sql.get`SELECT 1 AS one`))
  })

  test('a process has no more connections than its pool, and one for the epoch', async () => {
    await using other = await (await startPostgres()).createDatabase()
    await using small = await openPostgres({ url: other.url, poolSize: 3 })
    const connections = async (sql: Reader): Promise<number> =>
      (await sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = ${other.name}`)?.n ?? 0
    const counts = await Promise.all(
      Array.from({ length: 60 }, (_, n) => (n % 2 ? small.read(connections) : small.transact(connections))),
    )
    assert.ok(Math.max(...counts) <= 4, `${Math.max(...counts)}`)
  })

  test('a statement that takes too long ends in unavailable', async () => {
    const slow = store.transact(async (sql) => {
      await sql.get`SELECT set_config('statement_timeout', '30ms', true)`
      await sql.get`SELECT 1 AS one FROM pg_sleep(5)`
    })
    await assert.rejects(slow, isUnavailable)
  })

  test('a full disk is storage_full', async () => {
    const full = store.transact((sql) => raise(sql, '53100'))
    await assert.rejects(full, (error) => error instanceof DomainError && error.kind === 'storage_full')
  })

  test('a commit waits for the disk unless it may be lost', async () => {
    const commit = (sql: Transaction): Promise<string | undefined> => setting(sql, 'synchronous_commit')
    assert.equal(await store.transact(commit), 'on')
    assert.equal(await store.transact(commit, { durable: false }), 'off')
    assert.equal(await store.transact(commit), 'on')
  })

  test('transactions are READ COMMITTED', async () => {
    assert.equal(await store.transact((sql) => setting(sql, 'transaction_isolation')), 'read committed')
  })

  test('connections cut in the middle end in unavailable; the next ones work', async () => {
    const cut = store.transact(async (sql) => {
      await increase(sql, 'b')
      await sql.get`SELECT pg_terminate_backend(pg_backend_pid()) AS done`
    })
    await assert.rejects(cut, isUnavailable)
    const before = await values()
    await store.transact(
      (sql) => sql.all`
      SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE datname = ${database.name} AND pid <> pg_backend_pid()`,
    )
    assert.deepEqual(await values(), before)
    await store.transact((sql) => increase(sql, 'b'))
  })

  test('a wrong password is told at once', async () => {
    const url = new URL(database.url)
    url.password = 'wrong'
    await assert.rejects(openPostgres({ url: url.href }), /password authentication failed/)
  })

  test('a server that is not there is unavailable', async () => {
    const url = new URL(database.url)
    url.port = '1'
    await assert.rejects(openPostgres({ url: url.href }), isUnavailable)
  })

  test('a database in another encoding is refused by name', async () => {
    const admin = new pg.Client({ connectionString: database.url })
    await admin.connect()
    const name = `${database.name}_ascii`
    await admin.query(`create database ${name} template template0 encoding 'SQL_ASCII' locale 'C'`)
    try {
      const url = new URL(database.url)
      url.pathname = `/${name}`
      await assert.rejects(openPostgres({ url: url.href }), /UTF8.*SQL_ASCII/)
    } finally {
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    }
  })
})

describe('metadata: postgres that stops', { skip: skip || ownServerOnly() }, () => {
  for (const mode of ['fast', 'crash'] as const) {
    test(`${mode}: what was committed is there, the epoch is refused meanwhile, all recovers by itself`, async () => {
      const server = await startPostgres()
      await using database = await server.createDatabase()
      await using store = await openPostgres({ url: database.url, poolSize: 4 })
      const add = (name: string): Promise<number> =>
        store.transact((sql) => sql.run`INSERT INTO settings (name, value) VALUES (${name}, '1')`)
      await Promise.all(['a', 'b', 'c', 'd'].map(add))
      const interrupted = store.transact(async (sql) => {
        await sql.run`INSERT INTO settings (name, value) VALUES ('lost', '1')`
        await sql.get`SELECT 1 AS one FROM pg_sleep(20)`
      })
      interrupted.catch(() => {})
      await sleep(100)
      await server.stop(mode)
      await assert.rejects(interrupted, isUnavailable)
      await assert.rejects(add('e'), isUnavailable)
      await assert.rejects(
        store.read((sql) => sql.get`SELECT 1 AS one`),
        isUnavailable,
      )
      await sleep(1_100)
      await assert.rejects(async () => store.authEpoch(), isUnavailable)
      await server.start()
      assert.equal(await store.authEpoch(), 1)
      assert.equal(await add('f'), 1)
      const rows = await store.read((sql) => sql.all<{ name: string }>`SELECT name FROM settings ORDER BY name`)
      assert.deepEqual(
        rows.map((row) => row.name),
        ['a', 'b', 'c', 'd', 'f'],
      )
    })
  }
})

function ownServerOnly(): false | string {
  return process.env['TEST_POSTGRES_URL'] === undefined ? false : 'the server of TEST_POSTGRES_URL is not ours to stop'
}

async function raise(sql: Transaction, state: string): Promise<void> {
  await execute(sql, `DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''${state}''; END'`)
}

function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'unavailable' && error.headers['retry-after'] === '1'
}
