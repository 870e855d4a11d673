import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryValue, queryValues, splitTarget } from './query.ts'

test('splitTarget: at the first question mark', () => {
  assert.deepEqual(splitTarget('/a?b=c?d'), { path: '/a', query: 'b=c?d' })
  assert.deepEqual(splitTarget('/a'), { path: '/a', query: '' })
})

test('queryValues: in order, unescaped, + as it is', () => {
  const query = 'tag=v1&tag=v2&x=1&artifactType=application/a+json&t%61g=v3&tag'
  assert.deepEqual(queryValues(query, 'tag'), ['v1', 'v2', 'v3', ''])
  assert.equal(queryValue(query, 'artifactType'), 'application/a+json')
  assert.equal(queryValue('digest=sha256%3Aab', 'digest'), 'sha256:ab')
  assert.equal(queryValue(query, 'missing'), null)
})

test('queryValues: a broken escape is left as it was sent', () => {
  assert.equal(queryValue('last=%zz', 'last'), '%zz')
})
