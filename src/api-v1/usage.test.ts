import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiWorld, bearer } from '../../test/support/api-world.ts'
import { bodyOf, pusher, sha256 } from '../../test/support/registry.ts'
import { OPERATOR } from '../accounts/deps.ts'
import type { RepositoryName } from '../domain/repository-name.ts'

let world: ApiWorld
let contract: number
let registry: { id: string; internal: number }
let who: Record<'owner' | 'member' | 'operator' | 'stranger' | 'limited', string>

before(async () => {
  world = await ApiWorld.open()
  const { people } = world
  contract = await people.contract('Acme')
  who = {
    owner: await world.login(contract, 'owner@one.example', 'owner'),
    member: await world.login(contract, 'member@one.example', 'member'),
    stranger: await world.login(await people.contract('Globex'), 'owner@two.example', 'owner'),
    operator: await world.login(await people.contract('Ops'), 'ops@ops.example', 'member'),
    limited: '',
  }
  await people.accounts.setOperator({ email: 'ops@ops.example', isOperator: true }, OPERATOR)
  const made = await world.call('POST', '/registries', {
    as: who.owner,
    body: { properties: { name: 'acme', location: 'de/fra' } },
  })
  const row = await people.transact((sql) => sql.get<{ id: number }>`SELECT id FROM registries WHERE name = 'acme'`)
  registry = { id: made.json.id, internal: row?.id ?? 0 }
  const key = await people.apiKey(contract, 'owner@one.example', { registryIds: [registry.internal] })
  who.limited = bearer(key.text)
})
after(() => world[Symbol.asyncDispose]())

type As = keyof typeof who
const call = (method: 'GET' | 'PUT', path: string, as: As = 'owner', body?: unknown) =>
  world.call(method, `/api/v1${path}`, { as: who[as], ...(body === undefined ? {} : { body }) })
const ofRegistry = (rest: string) => `/registries/${registry.id}${rest}`

async function pushBlob(size: number): Promise<void> {
  const place = { registryId: registry.internal, repository: 'team/app' as RepositoryName }
  const bytes = Buffer.alloc(size, size)
  const { id } = await world.rooms.registry.startUpload(place, pusher, 'sha256')
  await world.rooms.registry.finishUpload(place, pusher, id, sha256(bytes), bodyOf(bytes))
}

test('an empty registry: zeros, no figures yet, thirty days', async () => {
  const { status, json } = await call('GET', ofRegistry('/usage'), 'member')
  assert.equal(status, 200)
  assert.deepEqual([json.liveBytes, json.updatedAt, json.days.length], [0, null, 30])
  assert.deepEqual(json.days.at(-1), { day: '2026-01-01', pulls: 0, pushes: 0, bytes: null })
  assert.deepEqual(json.quota, { limitBytes: null, usedBytes: 0, reservedBytes: 0, freeBytes: null })
})

test('what was pushed and pulled is told for contract, registry and repository, however its name is written', async () => {
  await pushBlob(100)
  await world.push(registry.id, 'team/app', 'v1')
  await world.rooms.days.flush(world.people.first.metadata)
  await world.rooms.usage.refresh()
  const span = '?from=2026-01-01&to=2026-01-02'
  const { json } = await call('GET', ofRegistry(`/usage${span}`))
  const figures = { liveBytes: 100, quarantinedBytes: 0, reclaimableBytes: 0 }
  assert.deepEqual(json.days, [
    { day: '2026-01-01', pulls: 0, pushes: 1, bytes: figures },
    { day: '2026-01-02', pulls: 0, pushes: 0, bytes: figures },
  ])
  for (const name of ['team/app', 'team%2Fapp', 'team%252Fapp']) {
    const repository = await call('GET', ofRegistry(`/repositories/${name}/usage${span}`))
    assert.deepEqual(repository.json, {
      days: [
        { day: '2026-01-01', pulls: 0, pushes: 1 },
        { day: '2026-01-02', pulls: 0, pushes: 0 },
      ],
    })
  }
  const { json: all } = await call('GET', '/usage', 'member')
  assert.deepEqual([all.liveBytes, all.registries, all.quota.usedBytes], [100, 1, 100])
})

