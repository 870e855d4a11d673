import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseReturnTo } from './return-to.ts'

const cases = [
  { name: 'nothing', text: null, want: '/ui/' },
  { name: 'an empty text', text: '', want: '/ui/' },
  { name: 'a page', text: '/ui/registries/a?tab=tags#top', want: '/ui/registries/a?tab=tags#top' },
  { name: 'escapes', text: '/ui/a%2Fb%20c', want: '/ui/a%2Fb%20c' },
  { name: 'a page of the API', text: '/api/v1/me', want: null },
  { name: 'the root', text: '/', want: null },
  { name: 'a look-alike folder', text: '/uix/', want: null },
  { name: 'another host', text: 'https://evil.example/ui/', want: null },
  { name: 'another host without scheme', text: '//evil.example/ui/', want: null },
  { name: 'another host by backslash', text: '/\\evil.example/ui/', want: null },
  { name: 'another host by tab', text: '/\t/evil.example/ui/', want: null },
  { name: 'a line break', text: '/ui/\r\nset-cookie:a=b', want: null },
  { name: 'a script', text: 'javascript:alert(1)', want: null },
  { name: 'climbing out', text: '/ui/../api/v1/me', want: null },
  { name: 'climbing out, escaped', text: '/ui/%2e%2e/api/v1/me', want: null },
  { name: 'climbing out and back', text: '/ui/../ui/x', want: '/ui/x' },
  { name: 'beyond ASCII', text: '/ui/ü', want: null },
  { name: 'a relative path', text: 'ui/', want: null },
  { name: 'endless', text: `/ui/${'x'.repeat(500)}`, want: null },
]

for (const { name, text, want } of cases) {
  test(`parseReturnTo: ${name}`, () => {
    if (want === null) assert.throws(() => parseReturnTo(text), { kind: 'input_invalid' })
    else assert.equal(parseReturnTo(text), want)
  })
}
