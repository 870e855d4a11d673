import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { basicHeader, parseAuthorization } from './authorization-header.ts'

const encoded = (text: string) => Buffer.from(text).toString('base64')
const login = (username: string, password: string) => ({ scheme: 'basic', username, password })

const cases = [
  { name: 'Basic', header: `Basic ${encoded('ci:secret')}`, want: login('ci', 'secret') },
  { name: 'lower case scheme', header: `basic ${encoded('ci:secret')}`, want: login('ci', 'secret') },
  { name: 'a password with colons', header: `Basic ${encoded('ci:a:b:')}`, want: login('ci', 'a:b:') },
  { name: 'nothing before the colon', header: `Basic ${encoded(':x')}`, want: login('', 'x') },
  { name: 'characters beyond ASCII', header: `Basic ${encoded('é:ü€')}`, want: login('é', 'ü€') },
  { name: 'Basic without a colon', header: `Basic ${encoded('ci')}`, want: null },
  { name: 'Bearer', header: 'Bearer abc.def-g_h', want: { scheme: 'bearer', token: 'abc.def-g_h' } },
  { name: 'Bearer without a token', header: 'Bearer ', want: null },
  { name: 'two tokens', header: 'Bearer a b', want: null },
  { name: 'another scheme', header: 'Digest abc', want: null },
  { name: 'empty', header: '', want: null },
  { name: 'endless', header: `Bearer ${'a'.repeat(20_000)}`, want: null },
]
for (const { name, header, want } of cases) {
  test(`parseAuthorization: ${name}`, () => assert.deepEqual(parseAuthorization(header), want))
}

test('basicHeader: is read back as it was, but for user names with a colon', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (username, password) => {
      const header = basicHeader(username, password)
      if (username.includes(':')) assert.equal(header, null)
      else assert.deepEqual(parseAuthorization(header ?? ''), login(username, password))
    }),
  )
})

test('parseAuthorization: never throws', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseAuthorization(`Basic ${text}`)))
})