test('a quota of a registry is its admins’, a quota of a contract the operator’s', async () => {
  const set = await call('PUT', ofRegistry('/quota'), 'owner', { limitBytes: 150 })
  assert.deepEqual(set.json, { limitBytes: 150, usedBytes: 100, reservedBytes: 0, freeBytes: 50 })
  await assert.rejects(pushBlob(51), /quota of registry "acme"/)
  await pushBlob(50)
  assert.deepEqual((await call('GET', ofRegistry('/quota'), 'limited')).json.freeBytes, 0)
  assert.equal((await call('PUT', ofRegistry('/quota'), 'member', { limitBytes: null })).status, 403)
  assert.equal((await call('PUT', `/contracts/${contract}/quota`, 'owner', { limitBytes: null })).status, 403)
  assert.equal(
    (await call('PUT', `/contracts/${contract}/quota`, 'operator', { limitBytes: 1_000 })).json.freeBytes,
    850,
  )
  for (const as of ['member', 'operator'] as const)
    assert.equal((await call('GET', `/contracts/${contract}/quota`, as)).json.limitBytes, 1_000)
  await call('PUT', ofRegistry('/quota'), 'owner', { limitBytes: null })
})

const refused: {
  name: string
  method: 'GET' | 'PUT'
  path: () => string
  as?: As
  body?: unknown
  status: number
  says: RegExp
}[] = [
  {
    name: 'a fraction',
    method: 'PUT',
    path: () => ofRegistry('/quota'),
    body: { limitBytes: 1.5 },
    status: 400,
    says: /limitBytes/,
  },
  {
    name: 'less than nothing',
    method: 'PUT',
    path: () => ofRegistry('/quota'),
    body: { limitBytes: -1 },
    status: 400,
    says: /limitBytes/,
  },
  {
    name: 'a limit beyond numbers',
    method: 'PUT',
    path: () => ofRegistry('/quota'),
    body: { limitBytes: 1e300 },
    status: 400,
    says: /limitBytes/,
  },
  {
    name: 'no limit at all',
    method: 'PUT',
    path: () => ofRegistry('/quota'),
    body: {},
    status: 400,
    says: /limitBytes is missing/,
  },
  {
    name: 'a misspelt one',
    method: 'PUT',
    path: () => ofRegistry('/quota'),
    body: { limitBytes: 1, limit: 2 },
    status: 400,
    says: /limit/,
  },
  {
    name: 'a day that is none',
    method: 'GET',
    path: () => ofRegistry('/usage?from=today'),
    status: 400,
    says: /from "today".*YYYY-MM-DD/,
  },
  {
    name: 'a span too long',
    method: 'GET',
    path: () => ofRegistry('/usage?from=2020-01-01'),
    status: 400,
    says: /at most 400/,
  },
  {
    name: 'a stranger’s registry',
    method: 'GET',
    path: () => ofRegistry('/usage'),
    as: 'stranger',
    status: 404,
    says: /does not exist/,
  },
  {
    name: 'an absent repository',
    method: 'GET',
    path: () => ofRegistry('/repositories/none/usage'),
    status: 404,
    says: /does not exist/,
  },
  {
    name: 'another contract',
    method: 'GET',
    path: () => `/contracts/${contract}/quota`,
    as: 'stranger',
    status: 404,
    says: /does not exist/,
  },
  {
    name: 'no contract',
    method: 'GET',
    path: () => '/contracts/999/quota',
    as: 'operator',
    status: 404,
    says: /does not exist/,
  },
  {
    name: 'a key of one registry',
    method: 'GET',
    path: () => '/usage',
    as: 'limited',
    status: 403,
    says: /limited to some registries/,
  },
  {
    name: 'a key of one registry',
    method: 'GET',
    path: () => `/contracts/${contract}/quota`,
    as: 'limited',
    status: 403,
    says: /limited/,
  },
]
for (const { name, method, path, as, body, status, says } of refused)
  test(`${method} of ${name} is ${status}`, async () => {
    const answer = await call(method, path(), as, body)
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.json.detail, says)
  })
