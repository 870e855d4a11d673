import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, isOutdated, unverifiableHash, verifyPassword } from './passwords.ts'

// Source: the reference implementation's test.c, version 0x13.
const PUBLISHED = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

test('verifyPassword: the published vector', async () => {
  assert.equal(await verifyPassword('password', PUBLISHED), true)
  assert.equal(await verifyPassword('differentpassword', PUBLISHED), false)
})

test('hashPassword: verifies, differs each time, says its parameters', async () => {
  const [one, two] = [await hashPassword('correct horse'), await hashPassword('correct horse')]
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(one, two)
  assert.equal(await verifyPassword('correct horse', one), true)
  assert.equal(await verifyPassword('correct horsf', one), false)
})

test('verifyPassword: composed and decomposed characters are the same', async () => {
  assert.equal(await verifyPassword('cafe\u0301 noir ok', await hashPassword('caf\u00e9 noir ok')), true)
})

const broken = [
  { name: 'empty', stored: '' },
  { name: 'plain text', stored: 'password' },
  { name: 'another algorithm', stored: PUBLISHED.replace('argon2id', 'argon2i') },
  { name: 'another version', stored: PUBLISHED.replace('v=19', 'v=16') },
  { name: 'memory beyond reason', stored: PUBLISHED.replace('m=65536', 'm=99999999') },
  { name: 'passes beyond reason', stored: PUBLISHED.replace('t=2', 't=9999') },
  { name: 'salt of seven bytes', stored: PUBLISHED.replace('c29tZXNhbHQ', 'c29tc2FsdA') },
  { name: 'a hash of one byte', stored: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CQ' },
]
for (const { name, stored } of broken) {
  test(`verifyPassword: a stored ${name} verifies nothing`, async () => {
    assert.equal(await verifyPassword('password', stored), false)
  })
}

test('unverifiableHash: costs the same as a real one', () => {
  assert.match(unverifiableHash(), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
})

const strengths = [
  { name: 'of today', stored: unverifiableHash(), want: false },
  { name: 'of more memory', stored: PUBLISHED, want: false },
  { name: 'of less memory', stored: PUBLISHED.replace('m=65536', 'm=12288'), want: true },
  { name: 'of one pass', stored: PUBLISHED.replace('t=2', 't=1'), want: true },
  { name: 'that is none of ours', stored: 'password', want: false },
]
for (const { name, stored, want } of strengths) {
  test(`isOutdated: a hash ${name}`, () => assert.equal(isOutdated(stored), want))
}
