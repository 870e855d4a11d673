import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from './errors.ts'
import { DEFAULT_PAGE, MAX_PAGE, parsePage } from './page.ts'

const cases: { query: string; limit: number; after: string | null }[] = [
  { query: '', limit: DEFAULT_PAGE, after: null },
  { query: 'n=5', limit: 5, after: null },
  { query: 'n=0', limit: 0, after: null },
  { query: 'n=10001', limit: MAX_PAGE, after: null },
  { query: 'n=99999999999999999999999999', limit: MAX_PAGE, after: null },
  { query: 'last=v1', limit: DEFAULT_PAGE, after: 'v1' },
  { query: 'last=&n=3', limit: 3, after: null },
  { query: 'last=team%2Fapp&n=3', limit: 3, after: 'team/app' },
  { query: 'n=7&n=8', limit: 7, after: null },
]
for (const { query, limit, after } of cases) {
  test(`parsePage: ${query || 'no query'}`, () => assert.deepEqual(parsePage(query), { limit, after }))
}

for (const n of ['-1', '1.5', 'ten', '', '1e3', '0x10', ' 5']) {
  test(`parsePage: n=${JSON.stringify(n)} is refused by name`, () => {
    assert.throws(
      () => parsePage(`n=${encodeURIComponent(n)}`),
      (error) => error instanceof WireError && error.status === 400 && error.code === 'PAGINATION_NUMBER_INVALID',
    )
  })
}
