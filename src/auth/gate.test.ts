import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DomainError } from '../domain/error.ts'
import { Gate } from './gate.ts'

function held() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { task: () => promise, release: resolve }
}

test('Gate: runs as many as allowed, queues as many as allowed, refuses the rest', async () => {
  const gate = new Gate({ running: 2, waiting: 1 })
  const [one, two] = [held(), held()]
  let third = false
  const running = [gate.run(one.task), gate.run(two.task)]
  const waiting = gate.run(async () => {
    third = true
  })
  await assert.rejects(
    gate.run(async () => {}),
    (error: DomainError) => {
      assert.equal(error.kind, 'too_many_requests')
      return error.headers['retry-after'] === '2'
    },
  )
  assert.equal(third, false)
  one.release()
  await waiting
  assert.equal(third, true)
  two.release()
  await Promise.all(running)
})

test('Gate: a failing task gives its place back', async () => {
  const gate = new Gate({ running: 1, waiting: 0 })
  await assert.rejects(
    gate.run(async () => {
      throw new Error('broken')
    }),
    /broken/,
  )
  assert.equal(await gate.run(async () => 7), 7)
})

test('Gate: never more at once than allowed, whatever comes', async () => {
  const gate = new Gate({ running: 3, waiting: 100 })
  let running = 0
  let most = 0
  const task = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
  }
  await Promise.all(Array.from({ length: 60 }, () => gate.run(task)))
  assert.equal(most, 3)
})
