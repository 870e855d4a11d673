import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCursors } from './cursors.ts'

const key = randomBytes(32)
const cursors = createCursors(key)

test('cursors: every process of the installation opens what another one sealed', () => {
  fc.assert(
    fc.property(fc.string(), (position) => {
      const cursor = cursors.seal(position)
      assert.match(cursor, /^[\w-]+$/)
      assert.equal(createCursors(key).open(cursor), position.toWellFormed())
      assert.equal(cursors.seal(position), cursor)
    }),
  )
})

test('cursors: nobody reads or makes one', () => {
  const cursor = cursors.seal('[123456]')
  assert.ok(!Buffer.from(cursor, 'base64url').toString('latin1').includes('123456'))
  for (const bad of ['', 'x', cursor.slice(1), `${cursor}AAAA`, createCursors(randomBytes(32)).seal('[123456]')]) {
    assert.equal(cursors.open(bad), null)
  }
})
