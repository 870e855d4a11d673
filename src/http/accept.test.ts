import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAccept, preferredType } from './accept.ts'

const offered = ['application/json', 'text/html'] as const
const cases: { name: string; header: string | undefined; want: string | null }[] = [
  { name: 'no header: the first', header: undefined, want: 'application/json' },
  {
    name: 'a browser',
    header: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    want: 'text/html',
  },
  { name: 'curl', header: '*/*', want: 'application/json' },
  { name: 'a family', header: 'text/*', want: 'text/html' },
  { name: 'refused by quality', header: 'application/json;q=0, */*;q=0.1', want: 'text/html' },
  { name: 'nothing fits', header: 'image/png', want: null },
  { name: 'capitals and spaces', header: ' TEXT/HTML ; Q=0.5 ', want: 'text/html' },
  { name: 'an unreadable quality counts as none', header: 'text/html;q=high', want: null },
]
for (const { name, header, want } of cases) {
  test(`preferredType: ${name}`, () => assert.equal(preferredType(header, offered), want))
}

test('parseAccept: what a stranger writes without end is cut', () => {
  assert.equal(parseAccept('a/b,'.repeat(10_000)).length, 100)
})
