import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { AuthWorld, basic } from '../../test/support/auth-world.ts'
import { openManagement } from '../../test/support/management.ts'
import type { RepositoryName } from '../domain/repository-name.ts'

const PASSWORD = 'correct horse battery'

/** The API and the data plane's gate on one database: contracts 1 and 2, an owner in each. */
async function open(t: TestContext) {
  const world = await AuthWorld.open()
  t.after(() => world[Symbol.asyncDispose]())
  const { metadata } = world.first
  const openMetadata = async () => ({ metadata, [Symbol.asyncDispose]: async () => {} })
  const api = await openManagement({ auth: world.auth, openMetadata })
  t.after(() => api[Symbol.asyncDispose]())
  await world.user(1, 'ann@one.example', { password: PASSWORD, role: 'owner' })
  await world.user(2, 'bob@two.example', { password: PASSWORD, role: 'owner' })
  const as = (email: string, more: Record<string, string> = {}) => ({
    as: null,
    headers: { authorization: basic(email, PASSWORD), ...more },
  })
  const pull = async (registry: string, password: string) => {
    const target = { kind: 'repository', registry, repository: 'app' as RepositoryName, action: 'pull' } as const
    await world.auth.admit({ authorization: basic('ci', password), address: '192.0.2.1', service: 'entrepot' }, target)
  }
  return { world, api, as, pull }
}

test('a token made here opens the registry, until it is stopped here', async (t) => {
  const { api, as, pull } = await open(t)
  const ann = as('ann@one.example')
  const made = await api.call('POST', '/registries', {
    ...ann,
    body: { properties: { name: 'acme', location: 'de/fra' } },
  })
  assert.equal(made.status, 201, made.text)
  const tokens = `/registries/${made.json.id}/tokens`
  const scopes = [{ actions: ['pull'], name: '*', type: 'repository' }]
  const ci = async () => await api.call('POST', tokens, { ...ann, body: { properties: { name: 'ci', scopes } } })
  const first = await ci()
  await pull('acme', first.json.properties.credentials.password)
  assert.equal((await api.call('DELETE', `${tokens}/${first.json.id}`, ann)).status, 204)
  await assert.rejects(pull('acme', first.json.properties.credentials.password), { kind: 'unauthenticated' })

  const second = await ci()
  await pull('acme', second.json.properties.credentials.password)
  assert.equal((await api.call('DELETE', `/registries/${made.json.id}`, ann)).status, 204)
  await assert.rejects(pull('acme', second.json.properties.credentials.password), { kind: 'unauthenticated' })
})

test('people, sessions and keys of the contract; nobody else', async (t) => {
  const { world, api, as } = await open(t)
  const bearer = (token: string) => ({ as: null, headers: { authorization: `Bearer ${token}` } })
  const key = await world.apiKey(1, 'ann@one.example')
  const reader = await world.apiKey(1, 'ann@one.example', { readOnly: true })
  const session = await world.session(1, 'ann@one.example')
  const body = (name: string) => ({ body: { properties: { name, location: 'de/fra' } } })
  const status = async (more: object, name: string) =>
    (await api.call('POST', '/registries', { ...more, ...body(name) })).status
  assert.equal(await status(as('ann@one.example'), 'by-person'), 201)
  assert.equal(await status(bearer(key.text), 'by-key'), 201)
  assert.equal(await status(bearer(session), 'by-session'), 201)
  assert.equal(await status(bearer(reader.text), 'by-reader'), 403)
  assert.equal(await status(bearer('entk_0123456789_x'), 'by-nobody'), 401)
  assert.equal(
    await status({ as: null, headers: { authorization: basic('ann@one.example', 'wrong') } }, 'by-wrong'),
    401,
  )
  const names = async (more: object) =>
    (await api.call('GET', '/registries', more)).json.items.map(
      (item: { properties: { name: string } }) => item.properties.name,
    )
  assert.deepEqual(await names(bearer(reader.text)), ['by-person', 'by-key', 'by-session'])
  assert.deepEqual(await names(as('bob@two.example')), [])
})

test('X-Contract-Number chooses among the contracts of a person, and opens no other', async (t) => {
  const { world, api, as } = await open(t)
  await world.user(2, 'ann@one.example', { role: 'member', manageRegistry: true, linkExisting: true })
  const made = async (contract: string, name: string) =>
    await api.call('POST', '/registries', {
      ...as('ann@one.example', { 'x-contract-number': contract }),
      body: { properties: { name, location: 'de/fra' } },
    })
  assert.equal((await made('1', 'in-one')).status, 201)
  assert.equal((await made('2', 'in-two')).status, 201)
  assert.equal((await made('3', 'in-three')).status, 403)
  const { json } = await api.call('GET', '/registries', as('bob@two.example'))
  assert.deepEqual(
    json.items.map((item: { properties: { name: string } }) => item.properties.name),
    ['in-two'],
  )
})

test('a registry token is no login for the management API', async (t) => {
  const { api, as } = await open(t)
  const ann = as('ann@one.example')
  const made = await api.call('POST', '/registries', {
    ...ann,
    body: { properties: { name: 'acme', location: 'de/fra' } },
  })
  const scopes = [{ actions: ['*'], name: '*', type: 'repository' }]
  const token = await api.call('POST', `/registries/${made.json.id}/tokens`, {
    ...ann,
    body: { properties: { name: 'ci', scopes } },
  })
  const { username, password } = token.json.properties.credentials
  for (const authorization of [basic(username, password), `Bearer ${password}`]) {
    assert.equal((await api.call('GET', '/registries', { as: null, headers: { authorization } })).status, 401)
  }
})
