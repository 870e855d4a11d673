import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { DomainError } from '../domain/error.ts'
import { pauseAfter } from './brake.ts'

const pauses = [
  { failures: 0, want: 0 },
  { failures: 9, want: 0 },
  { failures: 10, want: 1_000 },
  { failures: 11, want: 2_000 },
  { failures: 15, want: 32_000 },
  { failures: 20, want: 900_000 },
  { failures: 5_000, want: 900_000 },
]
for (const { failures, want } of pauses) {
  test(`pauseAfter: ${failures} failures`, () => assert.equal(pauseAfter(failures), want))
}

const BOB = 'bob@example.com'
const PING = { kind: 'ping' } as const

async function withBob() {
  const world = await AuthWorld.open()
  const contract = await world.contract()
  await world.user(contract, BOB, { password: 'correct horse' })
  const ask = async (username: string, password: string, address = ADDRESS, node = world.first) => {
    try {
      await node.auth.admit({ authorization: basic(username, password), address, service: 'entrepot' }, PING)
      return 'ok'
    } catch (error) {
      assert.ok(error instanceof DomainError, String(error))
      return error.headers['retry-after'] ? `${error.kind} ${error.headers['retry-after']}` : error.kind
    }
  }
  const fail = async (times: number, username = BOB) => {
    for (let time = 0; time < times; time++) assert.equal(await ask(username, `wrong ${time}`), 'unauthenticated')
  }
  return { world, contract, ask, fail, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

test('brake: the tenth wrong password makes the next one wait, in every process, right or wrong', async () => {
  await using given = await withBob()
  await given.fail(10)
  assert.equal(await given.ask(BOB, 'wrong'), 'too_many_requests 1')
  const other = await given.world.node()
  assert.equal(await given.ask(BOB, 'correct horse', ADDRESS, other), 'too_many_requests 1')
  given.world.clock += 1_000
  assert.equal(await given.ask(BOB, 'wrong'), 'unauthenticated')
  assert.equal(await given.ask(BOB, 'wrong'), 'too_many_requests 2')
  given.world.clock += 2_000
  assert.equal(await given.ask(BOB, 'correct horse'), 'ok')
  await given.fail(9)
})

test('brake: names that do not exist are slowed alike, with the same words', async () => {
  await using given = await withBob()
  await given.fail(10)
  await given.fail(10, 'nobody@example.com')
  const message = async (username: string) =>
    given.world.auth
      .admit({ authorization: basic(username, 'wrong'), address: ADDRESS, service: 'entrepot' }, PING)
      .catch((error: DomainError) => ({
        kind: error.kind,
        message: error.message,
        headers: error.headers,
      }))
  assert.deepEqual(await message(BOB), await message('nobody@example.com'))
})

test('brake: nobody is locked out from elsewhere, and no other name is slowed', async () => {
  await using given = await withBob()
  await given.world.user(given.contract, 'mia@example.com', { password: 'correct horse' })
  await given.fail(10)
  assert.equal(await given.ask(BOB, 'wrong', '203.0.113.99'), 'too_many_requests 1')
  assert.equal(await given.ask(BOB, 'correct horse', '198.51.100.1'), 'ok')
  assert.equal(await given.ask('mia@example.com', 'correct horse'), 'ok')
})

test('brake: a token or an API key is always accepted, and never counted', async () => {
  await using given = await withBob()
  const registry = await given.world.registry(given.contract, 'acme')
  const token = await given.world.token(registry, 'ci', [])
  const key = await given.world.apiKey(given.contract, BOB)
  for (let time = 0; time < 30; time++) assert.equal(await given.ask('ci', `wrong ${time}`), 'unauthenticated')
  await given.fail(10)
  assert.deepEqual([await given.ask('ci', token.password), await given.ask(BOB, key.text)], ['ok', 'ok'])
})

test('brake: who is logged in stays so while somebody else of the network guesses', async () => {
  await using given = await withBob()
  assert.equal(await given.ask(BOB, 'correct horse'), 'ok')
  await given.fail(10)
  assert.equal(await given.ask(BOB, 'correct horse'), 'ok')
})

test('brake: a quarter of an hour later all is forgotten', async () => {
  await using given = await withBob()
  await given.fail(9)
  given.world.clock += 15 * 60_000
  await given.fail(9)
  assert.equal(await given.ask(BOB, 'correct horse'), 'ok')
})

test('brake: many guesses at once are not many tries', async () => {
  await using given = await withBob()
  const outcomes = await Promise.all(Array.from({ length: 45 }, (_, time) => given.ask(BOB, `guess ${time}`)))
  const tried = outcomes.filter((outcome) => outcome === 'unauthenticated').length
  assert.ok(tried <= 11, `${tried} were tried`)
  assert.ok(outcomes.every((outcome) => /^(unauthenticated|too_many_requests)/.test(outcome)))
})

test('brake: what is stored tells neither name nor address', async () => {
  await using given = await withBob()
  await given.fail(1)
  const rows = await given.world.first.metadata.read((sql) => sql.all<{ id_hash: string }>`SELECT * FROM login_brakes`)
  assert.equal(rows.length, 1)
  assert.match(rows[0]?.id_hash ?? '', /^[0-9a-f]{64}$/)
})

test('password logins: the same login many times at once is derived once', async () => {
  await using given = await withBob()
  const once = await processorTime(() => given.ask(BOB, 'wrong'))
  const many = await processorTime(async () => {
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => given.ask(BOB, 'correct horse')))
    assert.ok(outcomes.every((outcome) => outcome === 'ok'))
  })
  assert.ok(many < 50 * once, `${many / once} times one login`)
})

test('password logins: beyond the queue the answer is 429, and the process lives on', async () => {
  await using given = await withBob()
  const names = Array.from({ length: 120 }, (_, index) => `user${index}@example.com`)
  const outcomes = await Promise.all(names.map((name) => given.ask(name, 'some password')))
  const tried = outcomes.filter((outcome) => outcome === 'unauthenticated').length
  const refused = outcomes.filter((outcome) => outcome === 'too_many_requests 2').length
  assert.ok(refused > 0 && tried >= 50, `${refused} refused, ${tried} tried`)
  assert.equal(tried + refused, names.length)
  assert.equal(await given.ask(BOB, 'correct horse'), 'ok')
})

test('password logins: an address that does not exist costs what an existing one does', async () => {
  await using given = await withBob()
  const cost = (username: string, round: number) => processorTime(() => given.ask(username, `wrong ${round}`))
  const [known, unknown]: [number[], number[]] = [[], []]
  for (let round = 0; round < 9; round++) {
    known.push(await cost(BOB, round))
    unknown.push(await cost('nobody@example.com', round))
  }
  const ratio = Math.min(...unknown) / Math.min(...known)
  assert.ok(ratio > 0.5 && ratio < 2, `ratio ${ratio}`)
})

/** Of this process, the derivations' threads included: other programs do not count. */
async function processorTime(act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await act()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
