import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Reading } from './clock.ts'
import { Poll } from './clock.ts'

/** A poll whose answers and time are the test's. */
function world(t: TestContext) {
  const time = { now: 0 }
  t.mock.method(performance, 'now', () => time.now)
  const asked: PromiseWithResolvers<Reading>[] = []
  const poll = new Poll(() => {
    const answer = Promise.withResolvers<Reading>()
    asked.push(answer)
    return answer.promise
  }, 3_600_000)
  t.after(() => poll[Symbol.dispose]())
  return { time, asked, poll }
}

async function started(t: TestContext) {
  const given = world(t)
  const start = given.poll.start()
  given.asked[0]?.resolve({ epoch: 1, now: 5_000 })
  await start
  return given
}

test('epoch: what was asked for within a second is told at once', async (t) => {
  const { time, asked, poll } = await started(t)
  time.now = 1_000
  assert.equal(poll.epoch(), 1)
  assert.equal(poll.now(), 6_000)
  assert.equal(asked.length, 1)
})

test('epoch: later it is asked for anew, and that answer serves however long it takes', async (t) => {
  const { time, asked, poll } = await started(t)
  time.now = 1_001
  const known = poll.epoch()
  time.now = 9_000
  asked[1]?.resolve({ epoch: 2, now: 0 })
  assert.equal(await known, 2)
  assert.equal(asked.length, 2)
})

test('epoch: an answer on its way serves who came later if it is not too old; if it is, all share the next one', async (t) => {
  for (const { answeredAt, asks } of [
    { answeredAt: 3_000, asks: 2 },
    { answeredAt: 3_001, asks: 3 },
  ]) {
    const { time, asked, poll } = await started(t)
    time.now = 2_000
    const first = poll.epoch()
    const later = [poll.epoch(), poll.epoch()]
    time.now = answeredAt
    asked[1]?.resolve({ epoch: 2, now: 0 })
    assert.equal(await first, 2)
    await new Promise(setImmediate)
    asked[2]?.resolve({ epoch: 3, now: 0 })
    for (const each of later) assert.equal(await each, asks)
    assert.equal(asked.length, asks)
    t.mock.restoreAll()
  }
})

test('epoch: without an answer it is unavailable, and known again with the next one', async (t) => {
  const { time, asked, poll } = await started(t)
  time.now = 2_000
  const refused = assert.rejects(async () => await poll.epoch(), {
    kind: 'unavailable',
    headers: { 'retry-after': '1' },
  })
  asked[1]?.reject(new Error('down'))
  await refused
  const again = poll.epoch()
  asked[2]?.resolve({ epoch: 4, now: 0 })
  assert.equal(await again, 4)
  assert.equal(poll.epoch(), 4)
})
