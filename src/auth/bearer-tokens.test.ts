import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, createSign, generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { AuthWorld } from '../../test/support/auth-world.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { SigningKeys } from './signing-keys.ts'

const world = await AuthWorld.open()
const now = () => world.clock
const keysOf = (metadata = world.first.metadata) => new SigningKeys({ metadata, secrets: world.secrets, now })
const keys = keysOf()
const tokens = new BearerTokens({ keys, now, lifetimeSeconds: 300 })
const given = {
  audience: 'entrepot',
  subject: 'token:1',
  claimant: { kind: 'registry_token', secretId: 7 },
  access: [{ registryId: 3, type: 'repository', name: 'app', actions: ['pull'] }],
} as const
let good = ''
let parts: string[] = []

before(async () => {
  good = (await tokens.issue(given)).token
  parts = good.split('.')
})
after(() => world[Symbol.asyncDispose]())

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (text = '') => JSON.parse(Buffer.from(text, 'base64url').toString())

function signed(header: object, payload: object, pem: string): string {
  const text = `${encode(header)}.${encode(payload)}`
  const key = createPrivateKey(pem)
  return `${text}.${createSign('sha256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

test('read: what was issued', async () => {
  assert.deepEqual(await tokens.read(good), {
    audience: 'entrepot',
    notBefore: world.clock,
    expiresAt: world.clock + 300_000,
    claimant: given.claimant,
    access: given.access,
  })
})

const stranger = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const forged: { name: string; make: () => string }[] = [
  { name: 'empty', make: () => '' },
  { name: 'two parts', make: () => parts.slice(0, 2).join('.') },
  { name: 'four parts', make: () => `${good}.` },
  { name: 'no signature', make: () => `${parts[0]}.${parts[1]}.` },
  { name: 'algorithm none', make: () => `${encode({ alg: 'none' })}.${parts[1]}.` },
  {
    name: 'algorithm none, our kid',
    make: () => `${encode({ ...decode(parts[0]), alg: 'none' })}.${parts[1]}.${parts[2]}`,
  },
  {
    name: 'another payload under our signature',
    make: () => `${parts[0]}.${encode({ ...decode(parts[1]), aud: 'x' })}.${parts[2]}`,
  },
  {
    name: 'signed by a stranger with our kid',
    make: () => signed(decode(parts[0]), decode(parts[1]), stranger.privateKey),
  },
  {
    name: 'signed by a stranger who brings the key along',
    make: () =>
      signed({ ...decode(parts[0]), jwk: decode(encode({ kty: 'EC' })) }, decode(parts[1]), stranger.privateKey),
  },
  { name: 'an unknown kid', make: () => signed({ alg: 'ES256', kid: 'x' }, decode(parts[1]), stranger.privateKey) },
  { name: 'no kid', make: () => signed({ alg: 'ES256' }, decode(parts[1]), stranger.privateKey) },
  {
    name: 'a critical extension',
    make: () => `${encode({ ...decode(parts[0]), crit: ['x'], x: 1 })}.${parts[1]}.${parts[2]}`,
  },
  { name: 'a header that is no JSON', make: () => `${Buffer.from('{').toString('base64url')}.${parts[1]}.${parts[2]}` },
]
for (const { name, make } of forged) {
  test(`read: ${name} is not ours`, async () => assert.equal(await tokens.read(make()), null))
}

test('read: a MAC made with the public key is not ours', async () => {
  const { kid } = await keys.signer()
  const publicKey = await keys.publicKey(kid)
  const text = `${encode({ alg: 'HS256', kid })}.${parts[1]}`
  const pem = publicKey?.export({ type: 'spki', format: 'pem' }) ?? ''
  assert.equal(await tokens.read(`${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`), null)
})

test('read: no changed character goes unnoticed, and nothing makes it throw', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'AZaz09-_.'), async (at, letter) => {
      const changed = good.slice(0, at) + letter + good.slice(at + 1)
      const bytesOf = (text: string) => text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'))
      if (JSON.stringify(bytesOf(changed)) === JSON.stringify(bytesOf(good))) return // only unused bits differ
      assert.equal(await tokens.read(changed), null)
    }),
  )
  const letters = fc.stringMatching(/^[A-Za-z0-9_.=+/-]{0,80}$/)
  await fc.assert(fc.asyncProperty(letters, async (text) => assert.equal(await tokens.read(text), null)))
})

test('signer: one key for the installation, however many processes need it first', async () => {
  await using other = await AuthWorld.open()
  const nodes = await Promise.all([other.node(), other.node(), other.node()])
  const made = nodes.map(
    ({ metadata }) => new SigningKeys({ metadata, secrets: other.secrets, now: () => other.clock }),
  )
  const signers = await Promise.all(made.flatMap((one) => [one.signer(), one.signer()]))
  assert.equal(new Set(signers.map(({ kid }) => kid)).size, 1)
  const [first, second] = await Promise.all(made.map((one) => one.derived('purpose')))
  assert.deepEqual(first, second)
  assert.notDeepEqual(first, await made[0]?.derived('another'))
})

test('signer: the private key is stored sealed, for its purpose only', async () => {
  const rows = await world.first.metadata.read((sql) => sql.all<{ wrapped: Uint8Array }>`SELECT * FROM signing_keys`)
  assert.equal(rows.length, 1)
  assert.ok(
    !Buffer.from(rows[0]?.wrapped ?? [])
      .toString('latin1')
      .includes('"d"'),
  )
  await assert.rejects(world.secrets.open(rows[0]?.wrapped ?? new Uint8Array(), 'another purpose'))
})

test('signer: under a wrong master key nothing is signed, and no second key appears', async () => {
  const open = async (): Promise<Uint8Array> => {
    throw new Error('wrong master key')
  }
  const { metadata } = world.first
  const wrong = new SigningKeys({ metadata, secrets: { ...world.secrets, open }, now })
  await assert.rejects(wrong.signer(), /wrong master key/)
  const rows = await metadata.read((sql) => sql.all`SELECT kid FROM signing_keys`)
  assert.equal(rows.length, 1)
})

test('publicKey: a key that another process made later is found, an invented kid reads at most every five seconds', async () => {
  await using other = await AuthWorld.open()
  const late = new SigningKeys({
    metadata: (await other.node()).metadata,
    secrets: other.secrets,
    now: () => other.clock,
  })
  assert.equal(await late.publicKey('invented'), null)
  const { kid } = await new SigningKeys({
    metadata: other.first.metadata,
    secrets: other.secrets,
    now: () => other.clock,
  }).signer()
  assert.equal(await late.publicKey(kid), null)
  other.clock += 5_000
  assert.ok(await late.publicKey(kid))
})
