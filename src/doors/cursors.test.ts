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
      const cursor = cursors.seal('/people', position)
      assert.match(cursor, /^[\w-]+$/)
      assert.equal(createCursors(key).open('/people', cursor), position.toWellFormed())
      assert.equal(cursors.seal('/people', position), cursor)
    }),
  )
})

test('cursors: nobody reads or makes one', () => {
  const cursor = cursors.seal('/people', '[123456]')
  assert.ok(!Buffer.from(cursor, 'base64url').toString('latin1').includes('123456'))
  for (const bad of [
    '',
    'x',
    cursor.slice(1),
    `${cursor}AAAA`,
    createCursors(randomBytes(32)).seal('/people', '[123456]'),
  ]) {
    assert.equal(cursors.open('/people', bad), null)
  }
})

test('cursors: no other list opens one', () => {
  assert.equal(cursors.open('/registries', cursors.seal('/people', '[123456]')), null)
  assert.notEqual(cursors.seal('/registries', '[123456]'), cursors.seal('/people', '[123456]'))
})
