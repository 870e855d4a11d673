import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import type { MetadataStore, Reader, SqlArgument, Transaction } from './metadata-store.ts'
import { MIGRATIONS } from './migrations/list.ts'
import { execute, migrate } from './migrations/migrate.ts'
import { forUpdate, literal, NOTHING, sql as piece } from './sql.ts'
import { isUniqueViolation } from './violations.ts'

/** An empty database that several stores may open, one after the other or at once. */
export interface MetadataPlace extends AsyncDisposable {
  open(options?: { now?: () => number; poolSize?: number }): Promise<MetadataStore>
}

interface Thing {
  readonly name: string | null
  readonly size: number | null
  readonly content: Uint8Array | null
}

/** The definition of `MetadataStore`: every adapter passes it. */
export function metadataContract(
  name: string,
  newPlace: () => Promise<MetadataPlace>,
  skip: false | string = false,
): void {
  describe(`metadata: ${name}`, { skip }, () => {
    let place: MetadataPlace
    let store: MetadataStore

    before(async () => {
      place = await newPlace()
      store = await place.open()
      await store.transact((sql) =>
        execute(sql, 'CREATE TABLE things (id {id}, name {text} UNIQUE, size {int}, content {bytes} {end}'),
      )
    })
    beforeEach(async () => {
      await store.transact((sql) => sql.run`DELETE FROM things`)
    })
    after(async () => {
      await store[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    })

    const rows = (): Promise<Thing[]> =>
      store.read((sql) => sql.all<Thing>`SELECT name, size, content FROM things ORDER BY id`)
    const add = (thing: Partial<Thing>): Promise<number> => store.transact((sql) => insert(sql, thing))
    const select = (text: TemplateStringsArray, ...values: SqlArgument[]): Promise<unknown[]> =>
      store.read(async (sql) => Object.values((await sql.get<object>(text, ...values)) ?? {}))

    describe('values', () => {
      test('text, integers, bytes and null come back as they went', async () => {
        const things: Thing[] = [
          { name: '', size: 0, content: new Uint8Array() },
          { name: 'grüß \u{1f40b} \' " \\ $1 ?', size: -1, content: Uint8Array.of(0, 1, 254, 255) },
          { name: null, size: null, content: null },
          { name: 'x'.repeat(100_000), size: Number.MAX_SAFE_INTEGER, content: new Uint8Array(100_000).fill(7) },
          { name: 'least', size: Number.MIN_SAFE_INTEGER, content: null },
        ]
        for (const thing of things) await add(thing)
        assert.deepEqual((await rows()).map(plain), things)
      })

      test('bytes are a Uint8Array, and a part of a larger buffer is stored alone', async () => {
        await add({ content: Buffer.from('0123456789').subarray(3, 6) })
        const [row] = await rows()
        assert.equal(Object.getPrototypeOf(row?.content), Uint8Array.prototype)
        assert.deepEqual(row?.content, new TextEncoder().encode('345'))
      })

      test('a bigint is stored; what is larger than a number can be is an error when read', async () => {
        await add({ size: 12n as unknown as number })
        assert.equal((await rows())[0]?.size, 12)
        await store.transact((sql) => sql.run`UPDATE things SET size = ${2n ** 53n}`)
        await assert.rejects(rows(), RangeError)
        assert.deepEqual(await select`SELECT 1 AS one`, [1], 'and harms nothing after it')
      })

      for (const [what, value] of [
        ['undefined', undefined],
        ['true', true],
        ['NaN', Number.NaN],
        ['infinity', Number.POSITIVE_INFINITY],
        ['a fraction', 1.5],
        ['an unsafe integer', 2 ** 53],
        ['a date', new Date()],
        ['an array', [1]],
        ['an object', { id: 1 }],
      ] as const) {
        test(`${what} is no value`, async () => {
          await assert.rejects(select`SELECT id FROM things WHERE size = ${value as never}`, TypeError)
          const insertIt = (sql: Transaction): Promise<number> =>
            sql.run`INSERT INTO things (size) VALUES (${value as never})`
          await assert.rejects(store.transact(insertIt), TypeError)
          assert.deepEqual(await rows(), [])
        })
      }

      test('text with U+0000 is refused by name', async () => {
        await assert.rejects(add({ name: 'a\0b' }), isKind('input_invalid'))
      })

      test('a column refuses what is not of its type', async () => {
        await assert.rejects(add({ size: 'many' as never }))
        await assert.rejects(add({ content: 'text' as never }))
        assert.deepEqual(await rows(), [])
      })

      test('a number is an integer wherever it stands', async () => {
        assert.deepEqual(await select`SELECT ${7} / 2 AS a, ${2 ** 40} + 1 AS b, ${1} AS c`, [3, 2 ** 40 + 1, 1])
        assert.deepEqual(await select`SELECT CASE WHEN ${1} = 1 THEN ${5} ELSE ${null} END AS a`, [5])
      })

      test('a parameter may be asked whether it is null', async () => {
        const among = (name: string | null): Promise<unknown[]> =>
          select`SELECT COUNT(*) AS n FROM things WHERE (${name} IS NULL OR name = ${name})`
        await add({ name: 'a' })
        await add({ name: 'b' })
        assert.deepEqual([await among(null), await among('a')], [[2], [1]])
      })

      test('counts, sums and truths are numbers', async () => {
        await add({ size: 2 ** 40 })
        await add({ size: 5 })
        assert.deepEqual(
          await select`SELECT COUNT(*) AS n, SUM(size) AS total, SUM(size) = 0 AS is_none, MAX(size) > 5 AS is_some FROM things`,
          [2, 2 ** 40 + 5, 0, 1],
        )
      })

      test('text is ordered and compared by its bytes', async () => {
        const names = ['a', 'é', 'B', 'Z', '_', 'ab', 'a-', '\u{1f40b}', '\uffff', '0']
        for (const each of names) await add({ name: each })
        const sorted = await store.read((sql) => sql.all<{ name: string }>`SELECT name FROM things ORDER BY name`)
        const byBytes = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        assert.deepEqual(
          sorted.map((row) => row.name),
          byBytes,
        )
        const afterB = await store.read((sql) => sql.all`SELECT name FROM things WHERE name > ${'B'}`)
        assert.equal(afterB.length, byBytes.length - byBytes.indexOf('B') - 1)
      })
    })

    describe('statements', () => {
      test('fragments put text and values in their place', async () => {
        for (const size of [1, 2, 3, 4]) await add({ name: `n${size}`, size })
        const between = piece`size > ${1} AND ${piece`size < ${4}`}`
        const find = (filter: SqlArgument, limit: number): Promise<{ name: string }[]> =>
          store.read(
            (sql) => sql.all<{ name: string }>`
              SELECT ${literal('name')} FROM things WHERE ${between} ${filter} ORDER BY name LIMIT ${limit}`,
          )
        const named = async (filter: SqlArgument, limit: number): Promise<string[]> =>
          (await find(filter, limit)).map((row) => row.name)
        for (let round = 0; round < 3; round += 1) {
          assert.deepEqual(await named(NOTHING, 10), ['n2', 'n3'])
          assert.deepEqual(await named(piece`AND name <> ${'n2'}`, 10), ['n3'])
          assert.deepEqual(await named(literal(`AND name = 'n2'`), 10), ['n2'])
          assert.deepEqual(await named(NOTHING, 1), ['n2'])
        }
      })

      test('the same template takes a value or a fragment in the same place', async () => {
        const one = (value: SqlArgument): Promise<unknown[]> => select`SELECT ${value} AS a, ${2} AS b`
        assert.deepEqual(await one(1), [1, 2])
        assert.deepEqual(await one(piece`${3} + 1`), [4, 2])
        assert.deepEqual(await one('text'), ['text', 2])
        assert.deepEqual(await one(literal('5')), [5, 2])
        assert.deepEqual(await one(null), [null, 2])
      })

      test('a list of any length, made at run time', async () => {
        for (const size of [1, 2, 3]) await add({ size })
        for (const sizes of [[1], [1, 2], [2, 3, 4], [3]]) {
          const list = { text: ['(', ...sizes.slice(1).map(() => ','), ')'], values: sizes }
          const found = await store.read((sql) => sql.all`SELECT size FROM things WHERE size IN ${list} ORDER BY size`)
          assert.equal(found.length, sizes.filter((size) => size < 4).length)
        }
      })

      test('a placeholder of their own is refused: it would be bound to nothing', async () => {
        await assert.rejects(select`SELECT ? AS a`, TypeError)
        await assert.rejects(select`SELECT $1 AS a`, TypeError)
      })

      test('a hand-made fragment with a value too few or too many is refused', async () => {
        await assert.rejects(select`SELECT ${{ text: ['', ' + ', ''], values: [1] }} AS a`, TypeError)
        await assert.rejects(select`SELECT ${{ text: ['', ''], values: [1, 2] }} AS a`, TypeError)
      })

      test('get gives null when there is no row, and the first when there are many', async () => {
        assert.equal(await store.read((sql) => sql.get`SELECT id FROM things`), null)
        await add({ size: 1 })
        await add({ size: 2 })
        assert.deepEqual(await select`SELECT size FROM things ORDER BY size`, [1])
      })

      test('run tells how many rows it changed', async () => {
        for (const size of [1, 2, 3]) await add({ size })
        const changed = await store.transact(async (sql) => [
          await sql.run`UPDATE things SET name = NULL WHERE size > ${1}`,
          await sql.run`UPDATE things SET name = NULL WHERE size > ${3}`,
          await sql.run`DELETE FROM things`,
        ])
        assert.deepEqual(changed, [2, 0, 3])
      })

      test('RETURNING gives rows, and an id is never given twice', async () => {
        const insertOne = (): Promise<{ id: number } | null> =>
          store.transact((sql) => sql.get<{ id: number }>`INSERT INTO things (size) VALUES (1) RETURNING id`)
        const first = await insertOne()
        await store.transact((sql) => sql.run`DELETE FROM things`)
        const second = await insertOne()
        assert.ok(first && second && second.id > first.id)
      })

      test('a reader may not write', async () => {
        await assert.rejects(store.read((sql) => sql.all`INSERT INTO things (size) VALUES (1) RETURNING id`))
        assert.deepEqual(await rows(), [])
      })

      test('a failed statement of a reader harms nothing after it', async () => {
        await store.read(async (sql) => {
          await assert.rejects(sql.get`SELECT nonsense FROM things`)
          assert.equal((await sql.get<{ one: number }>`SELECT 1 AS one`)?.one, 1)
        })
      })

      test('statements asked for at once are answered each', async () => {
        const answers = await store.read((sql) =>
          Promise.all([1, 2, 3].map((n) => sql.get<{ n: number }>`SELECT ${n} AS n`)),
        )
        assert.deepEqual(
          answers.map((row) => row?.n),
          [1, 2, 3],
        )
        const written = await store.transact((sql) => Promise.all([1, 2, 3].map((size) => insert(sql, { size }))))
        assert.deepEqual(written, [1, 1, 1])
        assert.equal((await rows()).length, 3)
      })

      test('a reader sees what was committed between two of its statements', async () => {
        await store.read(async (sql) => {
          const count = (): Promise<{ n: number } | null> => sql.get`SELECT COUNT(*) AS n FROM things`
          assert.equal((await count())?.n, 0)
          await add({ size: 1 })
          assert.equal((await count())?.n, 1)
        })
      })
    })

    describe('transactions', () => {
      test('read their own writes, which nobody else sees before the commit', async () => {
        const seen = await store.transact(async (sql) => {
          await insert(sql, { size: 1 })
          return await sql.all`SELECT id FROM things`
        })
        assert.equal(seen.length, 1)
        assert.equal((await rows()).length, 1)
      })

      test('leave nothing when the callback throws, and the error is its own', async () => {
        const mine = new Error('mine')
        const failing = store.transact(async (sql) => {
          await insert(sql, { size: 1 })
          throw mine
        })
        await assert.rejects(failing, (error) => error === mine)
        assert.deepEqual(await rows(), [])
        assert.equal(await add({ size: 2 }), 1, 'the next one works')
      })

      test('leave nothing when the callback throws before it awaits', async () => {
        const failing = store.transact(() => {
          throw new RangeError('at once')
        })
        await assert.rejects(failing, RangeError)
        assert.equal(await add({ size: 2 }), 1)
      })

      test('a unique violation is recognised, and only that', async () => {
        await add({ name: 'taken' })
        await assert.rejects(add({ name: 'taken' }), isUniqueViolation)
        const sameId = store.transact(async (sql) => {
          await sql.run`INSERT INTO things (id) VALUES (7000)`
          await sql.run`INSERT INTO things (id) VALUES (7000)`
        })
        await assert.rejects(sameId, isUniqueViolation)
        await assert.rejects(add({ size: 'x' as never }), (error) => !isUniqueViolation(error))
        assert.equal(isUniqueViolation(new Error('UNIQUE')), false)
        assert.equal(isUniqueViolation(undefined), false)
        assert.equal((await rows()).length, 1)
      })

      test('an error the callback makes of a unique violation arrives', async () => {
        await add({ name: 'taken' })
        const failing = store.transact(async (sql) => {
          try {
            await insert(sql, { name: 'taken' })
          } catch (error) {
            if (isUniqueViolation(error)) throw new DomainError('conflict', 'Taken.', { cause: error })
          }
        })
        await assert.rejects(failing, isKind('conflict'))
      })

      test('are lost after a failed statement, even if the callback swallows its error', async () => {
        await add({ name: 'taken' })
        const swallowing = store.transact(async (sql) => {
          await insert(sql, { name: 'first' })
          await insert(sql, { name: 'taken' }).catch(() => {})
        })
        await assert.rejects(swallowing, isUniqueViolation)
        const goingOn = store.transact(async (sql) => {
          await insert(sql, { name: 'taken' }).catch(() => {})
          await insert(sql, { name: 'second' })
        })
        await assert.rejects(goingOn, TypeError)
        assert.deepEqual(
          (await rows()).map((row) => row.name),
          ['taken'],
        )
      })

      test('refuse a foreign key that leads nowhere', async () => {
        await assert.rejects(
          store.transact(
            (sql) => sql.run`
              INSERT INTO memberships (contract_id, identity_id, role, created_at) VALUES (99, 99, 'owner', 0)`,
          ),
        )
      })

      test('may not wait for something else than their statements', async () => {
        const waiting = store.transact(async (sql) => {
          await insert(sql, { size: 1 })
          await turn()
          await turn()
        })
        await assert.rejects(waiting, isWaiting)
        await assert.rejects(
          store.transact(() => turn()),
          isWaiting,
          'nor before the first',
        )
        assert.deepEqual(await rows(), [])
        assert.equal(await add({ size: 2 }), 1, 'the next one works')
      })

      test('may await what is there already', async () => {
        const sum = await store.transact(async (sql) => {
          await insert(sql, { size: await Promise.resolve(4) })
          await Promise.all([Promise.resolve(1), Promise.resolve(2)])
          await insert(sql, { size: 5 })
          return await sql.get<{ n: number }>`SELECT SUM(size) AS n FROM things`
        })
        assert.equal(sum?.n, 9)
      })

      test('that go on after being refused cannot write', async () => {
        let late: Promise<unknown> = Promise.resolve()
        const waiting = store.transact(async (sql) => {
          await turn()
          await turn()
          late = insert(sql, { size: 1 })
          await late
        })
        await assert.rejects(waiting, isWaiting)
        await turn()
        await turn()
        await assert.rejects(late, TypeError)
        assert.deepEqual(await rows(), [])
      })

      test('that ended refuse a statement', async () => {
        const ended = await store.transact(async (sql) => ({ sql }))
        await assert.rejects(ended.sql.run`DELETE FROM things`, TypeError)
        await assert.rejects(ended.sql.get`SELECT 1 AS one`, TypeError)
      })

      test('include statements that the callback did not wait for', async () => {
        await store.transact(async (sql) => {
          void insert(sql, { size: 1 })
        })
        assert.equal((await rows()).length, 1)
      })

      test('may not contain another transaction or read', async () => {
        await assert.rejects(
          store.transact(() => add({ size: 1 })),
          TypeError,
        )
        await assert.rejects(
          store.transact(() => store.read((sql) => sql.get`SELECT 1 AS one`)),
          TypeError,
        )
        assert.deepEqual(await rows(), [])
      })

      test('may be begun by what a transaction left running', async () => {
        let background: Promise<unknown> = Promise.resolve()
        await store.transact(async () => {
          background = turn()
            .then(turn)
            .then(() => add({ size: 1 }))
        })
        await background
        assert.equal((await rows()).length, 1)
      })

      test('that may be lost by a power failure commit like others', async () => {
        await store.transact((sql) => insert(sql, { size: 1 }), { durable: false })
        assert.equal((await rows()).length, 1)
        await assert.rejects(
          store.transact(
            async (sql) => {
              await insert(sql, { size: 2 })
              throw new Error('no')
            },
            { durable: false },
          ),
        )
        await store.transact((sql) => insert(sql, { size: 3 }))
        assert.deepEqual(
          (await rows()).map((row) => row.size),
          [1, 3],
        )
      })

      test('lose no update: 200 at once on one row, from two small pools', async () => {
        await using other = await place.open({ poolSize: 3 })
        await add({ name: 'counter', size: 0 })
        const increase = async (sql: Transaction): Promise<void> => {
          const row = await sql.get<{ size: number }>`
            SELECT size FROM things WHERE name = ${'counter'} ${forUpdate(sql)}`
          await sql.run`UPDATE things SET size = ${(row?.size ?? 0) + 1} WHERE name = ${'counter'}`
        }
        await Promise.all(
          Array.from({ length: 200 }, (_, index) =>
            (index % 2 ? other : store).transact(increase, { durable: index % 3 === 0 }),
          ),
        )
        assert.equal((await rows())[0]?.size, 200)
      })

      test('many readers and writers share a pool of two', async () => {
        await using other = await place.open({ poolSize: 2 })
        const work = Array.from({ length: 200 }, (_, size) =>
          size % 2
            ? other.transact((sql) => insert(sql, { size }))
            : other.read((sql) => sql.all`SELECT id FROM things LIMIT 3`),
        )
        await Promise.all(work)
        assert.equal((await rows()).length, 100)
      })
    })

    describe('snapshots', () => {
      test('stand still while others, and this store itself, write; and may await other things', async () => {
        await add({ name: 'before' })
        const names = (sql: Reader) => sql.all<{ name: string }>`SELECT name FROM things ORDER BY id`
        const [first, second] = await store.snapshot(async (sql) => {
          const before = await names(sql)
          await add({ name: 'after' })
          await turn()
          return [before, await names(sql)]
        })
        assert.deepEqual(first?.map(plain), [{ name: 'before' }])
        assert.deepEqual(second, first)
        assert.equal((await rows()).length, 2)
      })

      test('cannot write', async () => {
        await assert.rejects(store.snapshot((sql) => sql.all`INSERT INTO things (name) VALUES ('x') RETURNING id`))
        assert.deepEqual(await rows(), [])
      })

      test('end with their error, and leave a store that works', async () => {
        await assert.rejects(
          store.snapshot(async () => {
            throw new Error('mine')
          }),
          /mine/,
        )
        await add({ name: 'x' })
        assert.equal((await store.snapshot((sql) => sql.all`SELECT id FROM things`)).length, 1)
      })
    })

    describe('clock and epoch', () => {
      test('now is about now, and an integer', async () => {
        const readers = [await store.read(now), await store.transact(now)]
        for (const each of readers) {
          assert.ok(Number.isSafeInteger(each))
          assert.ok(Math.abs(each - Date.now()) < 5_000)
        }
      })

      test("now is the test's, in readers, snapshots and transactions", async () => {
        let clock = 1_000
        await using other = await place.open({ now: () => clock })
        for (clock of [1_000, 86_400_000]) {
          const told = [await other.read(now), await other.snapshot(now), await other.transact(now)]
          assert.deepEqual(told, [clock, clock, clock])
        }
      })

      test('the epoch moves when this or another store raises it', async () => {
        await using other = await place.open()
        const before = await store.authEpoch()
        const both = async (epoch: number) => {
          for (const each of [store, other]) while ((await each.authEpoch()) !== epoch) await turn()
        }
        assert.equal(await other.authEpoch(), before)
        await other.transact((sql) => sql.run`UPDATE auth_epoch SET epoch = epoch + 1`)
        await both(before + 1)
        await store.transact((sql) => sql.run`UPDATE auth_epoch SET epoch = epoch + 1`)
        await both(before + 2)
      })
    })

    describe('opening', () => {
      test('finds what was there before', async () => {
        await using place = await newPlace()
        const first = await place.open()
        await first.transact((sql) => sql.run`INSERT INTO settings (name, value) VALUES ('a', 'b')`)
        await first[Symbol.asyncDispose]()
        await using second = await place.open()
        const row = await second.read((sql) => sql.get<{ value: string }>`SELECT value FROM settings WHERE name = 'a'`)
        assert.equal(row?.value, 'b')
        await first[Symbol.asyncDispose]() // again is nothing
      })

      test('an empty database is migrated once by several at once', async () => {
        await using place = await newPlace()
        const stores = await Promise.all([1, 2, 3, 4].map(() => place.open({ poolSize: 2 })))
        const applied = await migrations(stores[0] as MetadataStore)
        assert.deepEqual(
          applied.map((row) => row.id),
          applied.map((_, index) => index + 1),
        )
        for (const each of stores) assert.equal(await each.authEpoch(), 1)
        await Promise.all(stores.map((each) => each[Symbol.asyncDispose]()))
      })

      test('a database one migration ahead works, one further ahead is refused by name', async () => {
        await using place = await newPlace()
        await using store = await place.open()
        const last = (await migrations(store)).length
        const pretend = (id: number): Promise<number> =>
          store.transact(
            (sql) => sql.run`INSERT INTO schema_migrations (id, name, applied_at) VALUES (${id}, ${`later-${id}`}, 0)`,
          )
        await pretend(last + 1)
        await (await place.open())[Symbol.asyncDispose]()
        await pretend(last + 2)
        await assert.rejects(
          place.open(),
          (error) => isKind('unsupported')(error) && `${error}`.includes(`later-${last + 2}`),
        )
      })

      test("another program's migration of the same number is refused by name", async () => {
        await using place = await newPlace()
        await using store = await place.open()
        await store.transact((sql) => sql.run`UPDATE schema_migrations SET name = 'foreign' WHERE id = 1`)
        await assert.rejects(place.open(), (error) => isKind('unsupported')(error) && `${error}`.includes('foreign'))
      })

      test('a migration that fails half-way leaves nothing, and works once mended', async () => {
        await using place = await newPlace()
        await using store = await place.open()
        const withNext = (...statements: string[]): Promise<void> =>
          migrate((fn) => store.transact(fn), [...MIGRATIONS, { id: MIGRATIONS.length + 1, name: 'next', statements }])
        const table = 'CREATE TABLE half (id {id}, made_at {int} NOT NULL {end}'
        await assert.rejects(withNext(table, 'CREATE TABLE half (nonsense)'))
        assert.equal((await migrations(store)).length, MIGRATIONS.length)
        await withNext(table, 'CREATE INDEX half_made_at ON half (made_at)')
        await withNext(table, 'CREATE INDEX half_made_at ON half (made_at)')
        assert.equal((await migrations(store)).length, MIGRATIONS.length + 1)
        assert.deepEqual(await store.read((sql) => sql.all`SELECT made_at FROM half`), [])
      })

      test('a column added elsewhere meanwhile breaks no statement', async () => {
        await using place = await newPlace()
        await using store = await place.open({ poolSize: 1 })
        await using other = await place.open({ poolSize: 1 })
        const read = (): Promise<object | null> => store.read((sql) => sql.get<object>`SELECT * FROM auth_epoch`)
        const write = (): Promise<object | null> =>
          store.transact((sql) => sql.get<object>`UPDATE auth_epoch SET epoch = epoch RETURNING *`)
        for (let round = 0; round < 3; round += 1) assert.ok((await read()) && (await write()))
        await other.transact((sql) => execute(sql, `ALTER TABLE auth_epoch ADD COLUMN added {int} NOT NULL DEFAULT 3`))
        assert.deepEqual(plain(await read()), { id: 1, epoch: 1, added: 3 })
        await other.transact((sql) => execute(sql, `ALTER TABLE auth_epoch ADD COLUMN more {int}`))
        assert.deepEqual(plain(await write()), { id: 1, epoch: 1, added: 3, more: null })
      })
    })
  })
}

async function insert(sql: Transaction, { name = null, size = null, content = null }: Partial<Thing>): Promise<number> {
  return await sql.run`INSERT INTO things (name, size, content) VALUES (${name}, ${size}, ${content})`
}

async function migrations(store: MetadataStore): Promise<{ id: number }[]> {
  return await store.read((sql) => sql.all<{ id: number }>`SELECT id FROM schema_migrations ORDER BY id`)
}

async function now(sql: Reader): Promise<number> {
  return sql.now()
}

/** SQLite's rows have no prototype. */
function plain(row: object | null): object {
  return { ...row }
}

function isKind(kind: DomainError['kind']): (error: unknown) => boolean {
  return (error) => error instanceof DomainError && error.kind === kind
}

function isWaiting(error: unknown): boolean {
  return error instanceof TypeError && /waited for something/.test(error.message)
}
