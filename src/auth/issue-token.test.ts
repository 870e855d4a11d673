import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MadeToken } from '../../test/support/auth-world.ts'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import type { DomainError } from '../domain/error.ts'
import { parseRepositoryName } from '../domain/repository-name.ts'
import type { IssuedToken, Target, TokenRequest } from './auth.ts'

const ALL = [
  { type: 'repository', name: '*', actions: ['*'] },
  { type: 'registry', name: '*', actions: ['*'] },
]
const world = await AuthWorld.open()
const contract = await world.contract()
const [acme, beta] = [await world.registry(contract, 'acme'), await world.registry(contract, 'beta')]
let ci: MadeToken
let annsPassword: string

before(async () => {
  ci = await world.token(acme, 'ci', ALL)
  annsPassword = 'correct horse'
  await world.user(contract, 'ann@example.com', { password: annsPassword, role: 'owner' })
  await world.user(contract, 'mia@example.com', { password: annsPassword })
})
after(() => world[Symbol.asyncDispose]())

const ASKED: TokenRequest = {
  authorization: undefined,
  address: ADDRESS,
  service: 'entrepot',
  scopes: [],
  grant: null,
  offline: false,
}
const issue = (given: Partial<TokenRequest>): Promise<IssuedToken> => world.auth.issueToken({ ...ASKED, ...given })
const payloadOf = ({ token }: IssuedToken) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )
const app = (registry: string, action: 'pull' | 'push' | 'delete' = 'pull'): Target => ({
  kind: 'repository',
  registry,
  repository: parseRepositoryName('app'),
  action,
})
const use = (issued: IssuedToken, target: Target, service = 'entrepot') =>
  kindOf(world.auth.admit({ authorization: `Bearer ${issued.token}`, address: ADDRESS, service }, target))

test('issueToken: docker login without a scope gives a token that opens the door and nothing else', async () => {
  const issued = await issue({ authorization: basic('ci', ci.password) })
  assert.equal(issued.expiresInSeconds, 300)
  assert.equal(issued.refreshToken, null)
  assert.equal(issued.issuedAt, new Date(world.clock).toISOString())
  assert.equal(await use(issued, { kind: 'ping' }), 'ok')
  assert.equal(await use(issued, app('acme')), 'insufficient_scope')
})

test('issueToken: the claims are those of RFC 7519, with internal ids', async () => {
  const issued = await issue({ authorization: basic('ci', ci.password), scopes: ['repository:acme/app:pull,push'] })
  const seconds = world.clock / 1000
  assert.deepEqual(payloadOf(issued), {
    who: { kind: 'registry_token', secretId: 1 },
    access: [{ registryId: acme, type: 'repository', name: 'app', actions: ['pull', 'push'] }],
    iss: 'entrepot',
    sub: `token:${ci.id}`,
    aud: 'entrepot',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 300,
  })
  assert.deepEqual(
    [await use(issued, app('acme', 'push')), await use(issued, app('acme', 'delete'))],
    ['ok', 'insufficient_scope'],
  )
})

test('issueToken: several registries in one login of a person', async () => {
  const scopes = ['repository:acme/app:pull,push', 'repository:beta/app:*']
  const issued = await issue({ authorization: basic('mia@example.com', annsPassword), scopes })
  assert.equal(issued.scope, 'repository:acme/app:pull repository:beta/app:pull')
  assert.deepEqual([await use(issued, app('acme')), await use(issued, app('beta'))], ['ok', 'ok'])
  assert.equal(await use(issued, app('beta', 'push')), 'insufficient_scope')
})

test('issueToken: host style names have no registry in front, and stay at their host', async () => {
  const asked = { authorization: basic('ci', ci.password), service: 'acme.cr.example', scopes: ['repository:app:pull'] }
  const issued = await issue(asked)
  assert.equal(issued.scope, 'repository:app:pull')
  assert.equal(await use(issued, app('acme'), 'acme.cr.example'), 'ok')
  assert.equal(await use(issued, app('acme'), 'entrepot'), 'unauthenticated')
})

const catalogs = [
  { name: 'a token, path style', login: 'ci', service: 'entrepot', sees: ['acme'] },
  { name: 'a person, path style', login: 'mia@example.com', service: 'entrepot', sees: ['acme', 'beta'] },
]
for (const { name, login, service, sees } of catalogs) {
  test(`issueToken: registry:catalog:* for ${name}`, async () => {
    const authorization = basic(login, login === 'ci' ? ci.password : annsPassword)
    const issued = await issue({ authorization, service, scopes: ['registry:catalog:*'] })
    assert.equal(issued.scope, 'registry:catalog:pull')
    const credentials = { authorization: `Bearer ${issued.token}`, address: ADDRESS, service }
    const grant = await world.auth.admit(credentials, { kind: 'catalogs' })
    assert.deepEqual(
      (await grant.catalogs()).map((registry) => registry.name),
      sees,
    )
    assert.equal(await use(issued, { kind: 'catalog', registry: 'acme' }, service), 'ok')
    assert.equal(await use(issued, app('acme'), service), 'insufficient_scope')
  })
}

test('admit: a list of registries leaves out those whose allow list does', async () => {
  const authorization = basic('ann@example.com', annsPassword)
  await world.setAllowList(beta, ['192.0.2.0/24'])
  const grant = await world.auth.admit({ authorization, address: ADDRESS, service: 'entrepot' }, { kind: 'catalogs' })
  assert.deepEqual(
    (await grant.catalogs()).map(({ id }) => id),
    [acme],
  )
  await world.setAllowList(beta, [])
  assert.equal((await grant.catalogs()).length, 2)
})

