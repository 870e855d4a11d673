import assert from 'node:assert/strict'
import { test } from 'node:test'
import { warningHeaders, withWarnings } from './headers.ts'

test('warningHeaders: a text in quotes, made safe', () => {
  assert.deepEqual(warningHeaders(['token "ci" expires\r\nSet-Cookie: x', 'ends in \\']), [
    '299 - "token \\"ci\\" expires??Set-Cookie: x"',
    '299 - "ends in \\\\"',
  ])
})

test('warningHeaders: never more than 4,096 bytes together', () => {
  const headers = warningHeaders(Array.from({ length: 100 }, () => 'x'.repeat(500)))
  assert.equal(headers.length, 8)
  assert.ok(headers.join('').length <= 4096)
})

test('withWarnings: nothing without texts; the same texts are written once', () => {
  assert.deepEqual(withWarnings({ etag: 'x' }, []), { etag: 'x' })
  const texts = ['ends soon', 'older']
  const [first, second] = [withWarnings({}, texts), withWarnings({}, texts)]
  assert.deepEqual(first, { warning: ['299 - "ends soon"', '299 - "older"'] })
  assert.equal(first['warning'], second['warning'])
})
