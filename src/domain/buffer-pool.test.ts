import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool, CHUNK_BYTES } from './buffer-pool.ts'

test('a buffer given back is lent again, and given to the system when nobody reads', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const pool = new BufferPool(2 * CHUNK_BYTES)
  const first = pool.take(CHUNK_BYTES)
  pool.giveBack(first)
  context.mock.timers.tick(1_000)
  assert.equal(pool.take(100_000), first)
  pool.giveBack(first)
  context.mock.timers.tick(1_000) // it was used in this second
  assert.equal(first.length, CHUNK_BYTES)
  context.mock.timers.tick(1_000)
  assert.equal(first.buffer.byteLength, 0)
  const second = pool.take(CHUNK_BYTES)
  assert.notEqual(second, first)
  assert.equal(second.length, CHUNK_BYTES)
  pool.giveBack(second)
  for (const ms of [1_000, 1_000]) context.mock.timers.tick(ms)
  assert.equal(second.buffer.byteLength, 0)
})

test('what is lent rests with nobody', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const pool = new BufferPool(2 * CHUNK_BYTES)
  const [kept, back] = [pool.take(CHUNK_BYTES), pool.take(CHUNK_BYTES)]
  pool.giveBack(back)
  context.mock.timers.tick(5_000)
  assert.equal(kept.length, CHUNK_BYTES)
  assert.equal(pool.lentBytes, CHUNK_BYTES)
})
