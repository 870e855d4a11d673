import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { IntegrityError } from '../encryption/integrity-error.ts'
import { MasterKeyError } from './key-provider.ts'
import { environmentKeyProvider, masterKeyProvider, parseMasterKey } from './master-key.ts'

const key = Buffer.from('00ff10'.padEnd(64, 'a7'), 'hex')

const accepted = [
  { name: 'base64', text: key.toString('base64') },
  { name: 'base64 without padding', text: key.toString('base64').replace('=', '') },
  { name: 'the URL alphabet', text: key.toString('base64url') },
  { name: 'hexadecimal digits', text: key.toString('hex') },
  { name: 'upper-case digits', text: key.toString('hex').toUpperCase() },
  { name: 'a line end behind it', text: `${key.toString('base64')}\n` },
]
for (const { name, text } of accepted) {
  void test(`a master key in ${name} is read`, () => assert.deepEqual(Buffer.from(parseMasterKey(text, 'it')), key))
}

const refused = [
  { name: 'nothing', text: '', words: /is empty: it must be 32 random bytes/ },
  { name: 'blanks', text: ' \n', words: /is empty/ },
  { name: '16 bytes', text: randomBytes(16).toString('base64'), words: /has 16 bytes: .*openssl rand -base64 32/ },
  { name: '33 bytes', text: randomBytes(33).toString('base64'), words: /has 33 bytes/ },
  { name: '62 digits', text: 'ab'.repeat(31), words: /has 46 bytes/ },
  { name: 'a pass phrase', text: 'correct horse battery staple', words: /neither base64 nor hexadecimal/ },
]
for (const { name, text, words } of refused) {
  void test(`${name} is refused as a master key, without being repeated`, () => {
    assert.throws(
      () => environmentKeyProvider(text),
      (error: unknown) => {
        assert.ok(error instanceof MasterKeyError)
        assert.match(error.message, words)
        assert.match(error.message, /ENTREPOT_MASTER_KEY/)
        return text.trim() === '' || !error.message.includes(text)
      },
    )
  })
}

void test('what is wrapped opens with the same key and context only', async () => {
  const provider = masterKeyProvider('file', key)
  const wrapped = await provider.wrap(Buffer.from('secret'), 'context')
  assert.equal(Buffer.from(await provider.unwrap(wrapped, 'context')).toString(), 'secret')
  await assert.rejects(provider.unwrap(wrapped, 'another'), IntegrityError)
  await assert.rejects(masterKeyProvider('file', randomBytes(32)).unwrap(wrapped, 'context'), IntegrityError)
})

void test('the formats are the ones they have always been', async () => {
  const provider = environmentKeyProvider(Buffer.alloc(32, 3).toString('hex'))
  assert.equal(provider.name, 'environment')
  assert.equal(
    Buffer.from(await provider.derive('x')).toString('hex'),
    'd657526787190b0465954a7381cb35c15066036b879e99a8eddf05ed754ba6a1',
  )
  const wrapped = Buffer.from('0a2ff382d659b502100bc520ec8c4bf18397bcd939c1e92d6381fc06563fbc8af0662c8a', 'hex')
  assert.equal(Buffer.from(await provider.unwrap(wrapped, 'context')).toString(), 'entrepot')
})
