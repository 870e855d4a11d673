import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Answer, Call, TestManagement } from '../../test/support/management.ts'
import { openManagement } from '../../test/support/management.ts'
import { parseSecret } from '../domain/secret.ts'

// PUT and PATCH on the wire: operations 6, 7, 12 and 13 of management-api.md 2, and what its 2.6 (9) asks to tolerate.

const MOUNTS = ['', '/containerregistries'] as const
const ABSENT = '00000000-0000-4000-8000-000000000000'

let api: TestManagement
let count = 0
before(async () => {
  api = await openManagement()
})
after(() => api[Symbol.asyncDispose]())

const freshName = (): string => `registry-${++count}`
const freshId = (): string => `aabbccdd-2222-4333-8444-${String(++count).padStart(12, '0')}`
const wrapped = (properties: object): Call => ({ body: { properties } })

async function registry(properties: object = {}, more: Call = {}): Promise<Answer> {
  return await api.call('POST', '/registries', {
    ...wrapped({ name: freshName(), location: 'de/fra', ...properties }),
    ...more,
  })
}

async function token(registryId: string, properties: object = {}): Promise<Answer> {
  return await api.call('POST', `/registries/${registryId}/tokens`, wrapped({ name: 'ci', ...properties }))
}

function isError(answer: Answer, status: number, says: RegExp = /./): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  assert.deepEqual([answer.json.httpStatus, answer.json.messages.length], [status, 1])
  assert.match(answer.json.messages[0].message, says)
}

