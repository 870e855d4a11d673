import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fastify } from 'fastify'
import { ApiWorld, basic, bearer } from '../../test/support/api-world.ts'
import { demandAccess } from '../doors/access.ts'

let world: ApiWorld
let contract: number
let session: string
let owner: string

before(async () => {
  world = await ApiWorld.open()
  contract = await world.people.contract()
  owner = await world.login(contract, 'owner@example.com', 'owner')
  session = owner.slice('Bearer '.length)
  await world.people.user(contract, 'ann@example.com', { password: 'correct horse battery' })
})
after(() => world[Symbol.asyncDispose]())

const ME = '/api/v1/me'

test('me: by password, session, API key and cookie', async () => {
  const { json } = await world.call('GET', ME, { as: owner })
  const { userId, ...rest } = json
  assert.match(userId, /^[0-9a-f-]{36}$/)
  assert.deepEqual(rest, {
    email: 'owner@example.com',
    contract,
    role: 'owner',
    manageRegistry: false,
    isOperator: false,
    apiKey: null,
  })
  const key = await world.people.apiKey(contract, 'ann@example.com', { readOnly: true })
  assert.deepEqual((await world.call('GET', ME, { as: bearer(key.text) })).json.apiKey, {
    name: 'laptop',
    readOnly: true,
    limited: false,
  })
  const byPassword = await world.call('GET', ME, { as: basic('ann@example.com', 'correct horse battery') })
  assert.equal(byPassword.json.email, 'ann@example.com')
  const byCookie = await world.call('GET', ME, { headers: { cookie: `a=b; entrepot-session=${session}` } })
  assert.equal(byCookie.json.email, 'owner@example.com')
  assert.equal(byCookie.headers['cache-control'], 'no-store')
})

test('the cookie opens the product API too, and only for pages of ours when something changes', async () => {
  const cookie = `entrepot-session=${session}`
  const body = { properties: { name: 'acme', location: 'de/fra' } }
  const create = (headers: Record<string, string>) =>
    world.call('POST', '/registries', { body, headers: { cookie, ...headers } })
  for (const headers of [
    {},
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://cr.test' },
  ]) {
    assert.equal((await create(headers)).status, 403, JSON.stringify(headers))
  }
  assert.equal((await create({ origin: 'http://cr.test' })).status, 201)
  assert.equal((await world.call('GET', '/registries', { headers: { cookie } })).json.items.length, 1)
})

const refused = [
  { name: 'no credentials', as: undefined, status: 401, type: 'unauthenticated', detail: /authentication required/ },
  { name: 'a wrong key', as: 'Bearer x', status: 401, type: 'unauthenticated', detail: /log in again/ },
  {
    name: 'a contract of others',
    headers: { 'x-contract-number': '99' },
    status: 403,
    type: 'denied',
    detail: /contract 99 is not one of yours/,
  },
  {
    name: 'no contract number',
    headers: { 'x-contract-number': 'one' },
    status: 400,
    type: 'input-invalid',
    detail: /X-Contract-Number/,
  },
  { name: 'an unknown path', url: '/api/v1/nothing', status: 404, type: 'not-found', detail: /nothing is served/ },
  { name: 'the root', url: '/api/v1', status: 404, type: 'not-found', detail: /nothing is served/ },
  { name: 'another method', method: 'DELETE', status: 405, type: 'method-not-allowed', detail: /allowed: GET, HEAD/ },
] as const

for (const { name, status, type, detail, ...one } of refused) {
  test(`refused as a problem: ${name}`, async () => {
    const {
      method = 'GET',
      url = ME,
      as = owner,
      headers = {},
    } = { ...one } as {
      method?: 'GET' | 'DELETE'
      url?: string
      as?: string
      headers?: Record<string, string>
    }
    const answer = await world.call(method, url, { ...('as' in one && one.as === undefined ? {} : { as }), headers })
    assert.equal(answer.status, status, answer.text)
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
    assert.deepEqual(Object.keys(answer.json), ['type', 'title', 'status', 'detail'])
    assert.equal(answer.json.type, `urn:entrepot:problem:${type}`)
    assert.equal(answer.json.status, status)
    assert.match(answer.json.detail, detail)
    if (status === 401) assert.equal(answer.headers['www-authenticate'], 'Bearer realm="Entrepot"')
    if (status === 405) assert.equal(answer.headers['allow'], 'GET, HEAD, PATCH')
  })
}

test('a route that does not say who may use it cannot be registered', async () => {
  const app = fastify()
  demandAccess(app)
  assert.throws(() => app.get('/x', async () => 'x'), /\/x must say who may use it/)
  app.get('/y', { config: { access: 'read' } }, async () => 'y')
  await app.close()
})
