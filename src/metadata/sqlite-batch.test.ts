import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import type { Transaction } from './metadata-store.ts'
import type { BatchConnection } from './sqlite-batch.ts'
import { Batches } from './sqlite-batch.ts'

const FULL = 13
const BUSY = 5

/** Says what was asked of it, and fails as it is told to. */
class FakeConnection implements BatchConnection {
  readonly said: string[] = []
  readonly failures = new Map<string, number[]>()
  isInTransaction = false

  begin(): void {
    this.#say('begin')
    this.isInTransaction = true
  }
  commit(): void {
    this.#say('commit')
    this.isInTransaction = false
  }
  rollback(): void {
    if (this.isInTransaction) this.said.push('rollback')
    this.isInTransaction = false
  }
  setMark(): void {
    this.#say('mark')
  }
  keepSinceMark(): void {
    this.#say('keep')
  }
  undoSinceMark(): void {
    this.#say('undo')
  }
  transaction(): Transaction {
    return {} as Transaction
  }

  #say(word: string): void {
    this.said.push(word)
    const errcode = this.failures.get(word)?.shift()
    if (errcode !== undefined) throw sqliteError(errcode)
  }
}

/** Without a limit in time, which a busy machine would reach anywhere. */
function world(maxMs = Number.POSITIVE_INFINITY): {
  connection: FakeConnection
  batches: Batches
  syncs: PromiseWithResolvers<void>[]
  add: (name: string, options?: { act?: () => void; durable?: boolean; patienceMs?: number }) => Promise<string>
} {
  const connection = new FakeConnection()
  const syncs: PromiseWithResolvers<void>[] = []
  const batches = new Batches(
    connection,
    () => {
      const sync = Promise.withResolvers<void>()
      syncs.push(sync)
      return sync.promise
    },
    maxMs,
  )
  return {
    connection,
    batches,
    syncs,
    add: (name, { act = () => {}, durable = false, patienceMs = 1_000 } = {}) =>
      batches.add(
        async () => {
          connection.said.push(name)
          act()
          return name
        },
        { durable, patienceMs },
      ),
  }
}

const fail = (): never => {
  throw new Error('mine')
}

test('a lone one has no mark, and begins without waiting for a turn of the event loop', async () => {
  const { connection, add } = world()
  let isTurned = false
  setImmediate(() => {
    isTurned = true
  })
  assert.equal(await add('a'), 'a')
  assert.equal(isTurned, false)
  assert.deepEqual(connection.said, ['begin', 'a', 'commit'])
})

test('those that wait join, each behind a mark; one that fails is undone alone', async () => {
  const { connection, add } = world()
  const answers = await Promise.allSettled([add('a'), add('b', { act: fail }), add('c')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  const expected = ['begin', 'a', 'mark', 'b', 'undo', 'mark', 'c', 'keep', 'commit']
  assert.deepEqual(connection.said, expected)
})

function sizesOf({ said }: FakeConnection): number[] {
  const batches = said.join(' ').split('begin').slice(1)
  return batches.map((batch) => batch.match(/n\d+/g)?.length ?? 0)
}

test('no more than fifty join', async () => {
  const { connection, add } = world()
  await Promise.all(Array.from({ length: 120 }, (_, index) => add(`n${index}`)))
  assert.deepEqual(sizesOf(connection), [50, 50, 20])
})

test('none joins once the time is over', async () => {
  const { connection, add } = world(5)
  const slow = (): void => {
    const end = performance.now() + 6
    while (performance.now() < end);
  }
  await Promise.all(['n0', 'n1', 'n2'].map((name) => add(name, { act: slow })))
  assert.deepEqual(sizesOf(connection), [1, 1, 1])
})

test('one fsync for all; only who is durable waits for it', async () => {
  const { add, syncs } = world()
  const heard: string[] = []
  const all = ['a', 'b', 'c'].map((name) => add(name, { durable: name !== 'b' }).then((it) => heard.push(it)))
  await sleep(1)
  assert.deepEqual([heard, syncs.length], [['b'], 1])
  syncs[0]?.resolve()
  await Promise.all(all)
  assert.deepEqual([heard.toSorted(), syncs.length], [['a', 'b', 'c'], 1])
})

test('an fsync that fails rejects who is durable', async () => {
  const { add, syncs } = world()
  const all = Promise.allSettled([add('a', { durable: true }), add('b'), add('c', { durable: true })])
  await sleep(1)
  syncs[0]?.reject(new Error('EIO'))
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected'],
  )
})

test('when the commit fails nobody has heard anything, and all run again alone, in their order', async () => {
  const { connection, add } = world()
  connection.failures.set('commit', [FULL])
  let isThere = false // what the first writes, as the second sees it
  const first = add('a', {
    act: () => {
      isThere = !isThere
    },
  })
  const second = add('b', {
    act: () => {
      if (isThere) fail()
    },
  })
  assert.deepEqual(
    (await Promise.allSettled([first, second, add('c')])).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
    "the second's error was of a first that never was",
  )
  const again = ['begin', 'a', 'commit', 'begin', 'b', 'commit', 'begin', 'c', 'commit']
  const lost = ['begin', 'a', 'mark', 'b', 'undo', 'mark', 'c', 'keep', 'commit', 'rollback']
  assert.deepEqual(connection.said, [...lost, ...again])
})

test('what rolls back the whole fails only the one that does so', async () => {
  const { connection, add } = world()
  const full = (): never => {
    connection.isInTransaction = false // as SQLite does
    throw sqliteError(FULL)
  }
  const answers = await Promise.allSettled([add('a'), add('b', { act: full }), add('c')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.ok(answers[1]?.status === 'rejected' && isKind('storage_full', answers[1].reason))
  const lost = ['begin', 'a', 'mark', 'b']
  assert.deepEqual(connection.said, [...lost, 'begin', 'a', 'commit', 'begin', 'b', 'begin', 'c', 'commit'])
})

test('a commit that fails alone is the answer', async () => {
  const { connection, add } = world()
  connection.failures.set('commit', [FULL])
  await assert.rejects(add('a'), (error) => isKind('storage_full', error))
  assert.equal(await add('b'), 'b')
})

test('a mark that cannot be set or released loses nobody', async () => {
  for (const word of ['mark', 'keep']) {
    const { connection, add } = world()
    connection.failures.set(word, [FULL])
    assert.deepEqual(await Promise.all([add('a'), add('b'), add('c')]), ['a', 'b', 'c'])
  }
})

test('while another process writes it is tried again, for as long as the first may wait', async () => {
  const { connection, add } = world()
  connection.failures.set('begin', [BUSY, BUSY])
  assert.equal(await add('a'), 'a')
  connection.failures.set(
    'begin',
    Array.from({ length: 1_000 }, () => BUSY),
  )
  const answers = await Promise.allSettled([add('b', { patienceMs: 10 }), add('c', { patienceMs: 10 })])
  for (const answer of answers) assert.ok(answer.status === 'rejected' && isKind('unavailable', answer.reason))
  connection.failures.clear()
  assert.equal(await add('d'), 'd')
})

test('settled waits for all that wait, those too that run again', async () => {
  const { connection, add, batches } = world()
  connection.failures.set('commit', [FULL])
  const heard: string[] = []
  for (const name of ['a', 'b']) void add(name).then((it) => heard.push(it))
  await batches.settled()
  assert.deepEqual(heard, ['a', 'b'])
})

function sqliteError(errcode: number): Error {
  return Object.assign(new Error(`SQLite ${errcode}`), { errcode })
}

function isKind(kind: DomainError['kind'], error: unknown): boolean {
  return error instanceof DomainError && error.kind === kind
}
