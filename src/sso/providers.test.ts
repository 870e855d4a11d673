import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Lies } from '../../test/support/identity-provider.ts'
import { ADMIN, kindOf, SsoWorld } from '../../test/support/sso-world.ts'
import type { DomainError } from '../domain/error.ts'
import type { NewProvider, ProviderChange } from './provider-values.ts'

let world: SsoWorld
let contract: number

before(async () => {
  world = await SsoWorld.open()
})
beforeEach(async () => {
  world.idp.lies = {}
  contract = await world.people.contract()
})
after(() => world[Symbol.asyncDispose]())

/** By the database's clock, which may be some milliseconds apart. */
const isNow = (at: number | null) => at !== null && Math.abs(at - world.people.clock) < 60_000
const rows = () => world.people.transact((sql) => sql.all`SELECT * FROM sso_providers ORDER BY id`)

test('createProvider: what is stored and told; the secret is neither told nor stored in the clear', async () => {
  const made = await world.provider(contract, { name: ' Acme ', scopes: ['groups', 'openid'] })
  const { id, createdAt, ...rest } = made
  assert.match(id, /^[0-9a-f-]{36}$/)
  assert.ok(isNow(createdAt))
  assert.deepEqual(rest, {
    name: 'Acme',
    issuer: world.idp.issuer,
    clientId: 'entrepot',
    hasClientSecret: true,
    scopes: ['openid', 'groups'],
    groupsClaim: 'groups',
    roleMapping: [{ group: 'dev', role: 'member', manageRegistry: false }],
    defaultRole: null,
    enabled: true,
    modifiedAt: null,
  })
  assert.deepEqual(await world.sso.listProviders(contract), [made])
  assert.deepEqual(await world.sso.getProvider(contract, id), made)
  const audited = await world.people.transact((sql) => sql.all`SELECT * FROM audit_events WHERE action LIKE 'sso.%'`)
  assert.equal(audited.length, 1)
  for (const text of [JSON.stringify([made, audited]), ...(await rows()).map((row) => JSON.stringify(row))]) {
    assert.doesNotMatch(text, /s3cr3t/)
  }
})

test('createProvider: the address of the configuration is taken for the issuer', async () => {
  const { issuer } = await world.provider(contract, {
    issuer: ` ${world.idp.issuer}/.well-known/openid-configuration `,
  })
  assert.equal(issuer, world.idp.issuer)
})

const faults: readonly { name: string; lies: Lies; says: RegExp }[] = [
  { name: 'has no configuration', lies: { configurationStatus: 404 }, says: /answers with status 404/ },
  {
    name: 'is another issuer',
    lies: { configuration: { issuer: 'https://x.example' } },
    says: /"https:\/\/x\.example"/,
  },
  {
    name: 'says no issuer',
    lies: { configuration: { issuer: 1 } },
    says: /does not answer with an OpenID configuration/,
  },
  { name: 'has no token endpoint', lies: { configuration: { token_endpoint: undefined } }, says: /token_endpoint is/ },
  {
    name: 'leads browsers to a script',
    lies: { configuration: { authorization_endpoint: 'javascript:1' } },
    says: /authorization_endpoint is/,
  },
  { name: 'has no keys', lies: { jwks: { keys: [] } }, says: /does not answer with keys/ },
  {
    name: 'has its keys elsewhere',
    lies: { configuration: { jwks_uri: 'http://10.0.0.1/keys' } },
    says: /may not be reached/,
  },
  {
    name: 'offers another flow only',
    lies: { configuration: { response_types_supported: ['id_token'] } },
    says: /code flow/,
  },
  { name: 'is too large', lies: { configuration: { x: 'x'.repeat(200_000) } }, says: /more than 100000 bytes/ },
]
for (const { name, lies, says } of faults) {
  test(`createProvider: one that ${name}`, async () => {
    world.idp.lies = lies
    await assert.rejects(world.provider(contract), (error: DomainError) => {
      assert.equal(error.kind, 'input_invalid')
      assert.match(error.message, says)
      assert.ok(error.message.includes(world.idp.issuer))
      return true
    })
    assert.deepEqual(await world.sso.listProviders(contract), [])
  })
}

