import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Courtesy } from './courtesy.ts'

const MB = 1024 * 1024

test('Courtesy: a chunk goes at once; in small pieces with pauses while others keep the process busy; and at once again', async () => {
  const clock = { now: 0, busy: 0, pauses: 0, room: 0.5 }
  const courtesy = new Courtesy({
    now: () => clock.now,
    busyMs: () => clock.busy,
    room: () => clock.room,
    pause: async (ms) => {
      clock.pauses += 1
      clock.now += ms
    },
  })
  const chunk = Buffer.alloc(MB, 'abc')
  const sizes = async () => {
    const pieces = await Array.fromAsync(courtesy.piecesOf(chunk), (piece) => Buffer.from(piece))
    assert.ok(Buffer.concat(pieces).equals(chunk))
    return pieces.map(({ length }) => length)
  }
  clock.now += 250
  clock.busy = 250
  assert.deepEqual(await sizes(), [MB], 'that was before')
  clock.busy = 8.5
  clock.now += 25
  assert.equal(courtesy.isBusy(), false, 'a part of it was passing on that megabyte')
  clock.busy = 10
  assert.deepEqual(await sizes(), [MB], 'it was not measured anew')
  clock.now += 25
  assert.equal(courtesy.isBusy(), true)
  assert.deepEqual([await sizes(), clock.pauses], [Array(16).fill(65_536), 16])
  clock.busy = 5
  assert.deepEqual((await sizes()).slice(-2), [65_536, MB - 5 * 65_536])
  assert.deepEqual(await sizes(), [MB])
  clock.busy = 20
  clock.room = 0.1
  clock.now += 25
  assert.equal((await sizes())[0], 65_536, 'room is measured twice a second')
  clock.now += 500
  courtesy.isBusy()
  clock.now += 25
  clock.pauses = 0
  assert.deepEqual([await sizes(), clock.pauses], [Array(32).fill(32_768), 32])
  for (const room of [0.2, Number.NaN]) {
    clock.room = room
    clock.now += 500
    courtesy.isBusy()
    clock.now += 25
    assert.equal((await sizes())[0], 65_536)
  }
})
