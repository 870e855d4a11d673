import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowsRange, matchesEntityTag } from './entity-tag.ts'

const cases: [header: string, matches: boolean][] = [
  ['"sha256:ab"', true],
  ['W/"sha256:ab"', true],
  ['"x", "sha256:ab"', true],
  ['*', true],
  ['sha256:ab', true],
  ['"sha256:abc"', false],
  ['"SHA256:AB"', false],
  ['', false],
]
for (const [header, matches] of cases) {
  test(`matchesEntityTag: ${header}`, () => assert.equal(matchesEntityTag(header, '"sha256:ab"'), matches))
}

test('allowsRange: only an equal strong tag, or none', () => {
  assert.ok(allowsRange(undefined, '"a"'))
  assert.ok(allowsRange('"a"', '"a"'))
  assert.ok(!allowsRange('W/"a"', '"a"'))
  assert.ok(!allowsRange('Wed, 21 Oct 2015 07:28:00 GMT', '"a"'))
})