const mistakes: readonly { name: string; input: Partial<NewProvider>; says: RegExp }[] = [
  { name: 'a private address', input: { issuer: 'https://10.0.0.1' }, says: /not a public one/ },
  { name: 'the metadata service', input: { issuer: 'http://169.254.169.254' }, says: /not a public one/ },
  { name: 'a public address without https', input: { issuer: 'http://1.1.1.1' }, says: /without https/ },
  { name: 'a file', input: { issuer: 'file:///etc/passwd' }, says: /^issuer/ },
  { name: 'no URL', input: { issuer: 'acme' }, says: /^issuer/ },
  { name: 'a URL with a query', input: { issuer: 'https://x.example/?a=b' }, says: /^issuer/ },
  { name: 'a URL with credentials', input: { issuer: 'https://a:b@x.example/' }, says: /^issuer/ },
  { name: 'an endless URL', input: { issuer: `https://x.example/${'x'.repeat(500)}` }, says: /^issuer/ },
  { name: 'no name', input: { name: ' ' }, says: /^name/ },
  { name: 'a name of two lines', input: { name: 'a\nb' }, says: /^name/ },
  { name: 'no client id', input: { clientId: '' }, says: /^clientId/ },
  { name: 'an empty secret', input: { clientSecret: '' }, says: /^clientSecret/ },
  { name: 'a scope with a space', input: { scopes: ['a b'] }, says: /^scopes/ },
  {
    name: 'too many scopes',
    input: { scopes: Array.from({ length: 20 }, (_, at) => `s${at}`) },
    says: /^scopes has 21/,
  },
  { name: 'no claim', input: { groupsClaim: '' }, says: /^groupsClaim/ },
  {
    name: 'a rule for no group',
    input: { roleMapping: [{ group: '', role: 'admin', manageRegistry: true }] },
    says: /group/,
  },
  {
    name: 'too many rules',
    input: { roleMapping: Array.from({ length: 201 }, () => ({ group: 'a', role: 'admin', manageRegistry: true })) },
    says: /^roleMapping has 201/,
  },
]
for (const { name, input, says } of mistakes) {
  test(`createProvider: ${name}`, async () => {
    await assert.rejects(world.provider(contract, input), { kind: 'input_invalid', message: says })
    assert.deepEqual(await world.sso.listProviders(contract), [])
  })
}

test('createProvider: names are taken once per contract, and there are at most twenty', async () => {
  const other = await world.people.contract()
  await world.provider(contract)
  await world.provider(other)
  assert.equal(await kindOf(world.provider(contract)), 'conflict')
  for (let count = 1; count < 20; count++) await world.provider(contract, { name: `n${count}` })
  await assert.rejects(world.provider(contract, { name: 'n20' }), { kind: 'conflict', message: /at most 20/ })
})

test('changeProvider: what is absent stays; a new client is tried before it is stored', async () => {
  const made = await world.provider(contract)
  const roleMapping = [{ group: 'ops', role: 'admin', manageRegistry: true }] as const
  const changed = await world.sso.changeProvider(contract, made.id, { name: 'New', roleMapping }, ADMIN)
  const { modifiedAt } = changed
  assert.deepEqual(changed, { ...made, name: 'New', roleMapping, modifiedAt })
  assert.ok(isNow(modifiedAt))
  const asked = world.idp.asked('/.well-known/openid-configuration')
  const open = await world.sso.changeProvider(contract, made.id, { clientSecret: null }, ADMIN)
  assert.equal(open.hasClientSecret, false)
  assert.equal(world.idp.asked('/.well-known/openid-configuration'), asked + 1)
  world.idp.lies = { configurationStatus: 500 }
  assert.equal(await kindOf(world.sso.changeProvider(contract, made.id, { clientId: 'x' }, ADMIN)), 'input_invalid')
  assert.equal(await kindOf(world.sso.changeProvider(contract, made.id, { enabled: false }, ADMIN)), 'ok')
})

test('changeProvider: a name that is taken; the own one is not', async () => {
  const made = await world.provider(contract)
  await world.provider(contract, { name: 'B' })
  const change = (values: ProviderChange) => kindOf(world.sso.changeProvider(contract, made.id, values, ADMIN))
  assert.equal(await change({ name: 'B' }), 'conflict')
  assert.equal(await change({ name: 'Acme' }), 'ok')
})

test('providers of other contracts do not exist', async () => {
  const made = await world.provider(contract)
  const other = await world.people.contract()
  const { sso } = world
  assert.deepEqual(await sso.listProviders(other), [])
  const place = { contractId: other, providerId: made.id }
  for (const act of [
    () => sso.getProvider(other, made.id),
    () => sso.changeProvider(other, made.id, { enabled: false }, ADMIN),
    () => sso.deleteProvider(other, made.id, ADMIN),
    () => sso.listLinks(place, { after: 0, limit: 10 }),
    () => sso.linkSubject(place, { userId: 'x', subject: 'x' }, ADMIN),
    () => sso.unlinkSubject(place, 'x', ADMIN),
  ]) {
    await assert.rejects(act(), { kind: 'not_found', message: `identity provider ${made.id} does not exist` })
  }
  await sso.deleteProvider(contract, made.id, ADMIN)
  assert.equal(await kindOf(sso.getProvider(contract, made.id)), 'not_found')
})

test('discoverProviders: those that are switched on, of one contract; unknown ones read as empty', async () => {
  const made = await world.provider(contract)
  await world.provider(contract, { name: 'off', enabled: false })
  assert.deepEqual(await world.sso.discoverProviders(contract), [{ id: made.id, name: 'Acme' }])
  assert.deepEqual(await world.sso.discoverProviders(contract + 1), [])
  assert.deepEqual(await world.sso.discoverProviders(null), [], 'of several contracts none is meant')
})

test('discoverProviders: of the only contract there is', async () => {
  await using lone = await SsoWorld.open()
  const one = await lone.people.contract()
  const { id } = await lone.provider(one)
  assert.deepEqual(await lone.sso.discoverProviders(null), [{ id, name: 'Acme' }])
})
