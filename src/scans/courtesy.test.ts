import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Courtesy } from './courtesy.ts'

test('Courtesy: a chunk goes at once, in small pieces with pauses while others keep the process busy, and at once again', async () => {
  const clock = { now: 0, pauses: 0, utilization: 0.2 }
  const courtesy = new Courtesy({
    now: () => clock.now,
    utilization: () => clock.utilization,
    pause: async (ms) => {
      clock.pauses += 1
      clock.now += ms
    },
  })
  const chunk = Buffer.alloc(1024 * 1024, 'abc')
  const sizes = async () => {
    const pieces = await Array.fromAsync(courtesy.piecesOf(chunk), (piece) => Buffer.from(piece))
    assert.deepEqual(Buffer.concat(pieces).equals(chunk), true)
    return pieces.map(({ length }) => length)
  }
  assert.deepEqual(await sizes(), [chunk.length])
  clock.utilization = 0.95
  assert.deepEqual(await sizes(), [chunk.length], 'it was not measured yet')
  clock.now += 25
  assert.deepEqual([await sizes(), clock.pauses], [Array(16).fill(65_536), 16])
  clock.utilization = 0.3
  assert.deepEqual(await sizes(), [65_536, 65_536, 65_536, 65_536, 65_536, chunk.length - 5 * 65_536])
  assert.deepEqual(await sizes(), [chunk.length])
})