test('issueToken: host style, one registry’s catalog', async () => {
  const service = 'acme.cr.example'
  const authorization = basic('mia@example.com', annsPassword)
  const issued = await issue({ authorization, service, scopes: ['registry:catalog:*'] })
  assert.equal(await use(issued, { kind: 'catalog', registry: 'acme' }, service), 'ok')
  assert.equal(await use(issued, { kind: 'catalog', registry: 'beta' }, service), 'insufficient_scope')
})

for (const service of ['', 'other', 'entrepot.', 'cr.example', '.cr.example', 'a.b.cr.example', 'UPPER.cr.example']) {
  test(`issueToken: the service "${service}" is unknown and named`, async () => {
    const asked = issue({ authorization: basic('ci', ci.password), service })
    await assert.rejects(asked, {
      kind: 'input_invalid',
      message: `service "${service}" is not served here: ask for entrepot`,
    })
  })
}

const refused = [
  { name: 'nothing', given: {} },
  { name: 'a wrong password', given: { authorization: basic('ci', 'x') } },
  { name: 'a bearer token', given: { authorization: 'Bearer x.y.z' } },
  { name: 'a wrong password grant', given: { grant: { type: 'password', username: 'ci', password: 'x' } } },
  { name: 'a password grant with a colon', given: { grant: { type: 'password', username: 'c:i', password: 'x' } } },
  { name: 'an unknown refresh token', given: { grant: { type: 'refresh_token', refreshToken: 'entr_x' } } },
  { name: 'no refresh token', given: { grant: { type: 'refresh_token', refreshToken: '' } } },
] as const
for (const { name, given } of refused) {
  test(`issueToken: ${name} is unauthenticated`, async () =>
    assert.equal(await kindOf(issue(given)), 'unauthenticated'))
}

test('issueToken: a password grant is as good as Basic, and ignores a header', async () => {
  const grant = { type: 'password', username: 'ci', password: ci.password } as const
  const issued = await issue({ grant, authorization: basic('x', 'y'), scopes: ['repository:acme/app:pull'] })
  assert.equal(await use(issued, app('acme')), 'ok')
})

async function refreshTokenFor(username: string, password: string, service = 'entrepot'): Promise<string> {
  const issued = await issue({ grant: { type: 'password', username, password }, offline: true, service })
  return issued.refreshToken ?? assert.fail('no refresh token')
}
const redeem = (refreshToken: string, given: Partial<TokenRequest> = {}) =>
  issue({ grant: { type: 'refresh_token', refreshToken }, scopes: ['repository:acme/app:pull'], ...given })

test('issueToken: a refresh token only when asked for; it serves again and again, and is stored as a hash', async () => {
  const refresh = await refreshTokenFor('ci', ci.password)
  assert.match(refresh, /^entr_/)
  for (const offline of [false, true]) {
    const issued = await redeem(refresh, { offline })
    assert.equal(issued.refreshToken, null)
    assert.equal(await use(issued, app('acme')), 'ok')
  }
  const rows = await world.first.metadata.read((sql) => sql.all`SELECT * FROM refresh_tokens`)
  assert.ok(!JSON.stringify(rows).includes(refresh))
})

test('issueToken: with Basic, offline gives one too', async () => {
  const issued = await issue({ authorization: basic('ann@example.com', annsPassword), offline: true })
  assert.equal(await kindOf(redeem(issued.refreshToken ?? '')), 'ok')
})

const DAY_MS = 86_400_000
function later(ms: number): void {
  world.clock += ms
}

const voids: { name: string; act: (userId: string) => Promise<unknown> }[] = [
  { name: 'another service', act: async () => {} },
  { name: '90 days', act: async () => later(90 * DAY_MS + 1_000) },
  {
    name: 'a password change',
    act: (userId) => world.accounts.setPassword({ userId, password: 'battery staple', contractId: null }, OPERATOR),
  },
  {
    name: 'the same password set again',
    act: (userId) => world.accounts.setPassword({ userId, password: annsPassword, contractId: null }, OPERATOR),
  },
  {
    name: 'a removed membership',
    act: (userId) => world.accounts.removeMembership({ contractId: contract, userId }, OPERATOR),
  },
]
for (const [index, { name, act }] of voids.entries()) {
  test(`issueToken: a person's refresh token is void after ${name}`, async () => {
    const email = `void${index}@example.com`
    const userId = await world.user(contract, email, { password: annsPassword })
    const refresh = await refreshTokenFor(email, annsPassword)
    assert.equal(await kindOf(redeem(refresh)), 'ok')
    await act(userId)
    const service = name === 'another service' ? 'acme.cr.example' : 'entrepot'
    assert.equal(await kindOf(redeem(refresh, { service })), 'unauthenticated')
  })
}

test('issueToken: a registry token’s refresh token ends with its secret, not with a sibling’s', async () => {
  const one = await world.token(acme, 'one', ALL)
  const two = await world.token(acme, 'two', ALL)
  const [first, second] = [await refreshTokenFor('one', one.password), await refreshTokenFor('two', two.password)]
  await world.disableToken(one.id)
  assert.deepEqual([await kindOf(redeem(first)), await kindOf(redeem(second))], ['unauthenticated', 'ok'])
})

test('issueToken: an API key opens what its owner may, where and as far as it is meant to', async () => {
  const { text } = await world.apiKey(contract, 'ann@example.com', { registryIds: [beta], actions: ['read', 'push'] })
  const scopes = ['repository:acme/app:*', 'repository:beta/app:*']
  const issued = await issue({ authorization: basic('ann@example.com', text), scopes, offline: true })
  assert.equal(issued.scope, 'repository:beta/app:pull,push')
  assert.equal((await redeem(issued.refreshToken ?? '', { scopes })).scope, 'repository:beta/app:pull,push')
})
