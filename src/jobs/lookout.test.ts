import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lookOut } from './lookout.ts'

test('lookOut: looks every so often, shortly after it is told to, and no more when it is over', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let looks = 0
  const out = lookOut(250, async () => {
    looks += 1
  })
  const after = async (ms: number): Promise<number> => {
    const before = looks
    for (let passed = 0; passed < ms; passed += 1) {
      t.mock.timers.tick(1)
      await Promise.resolve().then(() => {})
    }
    return looks - before
  }
  assert.equal(await after(249), 0)
  assert.equal(await after(251), 2)
  out.soon()
  assert.equal(await after(3), 1)
  assert.equal(await after(155), 5)
  assert.equal(await after(240), 0)
  out.soon()
  out.soon()
  assert.equal(await after(10), 2)
  await out[Symbol.asyncDispose]()
  assert.equal(await after(1_000), 0)
})

test('lookOut: never twice at once, and over when what is under way is', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let looks = 0
  const started = Promise.withResolvers<void>()
  const out = lookOut(1, async () => {
    looks += 1
    started.resolve()
    await promise
  })
  await started.promise
  out.soon()
  const over = out[Symbol.asyncDispose]()
  resolve()
  await over
  assert.equal(looks, 1)
})
