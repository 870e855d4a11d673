import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiWorld } from '../../test/support/api-world.ts'
import { parseSecret } from '../domain/secret.ts'

const DAY = 86_400_000
let world: ApiWorld
let contract: number
let owner: string
let stranger: string
let registry: string

before(async () => {
  world = await ApiWorld.open()
  contract = await world.people.contract()
  owner = await world.login(contract, 'owner@example.com', 'owner')
  stranger = await world.login(await world.people.contract('other'), 'stranger@example.com', 'owner')
  const body = { properties: { name: 'acme', location: 'de/fra' } }
  registry = (await world.call('POST', '/registries', { as: owner, body })).json.id
})
after(() => world[Symbol.asyncDispose]())

const path = (more = '') => `/api/v1/registries/${registry}/tokens${more}`

async function make(name: string): Promise<{ id: string; secret: string }> {
  const body = { properties: { name } }
  const { json } = await world.call('POST', `/registries/${registry}/tokens`, { as: owner, body })
  return { id: json.id, secret: parseSecret(json.properties.credentials.password)?.keyId ?? '' }
}

test('tokens: rotate, look, revoke', async () => {
  const { id, secret } = await make('ci')
  const rotated = await world.call('POST', path(`/${id}/secrets`), { as: owner })
  assert.equal(rotated.status, 201, rotated.text)
  assert.equal(parseSecret(rotated.json.password)?.keyId, rotated.json.secretId)
  const third = await world.call('POST', path(`/${id}/secrets`), { as: owner, body: {} })
  assert.deepEqual([third.status, third.json.type], [409, 'urn:entrepot:problem:conflict'])
  const { json } = await world.call('GET', path(`/${id}`), { as: owner })
  const createdAt = new Date(world.people.clock).toISOString()
  const madeNow = { createdAt, expiresAt: null, lastUsed: null }
  assert.deepEqual(json, {
    id,
    name: 'ci',
    status: 'enabled',
    scopes: [],
    expiresAt: null,
    effectiveExpiresAt: null,
    lastUsed: null,
    secrets: [
      { id: secret, ...madeNow },
      { id: rotated.json.secretId, ...madeNow },
    ],
    createdAt,
    createdBy: 'owner@example.com',
  })
  assert.equal((await world.call('DELETE', path(`/${id}/secrets/${secret}`), { as: owner })).status, 204)
  assert.equal((await world.call('DELETE', path(`/${id}/secrets/${secret}`), { as: owner })).status, 404)
})

test('tokens: keyset pages', async () => {
  for (const name of ['a1', 'a2', 'a3']) await make(name)
  const names: string[] = []
  for (let after = ''; ; ) {
    const { json } = await world.call('GET', path(`?limit=2&after=${after}`), { as: owner })
    names.push(...json.items.map((item: { name: string }) => item.name))
    if (json.next === null) break
    after = json.next
  }
  assert.deepEqual(names.slice(-3), ['a1', 'a2', 'a3'])
  assert.equal(new Set(names).size, names.length)
})

test('tokens: an expiry is moved while rotating; one beyond the limit is refused and named', async () => {
  const { id } = await make('limited')
  const limit = (ms: number | null) =>
    world.people.change((sql) => sql.run`UPDATE contracts SET max_token_lifetime_ms = ${ms} WHERE id = ${contract}`)
  await limit(30 * DAY)
  const rotate = (expiryDate: unknown) =>
    world.call('POST', path(`/${id}/secrets`), { as: owner, body: { expiryDate } })
  const latest = new Date(world.people.clock + 30 * DAY).toISOString()
  const refused = await rotate('2030-01-01T00:00:00Z')
  assert.equal(refused.status, 400)
  assert.ok(refused.json.detail.includes('at most 30 days'), refused.text)
  assert.ok(refused.json.detail.includes(latest.replace('.000Z', 'Z')), refused.text)
  for (const nonsense of ['soon', 5]) assert.equal((await rotate(nonsense)).status, 400)
  const fits = await rotate(latest)
  assert.equal(fits.json.token.expiresAt, latest)
  const create = await world.call('POST', `/registries/${registry}/tokens`, {
    as: owner,
    body: { properties: { name: 'for-ever' } },
  })
  assert.equal(create.status, 400)
  assert.match(create.text, /expiryDate is missing.*at most 30 days/)
  await limit(null)
})

test('tokens: others see nothing and members change nothing', async () => {
  const { id, secret } = await make('guarded')
  const member = await world.login(contract, 'member@example.com', 'member')
  const calls = [
    ['GET', path(), 404, 200],
    ['GET', path(`/${id}`), 404, 200],
    ['POST', path(`/${id}/secrets`), 404, 403],
    ['DELETE', path(`/${id}/secrets/${secret}`), 404, 403],
  ] as const
  for (const [method, url, foreign, asMember] of calls) {
    assert.equal((await world.call(method, url, { as: stranger })).status, foreign, `${method} ${url}`)
    assert.equal((await world.call(method, url, { as: member })).status, asMember, `${method} ${url}`)
  }
})
