import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { App } from '../../src/compose.ts'
import { Composed, FIRST_OWNER } from '../support/composed.ts'

// A person's keys as docker passwords and as Bearer, through the whole server, on two processes.

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const ROOT = basic(FIRST_OWNER.email, FIRST_OWNER.password)
const BYTES = Buffer.from('a layer')
const DIGEST = `sha256:${createHash('sha256').update(BYTES).digest('hex')}`

let server: Composed
let there: App
const registries: Record<string, string> = {}

before(async () => {
  server = await Composed.open()
  there = await server.node()
  for (const name of ['alpha', 'beta', 'gamma']) {
    const made = await server.call('POST', '/registries', {
      as: ROOT,
      body: { properties: { name, location: 'de/fra' } },
    })
    assert.equal(made.status, 201, made.text)
    registries[name] = made.json.id
  }
})
after(() => server[Symbol.asyncDispose]())

async function makeKey(name: string, limits: object = {}, as = ROOT): Promise<{ id: string; secret: string }> {
  const made = await server.call('POST', '/api/v1/api-keys', { as, body: { name, ...limits } })
  assert.equal(made.status, 201, made.text)
  assert.match(made.json.secret, /^entk_/)
  assert.equal(made.headers['cache-control'], 'no-store')
  return made.json
}

async function tokenFor(authorization: string, scopes: readonly string[], app: App = server.first): Promise<string> {
  const query = scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`).join('')
  const answer = await server.call('GET', `/token?service=entrepot${query}`, { as: authorization }, app)
  assert.equal(answer.status, 200, answer.text)
  return `Bearer ${answer.json.token}`
}

async function push(as: string, registry: string, app: App = server.first): Promise<number> {
  const url = `/v2/${registry}/app/blobs/uploads/?digest=${DIGEST}`
  const headers = { 'content-type': 'application/octet-stream' }
  return (await server.call('POST', url, { as, body: BYTES, headers }, app)).status
}

async function pull(as: string, registry: string, app: App = server.first): Promise<number> {
  return (await server.call('GET', `/v2/${registry}/app/blobs/${DIGEST}`, { as }, app)).status
}

test('one docker login serves several registries: one token, one key, and none beyond', async () => {
  const { secret } = await makeKey('docker', { registries: [registries['alpha'], registries['beta']] })
  for (const user of [FIRST_OWNER.email, 'docker']) {
    const scopes = ['alpha', 'beta', 'gamma'].map((name) => `repository:${name}/app:pull,push`)
    const bearer = await tokenFor(basic(user, secret), scopes, there)
    assert.deepEqual([await push(bearer, 'alpha'), await push(bearer, 'beta', there)], [201, 201])
    assert.deepEqual([await pull(bearer, 'alpha', there), await pull(bearer, 'beta')], [200, 200])
    assert.equal(await push(bearer, 'gamma'), 401)
    assert.deepEqual([await push(basic(user, secret), 'alpha'), await push(basic(user, secret), 'gamma')], [201, 403])
  }
  const catalog = await server.call('GET', '/v2/_catalog', { as: basic('docker', secret) })
  assert.deepEqual(catalog.json.repositories, ['alpha/app', 'beta/app'])
})

const limits = [
  { name: 'whole', limits: {}, push: 201, pull: 200, create: 400, list: 3, keys: 201 },
  { name: 'read-only', limits: { readOnly: true }, push: 403, pull: 200, create: 403, list: 3, keys: 403 },
  { name: 'pulling', limits: { actions: ['pull'] }, push: 403, pull: 200, create: 403, list: 3, keys: 403 },
  { name: 'pushing', limits: { actions: ['push'] }, push: 201, pull: 403, create: 403, list: 3, keys: 403 },
  { name: 'idle', limits: { actions: [] }, push: 403, pull: 403, create: 403, list: 3, keys: 403 },
  { name: 'nowhere', limits: { registries: [] }, push: 403, pull: 403, create: 403, list: 0, keys: 403 },
  { name: 'elsewhere', limits: { registryNames: ['beta'] }, push: 403, pull: 403, create: 403, list: 1, keys: 403 },
]
for (const { name, limits: given, ...want } of limits) {
  test(`a key that is limited: ${name}`, async () => {
    const { registryNames, ...rest } = given as { registryNames?: string[] }
    const chosen = registryNames && { registries: registryNames.map((one) => registries[one]) }
    const key = await makeKey(name, { ...rest, ...chosen })
    const docker = basic(FIRST_OWNER.email, key.secret)
    assert.equal(await push(ROOT, 'alpha'), 201)
    assert.deepEqual([await push(docker, 'alpha', there), await pull(docker, 'alpha')], [want.push, want.pull])
    const bearer = await tokenFor(docker, ['repository:alpha/app:pull,push'])
    const escalates = (status: number) => (status === 403 ? 401 : status)
    assert.deepEqual(
      [await push(bearer, 'alpha'), await pull(bearer, 'alpha', there)],
      [escalates(want.push), escalates(want.pull)],
    )
    const as = `Bearer ${key.secret}`
    const listed = await server.call('GET', '/registries', { as }, there)
    assert.equal(listed.json.items.length, want.list)
    const bad = { properties: { name: 'X', location: 'de/fra' } }
    assert.equal((await server.call('POST', '/registries', { as, body: bad })).status, want.create)
    const another = await server.call('POST', '/api/v1/api-keys', { as, body: { name: `made by ${name}` } })
    assert.equal(another.status, want.keys, another.text)
    assert.equal(
      (await server.call('GET', '/api/v1/me', { as })).json.apiKey.limited,
      chosen !== undefined || 'actions' in given || 'registries' in given,
    )
  })
}

test('a revoked key stops on every process, for docker, for its tokens and for the APIs', async () => {
  const key = await makeKey('gone')
  const docker = basic('gone', key.secret)
  const bearer = await tokenFor(docker, ['repository:alpha/app:pull'])
  const uses = async (app: App) => [
    await pull(docker, 'alpha', app),
    await pull(bearer, 'alpha', app),
    (await server.call('GET', '/registries', { as: `Bearer ${key.secret}` }, app)).status,
  ]
  for (const app of [server.first, there]) assert.deepEqual(await uses(app), [200, 200, 200])
  assert.equal((await server.call('DELETE', `/api/v1/api-keys/${key.id}`, { as: ROOT })).status, 204)
  for (const app of [server.first, there]) assert.deepEqual(await uses(app), [401, 401, 401])
  assert.equal((await server.call('DELETE', `/api/v1/api-keys/${key.id}`, { as: ROOT })).status, 404)
  await makeKey('gone')
})

test('last uses are listed, with the address', async () => {
  const key = await makeKey('used')
  assert.equal((await server.call('GET', `/api/v1/api-keys/${key.id}`, { as: ROOT })).json.lastUsed, null)
  await pull(basic('used', key.secret), 'alpha', there)
  await there.flush()
  const { json } = await server.call('GET', `/api/v1/api-keys/${key.id}`, { as: ROOT })
  assert.equal(json.lastUsed.from, '127.0.0.1')
  assert.ok(!('secret' in json))
})