for (const mount of MOUNTS) {
  test(`PUT ${mount}/registries/{id}: create, replace, re-create after deletion, always 201 with Location`, async () => {
    const [id, name] = [freshId(), freshName()]
    const url = `${mount}/registries/${id}`
    const href = `http://cr.test:5000${url}`
    const schedule = { days: ['Monday', 'Tuesday'], time: '05:19:00+00:00' }
    const made = await api.call(
      'PUT',
      url,
      wrapped({ name, location: 'de/fra', garbageCollectionSchedule: schedule, apiSubnetAllowList: ['10.0.0.1'] }),
    )
    assert.deepEqual([made.status, made.headers['location']], [201, href])
    assert.deepEqual([made.json.id, made.json.href, made.json.type], [id, href, 'registry'])
    assert.deepEqual([made.json.metadata.state, made.json.metadata.lastModifiedDate], ['New', null])
    assert.deepEqual((await api.call('GET', url)).json, made.json)

    const replaced = await api.call(
      'PUT',
      `${mount}/registries/${id.toUpperCase()}`,
      wrapped({ name, location: 'de/fra' }),
    )
    assert.deepEqual([replaced.status, replaced.headers['location'], replaced.json.id], [201, href, id])
    assert.deepEqual(replaced.json.properties, {
      ...made.json.properties,
      garbageCollectionSchedule: null,
      apiSubnetAllowList: [],
    })
    assert.equal(replaced.json.metadata.lastModifiedBy, 'owner@1')
    assert.equal(replaced.json.metadata.lastModifiedByUserId, 'owner-1')
    assert.match(replaced.json.metadata.lastModifiedDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(replaced.json.metadata.createdDate, made.json.metadata.createdDate)

    assert.equal((await api.call('DELETE', url)).status, 204)
    const again = await api.call('PUT', url, wrapped({ name, location: 'es/vit' }))
    assert.deepEqual([again.status, again.json.id, again.json.properties.location], [201, id, 'es/vit'])
    assert.deepEqual([again.json.metadata.state, again.json.metadata.lastModifiedBy], ['New', null])
  })

  test(`PATCH ${mount}/registries/{id} answers 200 with the whole registry`, async () => {
    const { json: made } = await registry()
    const patched = await api.call('PATCH', `${mount}/registries/${made.id}`, {
      body: { apiSubnetAllowList: ['192.168.0.167/24'], features: { vulnerabilityScanning: { enabled: true } } },
    })
    assert.equal(patched.status, 200)
    assert.equal(patched.headers['location'], undefined)
    assert.deepEqual(patched.json.properties, { ...made.properties, apiSubnetAllowList: ['192.168.0.167/24'] })
    assert.deepEqual((await api.call('GET', `${mount}/registries/${made.id}`)).json, patched.json)
  })

  test(`PUT ${mount}/registries/{id}/tokens/{id}: a password when it creates, none when it replaces`, async () => {
    const { json: owner } = await registry()
    const url = `${mount}/registries/${owner.id}/tokens/${freshId()}`
    const body = wrapped({ name: 'tok', status: '', expiryDate: '2030-01-01T00:00:00Z' })
    const made = await api.call('PUT', url, body)
    assert.deepEqual([made.status, made.headers['location']], [201, `http://cr.test:5000${url}`])
    assert.ok(parseSecret(made.json.properties.credentials.password))
    assert.deepEqual([made.json.properties.status, made.json.metadata.state], ['enabled', 'enabled'])
    const replaced = await api.call('PUT', url, wrapped({ name: 'tok', status: 'disabled' }))
    assert.deepEqual([replaced.status, replaced.headers['location']], [201, `http://cr.test:5000${url}`])
    assert.deepEqual(replaced.json.properties, {
      credentials: { username: 'tok', password: '' },
      name: 'tok',
      expiryDate: null,
      scopes: [],
      status: 'disabled',
    })
    assert.equal(replaced.json.metadata.state, 'disabled')
    assert.equal((await api.call('DELETE', url)).status, 204)
    const again = await api.call('PUT', url, body)
    assert.ok(parseSecret(again.json.properties.credentials.password))
    assert.notEqual(again.json.properties.credentials.password, made.json.properties.credentials.password)
  })

  test(`PATCH ${mount}/registries/{id}/tokens/{id} answers 200 with the whole token and no password`, async () => {
    const { json: owner } = await registry()
    const { json: made } = await token(owner.id, { expiryDate: '2030-01-01T00:00:00Z' })
    const url = `${mount}/registries/${owner.id}/tokens/${made.id}`
    const patched = await api.call('PATCH', url, { body: { expiryDate: null, status: 'enabled' } })
    assert.equal(patched.status, 200)
    assert.deepEqual(patched.json.properties, {
      ...made.properties,
      credentials: { username: 'ci', password: '' },
      expiryDate: null,
    })
    assert.deepEqual((await api.call('GET', url)).json, patched.json)
  })
}

const SCHEDULE = { days: ['Monday'], time: '01:00:00Z' }
const patches: { name: string; was?: object; body: object; want: object }[] = [
  {
    name: 'an empty object',
    was: { apiSubnetAllowList: ['10.0.0.1'] },
    body: {},
    want: { apiSubnetAllowList: ['10.0.0.1'] },
  },
  {
    name: 'empty features (Ansible)',
    was: { features: { vulnerabilityScanning: { enabled: false } } },
    body: { features: {} },
    want: { features: { vulnerabilityScanning: { enabled: false } } },
  },
  { name: 'null features', body: { features: null }, want: { features: { vulnerabilityScanning: { enabled: true } } } },
  {
    name: 'a time with null days (ionosctl)',
    was: { garbageCollectionSchedule: SCHEDULE },
    body: { garbageCollectionSchedule: { days: null, time: '16:00:00Z' } },
    want: { garbageCollectionSchedule: { days: ['Monday'], time: '16:00:00Z' } },
  },
  {
    name: 'days with the time that ionosctl adds',
    was: { garbageCollectionSchedule: SCHEDULE },
    body: { garbageCollectionSchedule: { days: ['Friday'], time: '01:23:00+00:00' } },
    want: { garbageCollectionSchedule: { days: ['Friday'], time: '01:23:00+00:00' } },
  },
  {
    name: 'a null schedule',
    was: { garbageCollectionSchedule: SCHEDULE },
    body: { garbageCollectionSchedule: null },
    want: { garbageCollectionSchedule: null },
  },
  {
    name: 'an empty allow list',
    was: { apiSubnetAllowList: ['10.0.0.1'] },
    body: { apiSubnetAllowList: [] },
    want: { apiSubnetAllowList: [] },
  },
  {
    name: 'a null allow list, which opens nothing',
    was: { apiSubnetAllowList: ['10.0.0.1'] },
    body: { apiSubnetAllowList: null },
    want: { apiSubnetAllowList: ['10.0.0.1'] },
  },
  {
    name: 'what only the server sets',
    body: { hostname: 'x', metadata: {}, id: 'x', storageUsage: null, type: 5 },
    want: { hostname: '' },
  },
]
for (const { name, was, body, want } of patches) {
  test(`PATCH /registries/{id} takes ${name}`, async () => {
    const { json: made } = await registry(was)
    const answer = await api.call('PATCH', `/registries/${made.id}`, { body })
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(answer.json.properties, { ...made.properties, ...want })
  })
}

const tokenPatches: { name: string; was?: object; body: object; want: object }[] = [
  { name: 'an empty object', was: { status: 'disabled' }, body: {}, want: { status: 'disabled' } },
  { name: 'an empty status', was: { status: 'disabled' }, body: { status: '' }, want: { status: 'disabled' } },
  { name: 'a null status', was: { status: 'disabled' }, body: { status: null }, want: { status: 'disabled' } },
  {
    name: 'null scopes',
    was: { scopes: [{ actions: ['pull'], name: 'a', type: 'repository' }] },
    body: { scopes: null },
    want: {},
  },
  {
    name: 'empty scopes',
    was: { scopes: [{ actions: ['pull'], name: 'a', type: 'repository' }] },
    body: { scopes: [] },
    want: { scopes: [] },
  },
  {
    name: 'a date in the past (Terraform)',
    body: { expiryDate: '2023-01-13 16:27:42Z' },
    want: { expiryDate: '2023-01-13T16:27:42Z' },
  },
  {
    name: 'a date elsewhere',
    body: { expiryDate: '2030-01-13T17:27:42.9+01:00' },
    want: { expiryDate: '2030-01-13T16:27:42Z' },
  },
  { name: 'credentials, ignored', body: { credentials: { username: 'x', password: 'y' } }, want: {} },
]
for (const { name, was, body, want } of tokenPatches) {
  test(`PATCH tokens/{id} takes ${name}`, async () => {
    const { json: owner } = await registry()
    const { json: made } = await token(owner.id, was)
    const answer = await api.call('PATCH', `/registries/${owner.id}/tokens/${made.id}`, { body })
    assert.equal(answer.status, 200, answer.text)
    const silent = { ...made.properties, credentials: { username: 'ci', password: '' } }
    assert.deepEqual(answer.json.properties, { ...silent, ...want })
  })
}

test('PUT /registries/{id} without features switches scanning on; null days keep the stored ones', async () => {
  const [id, name] = [freshId(), freshName()]
  const off = { features: { vulnerabilityScanning: { enabled: false } } }
  const put = async (more: object) =>
    await api.call('PUT', `/registries/${id}`, wrapped({ name, location: 'de/fra', ...more }))
  assert.equal(
    (await put({ ...off, garbageCollectionSchedule: SCHEDULE })).json.properties.features.vulnerabilityScanning.enabled,
    false,
  )
  const kept = await put({ ...off, garbageCollectionSchedule: { days: null, time: '02:00:00Z' } })
  assert.deepEqual(kept.json.properties.garbageCollectionSchedule, { days: ['Monday'], time: '02:00:00Z' })
  assert.equal((await put({ features: {} })).json.properties.features.vulnerabilityScanning.enabled, true)
  isError(await put(off), 400, /cannot be switched off again/)
})

const refusals: {
  name: string
  method: 'PUT' | 'PATCH'
  on: 'registry' | 'token'
  more: Call
  status: number
  says: RegExp
}[] = [
  {
    name: 'another name',
    method: 'PUT',
    on: 'registry',
    more: wrapped({ name: 'another', location: 'de/fra' }),
    status: 400,
    says: /name of a registry cannot be changed/,
  },
  {
    name: 'another location',
    method: 'PUT',
    on: 'registry',
    more: wrapped({ name: 'NAME', location: 'es/vit' }),
    status: 400,
    says: /location of a registry cannot be changed/,
  },
  {
    name: 'no wrapper',
    method: 'PUT',
    on: 'registry',
    more: { body: { name: 'NAME', location: 'de/fra' } },
    status: 400,
    says: /^properties is missing$/,
  },
  {
    name: 'scanning off',
    method: 'PUT',
    on: 'registry',
    more: wrapped({ name: 'NAME', location: 'de/fra', features: { vulnerabilityScanning: { enabled: false } } }),
    status: 400,
    says: /switched off/,
  },
  {
    name: 'a reader',
    method: 'PUT',
    on: 'registry',
    more: { as: 'member@1', body: {} },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: 'scanning off',
    method: 'PATCH',
    on: 'registry',
    more: { body: { features: { vulnerabilityScanning: { enabled: false } } } },
    status: 400,
    says: /switched off/,
  },
  {
    name: 'a wrapper',
    method: 'PATCH',
    on: 'registry',
    more: wrapped({ apiSubnetAllowList: [] }),
    status: 400,
    says: /properties is not valid: it must be left out: a PATCH names the fields/,
  },
  {
    name: 'another name',
    method: 'PATCH',
    on: 'registry',
    more: { body: { name: 'another' } },
    status: 400,
    says: /cannot be changed/,
  },
  {
    name: 'a bad network',
    method: 'PATCH',
    on: 'registry',
    more: { body: { apiSubnetAllowList: ['x'] } },
    status: 400,
    says: /"x" is not an IPv4/,
  },
  {
    name: '26 networks',
    method: 'PATCH',
    on: 'registry',
    more: { body: { apiSubnetAllowList: Array(26).fill('10.0.0.1') } },
    status: 400,
    says: /at most 25/,
  },
  {
    name: 'a schedule without a time',
    method: 'PATCH',
    on: 'registry',
    more: { body: { garbageCollectionSchedule: { days: [] } } },
    status: 400,
    says: /garbageCollectionSchedule\.time is missing/,
  },
  { name: 'no body', method: 'PATCH', on: 'registry', more: {}, status: 400, says: /must be object/ },
  { name: 'a list', method: 'PATCH', on: 'registry', more: { body: [] }, status: 400, says: /must be object/ },
  {
    name: 'a reader',
    method: 'PATCH',
    on: 'registry',
    more: { as: 'member@1', body: {} },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: 'another name',
    method: 'PUT',
    on: 'token',
    more: wrapped({ name: 'another' }),
    status: 400,
    says: /name of a token cannot be changed/,
  },
  {
    name: 'a status of its own',
    method: 'PUT',
    on: 'token',
    more: wrapped({ name: 'ci', status: 'paused' }),
    status: 400,
    says: /enabled or disabled/,
  },
  {
    name: 'a reader',
    method: 'PUT',
    on: 'token',
    more: { as: 'member@1', body: {} },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: 'a wrapper',
    method: 'PATCH',
    on: 'token',
    more: wrapped({ status: 'disabled' }),
    status: 400,
    says: /a PATCH names the fields/,
  },
  {
    name: 'an empty date',
    method: 'PATCH',
    on: 'token',
    more: { body: { expiryDate: '' } },
    status: 400,
    says: /RFC 3339/,
  },
  {
    name: 'scopes of words',
    method: 'PATCH',
    on: 'token',
    more: { body: { scopes: ['pull'] } },
    status: 400,
    says: /scopes\.0 is not valid: it must be object/,
  },
  {
    name: 'a reader',
    method: 'PATCH',
    on: 'token',
    more: { as: 'member@1', body: {} },
    status: 403,
    says: /Manage Registry/,
  },
]
for (const { name, method, on, more, status, says } of refusals) {
  test(`${method} of a ${on} refuses ${name}, changing nothing`, async () => {
    const { json: owner } = await registry({ garbageCollectionSchedule: SCHEDULE })
    const { json: made } = await token(owner.id)
    const url = `/registries/${owner.id}${on === 'token' ? `/tokens/${made.id}` : ''}`
    const stored = await api.call('GET', url)
    const body = JSON.stringify(more.body)?.replace('"NAME"', JSON.stringify(owner.properties.name))
    isError(await api.call(method, url, { ...more, ...(body === undefined ? {} : { body }) }), status, says)
    assert.equal((await api.call('GET', url)).text, stored.text)
  })
}

test('PUT and PATCH refuse an id that is none', async () => {
  const { json: owner } = await registry()
  for (const method of ['PUT', 'PATCH'] as const) {
    for (const url of ['/registries/nonsense', `/registries/${owner.id}/tokens/nonsense`])
      isError(await api.call(method, url, { body: {} }), 400, /Id is not valid: it must be a UUID/)
  }
})

test('PUT of a token: 409 for the name of another one, 404 for an absent registry', async () => {
  const { json: owner } = await registry()
  await token(owner.id)
  isError(
    await api.call('PUT', `/registries/${owner.id}/tokens/${freshId()}`, wrapped({ name: 'ci' })),
    409,
    /already has a token/,
  )
  isError(
    await api.call('PUT', `/registries/${ABSENT}/tokens/${freshId()}`, wrapped({ name: 'ci' })),
    404,
    /registry .* does not exist/,
  )
})

test('PUT of a registry whose name is taken is 400, and counts as a name check', async () => {
  const { json: theirs } = await registry({}, { as: 'owner@2' })
  const put = async () =>
    await api.call('PUT', `/registries/${freshId()}`, {
      as: 'manager@1',
      ...wrapped({ name: theirs.properties.name, location: 'de/fra' }),
    })
  for (let i = 0; i < 60; i++) isError(await put(), 400, /already taken/)
  isError(await put(), 429, /name checks/)
  api.clock.now += 60_000
  isError(await put(), 400, /already taken/)
})

test('two contracts: PUT on an id of the other makes one of one’s own and answers as for any unknown id', async () => {
  const { json: theirs } = await registry({ apiSubnetAllowList: ['10.0.0.1'] }, { as: 'owner@2' })
  const stored = await api.call('GET', `/registries/${theirs.id}`, { as: 'owner@2' })
  const [foreignName, unknownName, unknown] = [freshName(), freshName(), freshId()]
  const foreign = await api.call('PUT', `/registries/${theirs.id}`, wrapped({ name: foreignName, location: 'de/fra' }))
  const absent = await api.call('PUT', `/registries/${unknown}`, wrapped({ name: unknownName, location: 'de/fra' }))
  assert.equal(foreign.status, 201)
  const neutral = ({ text }: Answer) =>
    text.replaceAll(theirs.id, 'ID').replaceAll(unknown, 'ID').replace(foreignName, 'N').replace(unknownName, 'N')
  assert.equal(neutral(foreign), neutral(absent))
  assert.equal((await api.call('GET', `/registries/${theirs.id}`, { as: 'owner@2' })).text, stored.text)
  assert.equal((await api.call('GET', `/registries/${theirs.id}`)).json.properties.name, foreignName)
  assert.equal((await api.call('DELETE', `/registries/${theirs.id}`)).status, 204)
  assert.equal((await api.call('GET', `/registries/${theirs.id}`, { as: 'owner@2' })).text, stored.text)
})

test('two contracts: PATCH, and PUT of a token, know nothing of the other’s', async () => {
  const { json: theirs } = await registry({}, { as: 'owner@2' })
  const made = await api.call('POST', `/registries/${theirs.id}/tokens`, { as: 'owner@2', ...wrapped({ name: 'ci' }) })
  const calls = (registryId: string, tokenId: string) =>
    [
      ['PATCH', `/registries/${registryId}`, { body: { apiSubnetAllowList: [] } }],
      ['PUT', `/registries/${registryId}/tokens/${tokenId}`, wrapped({ name: 'ci' })],
      ['PATCH', `/registries/${registryId}/tokens/${tokenId}`, { body: { status: 'disabled' } }],
    ] as const
  const absent = calls(ABSENT, ABSENT)
  for (const [index, [method, url, more]] of calls(theirs.id, made.json.id).entries()) {
    const foreign = await api.call(method, url, more)
    const nothing = await api.call(method, absent[index]?.[1] ?? '', more)
    isError(foreign, 404)
    assert.equal(foreign.text.replace(theirs.id, ABSENT), nothing.text)
    assert.deepEqual(Object.keys(foreign.headers).sort(), Object.keys(nothing.headers).sort())
  }
  const { json } = await api.call('GET', `/registries/${theirs.id}/tokens/${made.json.id}`, { as: 'owner@2' })
  assert.equal(json.properties.status, 'enabled')
})

test('unknown query parameters are ignored by every operation', async () => {
  const query = '?depth=1&limit=x&maxResults=5&pretty=true&orderBy=name&offset=q'
  const { json: owner } = await registry()
  const { json: made } = await token(owner.id)
  const { name } = owner.properties
  const calls: [Parameters<TestManagement['call']>[0], string, Call, number][] = [
    ['GET', '/locations', {}, 200],
    ['HEAD', `/names/${name}`, {}, 200],
    ['POST', '/registries', wrapped({ name: freshName(), location: 'de/fra' }), 201],
    ['GET', `/registries/${owner.id}`, {}, 200],
    ['PUT', `/registries/${owner.id}`, wrapped({ name, location: 'de/fra' }), 201],
    ['PATCH', `/registries/${owner.id}`, { body: {} }, 200],
    ['POST', `/registries/${owner.id}/tokens`, wrapped({ name: 'other' }), 201],
    ['GET', `/registries/${owner.id}/tokens/${made.id}`, {}, 200],
    ['PUT', `/registries/${owner.id}/tokens/${made.id}`, wrapped({ name: 'ci' }), 201],
    ['PATCH', `/registries/${owner.id}/tokens/${made.id}`, { body: {} }, 200],
    ['DELETE', `/registries/${owner.id}/tokens/${made.id}`, {}, 204],
    ['DELETE', `/registries/${owner.id}`, {}, 204],
  ]
  for (const [method, url, more, status] of calls)
    assert.equal((await api.call(method, url + query, more)).status, status, `${method} ${url}`)
})
