import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from './printable.ts'

const cases = [
  { name: 'a usual path', text: 'app/node_modules/@scope/a-b_c/package.json' },
  { name: 'letters of other scripts', text: 'größe-包' },
  { name: 'an escape sequence', text: 'a\u001b]0;owned\u0007\u001b[2Jb', want: 'a�]0;owned��[2Jb' },
  { name: 'an 8-bit control', text: 'a\u009b2J', want: 'a�2J' },
  { name: 'several lines', text: 'a\r\nCVE-2026-0001 none\tb', want: 'a CVE-2026-0001 none b' },
  { name: 'text that turns round', text: 'a\u202eb\u2066c', want: 'a�b�c' },
  { name: 'half a character', text: 'a\ud800b', want: 'a�b' },
  { name: 'more than fits', text: 'x'.repeat(300), want: `${'x'.repeat(199)}…` },
]
for (const { name, text, want = text } of cases) {
  test(`printable: ${name}`, () => assert.equal(printable(text), want))
}
