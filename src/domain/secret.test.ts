import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { hashSecret, newSecret, parseSecret, SECRET_PREFIX, secretMatches } from './secret.ts'

const prefixes = fc.constantFrom(...Object.values(SECRET_PREFIX))
const zeros = (size: number) => new Uint8Array(size)

test('newSecret: what is made is recognised, with its prefix and key id', () => {
  fc.assert(
    fc.property(prefixes, (prefix) => {
      const secret = newSecret(prefix)
      assert.deepEqual(parseSecret(secret.text), { prefix, keyId: secret.keyId })
      assert.equal(secret.hash, hashSecret(secret.text))
      assert.ok(secretMatches(secret.text, secret.hash))
      assert.match(secret.text, /^ent[klrs]?_[0-9A-Za-z]{10}_[0-9A-Za-z]{34}$/)
    }),
  )
})

test('newSecret: the checksum is CRC-32 in base62, as secret scanners compute it', () => {
  const { text } = newSecret('ent', zeros)
  const value = [...text.slice(-6)].reduce(
    (sum, digit) => sum * 62 + '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(digit),
    0,
  )
  assert.equal(value, crc32(text.slice(0, -6)))
})

test('newSecret: every digit is equally likely', () => {
  const counts = new Map<string, number>()
  for (let round = 0; round < 500; round++) {
    for (const digit of newSecret('ent').text.slice(15, 43)) counts.set(digit, (counts.get(digit) ?? 0) + 1)
  }
  const expected = (500 * 28) / 62
  const chi = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  assert.equal(counts.size, 62)
  assert.ok(chi < 130, `chi squared ${chi} for 61 degrees of freedom`)
})

test('newSecret: two are never alike', () => {
  const made = Array.from({ length: 1000 }, () => newSecret('ent'))
  assert.equal(new Set(made.map(({ keyId }) => keyId)).size, 1000)
  assert.equal(new Set(made.map(({ hash }) => hash)).size, 1000)
})

test('parseSecret: one wrong character is noticed', () => {
  const letters = fc.constantFrom(...'019AZaz_-')
  fc.assert(
    fc.property(prefixes, fc.nat(47), letters, (prefix, at, letter) => {
      const { text } = newSecret(prefix)
      const changed = text.slice(0, at) + letter + text.slice(at + 1)
      assert.equal(parseSecret(changed) === null, changed !== text)
    }),
  )
})

test('parseSecret: any other text is not a secret', () => {
  fc.assert(fc.property(fc.string(), (text) => assert.equal(parseSecret(text), null)))
})

const strangers = [
  { name: 'empty', text: '' },
  { name: 'the prefix alone', text: 'ent_' },
  { name: 'a trailing line feed', text: `${newSecret('ent').text}\n` },
  { name: 'a leading space', text: ` ${newSecret('ent').text}` },
  { name: 'another prefix with the same rest', text: newSecret('ent').text.replace('ent_', 'entk_') },
  { name: 'a UUID', text: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' },
]
for (const { name, text } of strangers) {
  test(`parseSecret: ${name} is not a secret`, () => assert.equal(parseSecret(text), null))
}

test('secretMatches: not for another secret, nor for a stored value of another length', () => {
  const [one, two] = [newSecret('ent'), newSecret('ent')]
  assert.equal(secretMatches(one.text, two.hash), false)
  assert.equal(secretMatches(one.text, ''), false)
  assert.equal(secretMatches(one.text, one.hash.slice(1)), false)
})
