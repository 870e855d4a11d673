import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aliasGroups } from './alias-groups.ts'

const cases = [
  { name: 'nobody', pairs: [], want: [] },
  { name: 'two', pairs: [['b', 'a']], want: [['a', 'b']] },
  { name: 'its own alias', pairs: [['a', 'a']], want: [['a']] },
  {
    name: 'said twice, and the other way round',
    pairs: [
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'b'],
    ],
    want: [['a', 'b']],
  },
  {
    name: 'through another',
    pairs: [
      ['d', 'c'],
      ['a', 'b'],
      ['c', 'b'],
    ],
    want: [['a', 'b', 'c', 'd']],
  },
  {
    name: 'two groups, in their order',
    pairs: [
      ['z', 'y'],
      ['b', 'c'],
      ['c', 'a'],
    ],
    want: [
      ['a', 'b', 'c'],
      ['y', 'z'],
    ],
  },
] as const

for (const { name, pairs, want } of cases) {
  test(`aliasGroups: ${name}`, () => {
    assert.deepEqual(aliasGroups(pairs), want)
    assert.deepEqual(aliasGroups(pairs.toReversed()), want)
  })
}

test('aliasGroups: a chain of a hundred thousand takes no stack and no square of time', () => {
  const chain = Array.from({ length: 100_000 }, (_, n): [string, string] => [`${n}`, `${n + 1}`])
  assert.equal(aliasGroups(chain).length, 1)
  assert.equal(aliasGroups(chain.reverse()).length, 1)
})
