import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Answer, Call, TestManagement } from '../../test/support/management.ts'
import { basic, openManagement } from '../../test/support/management.ts'
import { DomainError } from '../domain/error.ts'
import { parseSecret } from '../domain/secret.ts'

const MOUNTS = ['', '/containerregistries'] as const
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ABSENT = '00000000-0000-4000-8000-000000000000'
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

let api: TestManagement
let count = 0
before(async () => {
  api = await openManagement()
})
after(() => api[Symbol.asyncDispose]())

/** A registry of its own, so that no case depends on another. */
async function registry(properties: object = {}, more: Call = {}): Promise<Answer> {
  const body = { properties: { name: `registry-${++count}`, location: 'de/fra', ...properties } }
  return await api.call('POST', '/registries', { body, ...more })
}

function isError(answer: Answer, status: number, says: RegExp = /./): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  assert.equal(answer.json.httpStatus, status)
  assert.equal(answer.json.messages.length, 1)
  assert.equal(typeof answer.json.messages[0].errorCode, 'string')
  assert.match(answer.json.messages[0].message, says)
}

for (const mount of MOUNTS) {
  test(`${mount}/locations`, async () => {
    const answer = await api.call('GET', `${mount}/locations`)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json, {
      id: 'locations',
      type: 'collection',
      href: `http://cr.test:5000${mount}/locations`,
      items: [{ id: 'de/fra' }, { id: 'es/vit' }],
    })
  })

  test(`${mount}/registries: create, get, delete`, async () => {
    const schedule = { days: ['Friday', 'Monday'], time: '05:19:00+00:00' }
    const body = {
      properties: {
        apiSubnetAllowList: ['192.168.0.167/24', '2001:0db8:85a3::/24'],
        features: { vulnerabilityScanning: { enabled: false } },
        garbageCollectionSchedule: schedule,
        location: 'de/fra',
        name: `whole-${mount.length}`,
      },
    }
    const made = await api.call('POST', `${mount}/registries`, { body })
    assert.equal(made.status, 201)
    assert.match(made.json.id, UUID4)
    const href = `http://cr.test:5000${mount}/registries/${made.json.id}`
    assert.equal(made.headers['location'], href)
    assert.match(made.json.metadata.createdDate, INSTANT)
    assert.deepEqual(made.json, {
      id: made.json.id,
      type: 'registry',
      href,
      metadata: {
        createdBy: 'owner@1',
        createdByUserId: 'owner-1',
        createdDate: made.json.metadata.createdDate,
        lastModifiedBy: null,
        lastModifiedByUserId: null,
        lastModifiedDate: null,
        state: 'New',
      },
      properties: {
        name: body.properties.name,
        location: 'de/fra',
        hostname: '',
        garbageCollectionSchedule: schedule,
        storageUsage: { bytes: 0, updatedAt: null },
        features: { vulnerabilityScanning: { enabled: false } },
        apiSubnetAllowList: ['192.168.0.167/24', '2001:0db8:85a3::/24'],
      },
    })

    api.storage.ready = false
    await api.registries.settle()
    const waiting = await api.call('GET', `${mount}/registries/${made.json.id}`)
    assert.deepEqual([waiting.json.metadata.state, waiting.json.properties.hostname], ['WaitingForStorage', ''])
    api.storage.ready = true
    await api.registries.settle()
    const running = await api.call('GET', `${mount}/registries/${made.json.id.toUpperCase()}`)
    assert.equal(running.json.metadata.state, 'Running')
    assert.equal(running.json.properties.hostname, `cr.test:5000/${body.properties.name}`)

    const gone = await api.call('DELETE', `${mount}/registries/${made.json.id}`)
    assert.deepEqual([gone.status, gone.text], [204, ''])
    isError(await api.call('GET', `${mount}/registries/${made.json.id}`), 404, /does not exist/)
    isError(await api.call('DELETE', `${mount}/registries/${made.json.id}`), 404)
    assert.equal((await api.call('HEAD', `${mount}/names/${body.properties.name}`)).status, 404)
  })

  test(`${mount}/registries/{id}/tokens: create, get, list, delete`, async () => {
    const { json: owner } = await registry()
    const tokens = `${mount}/registries/${owner.id}/tokens`
    const scopes = [{ actions: ['pull', 'push'], name: 'repo*', type: 'repository' }]
    const body = {
      properties: { name: 'testRegistryToken', expiryDate: '2023-01-13T17:27:42.5+01:00', scopes, status: 'disabled' },
    }
    const made = await api.call('POST', tokens, { body })
    assert.equal(made.status, 201)
    assert.match(made.json.id, UUID4)
    assert.equal(made.headers['location'], `http://cr.test:5000${tokens}/${made.json.id}`)
    assert.ok(parseSecret(made.json.properties.credentials.password))
    assert.deepEqual(made.json.properties, {
      credentials: { username: 'testRegistryToken', password: made.json.properties.credentials.password },
      name: 'testRegistryToken',
      expiryDate: '2023-01-13T16:27:42Z',
      scopes,
      status: 'disabled',
    })
    assert.equal(made.json.metadata.state, 'disabled')

    const got = await api.call('GET', `${tokens}/${made.json.id}`)
    const silent = structuredClone(made.json)
    silent.properties.credentials.password = ''
    assert.deepEqual(got.json, silent)

    const list = await api.call('GET', tokens)
    const href = `http://cr.test:5000${tokens}`
    assert.deepEqual(list.json, {
      id: 'tokens',
      type: 'collection',
      href,
      items: [silent],
      count: 1,
      limit: 100,
      offset: 0,
      total: 1,
      _links: { next: '', previous: '', self: `${href}?offset=0&limit=100` },
    })

    isError(await api.call('POST', tokens, { body }), 409, /already has a token named "testRegistryToken"/)
    const gone = await api.call('DELETE', `${tokens}/${made.json.id}`)
    assert.deepEqual([gone.status, gone.text], [204, ''])
    isError(await api.call('GET', `${tokens}/${made.json.id}`), 404)
    isError(await api.call('DELETE', `${tokens}/${made.json.id}`), 404)
    assert.equal((await api.call('POST', tokens, { body })).status, 201)
  })
}

const tolerated: { name: string; properties: object; want: object }[] = [
  { name: 'only what is required', properties: {}, want: { garbageCollectionSchedule: null, apiSubnetAllowList: [] } },
  {
    name: 'empty features mean scanning',
    properties: { features: {} },
    want: { features: { vulnerabilityScanning: { enabled: true } } },
  },
  {
    name: 'absent features mean scanning',
    properties: {},
    want: { features: { vulnerabilityScanning: { enabled: true } } },
  },
  {
    name: 'null features mean scanning',
    properties: { features: null },
    want: { features: { vulnerabilityScanning: { enabled: true } } },
  },
  {
    name: 'null days',
    properties: { garbageCollectionSchedule: { days: null, time: '01:23:00+00:00' } },
    want: { garbageCollectionSchedule: { days: [], time: '01:23:00+00:00' } },
  },
  {
    name: 'a null schedule',
    properties: { garbageCollectionSchedule: null },
    want: { garbageCollectionSchedule: null },
  },
  {
    name: 'a time ending in Z is echoed',
    properties: { garbageCollectionSchedule: { days: ['Sunday'], time: '16:00:00Z' } },
    want: { garbageCollectionSchedule: { days: ['Sunday'], time: '16:00:00Z' } },
  },
  { name: 'an empty allow list', properties: { apiSubnetAllowList: [] }, want: { apiSubnetAllowList: [] } },
  { name: 'a null allow list', properties: { apiSubnetAllowList: null }, want: { apiSubnetAllowList: [] } },
  {
    name: 'bare addresses',
    properties: { apiSubnetAllowList: ['10.0.0.1', '::1'] },
    want: { apiSubnetAllowList: ['10.0.0.1', '::1'] },
  },
  {
    name: 'what only the server sets',
    properties: { hostname: 'x', storageUsage: { bytes: 5 }, maintenanceWindow: null },
    want: { hostname: '' },
  },
]
for (const { name, properties, want } of tolerated) {
  test(`POST /registries takes ${name}`, async () => {
    const answer = await registry(properties)
    assert.equal(answer.status, 201, answer.text)
    for (const [key, value] of Object.entries(want)) assert.deepEqual(answer.json.properties[key], value, key)
  })
}

const toleratedTokens: { name: string; properties: object; want: object }[] = [
  { name: 'a name alone', properties: {}, want: { status: 'enabled', expiryDate: null, scopes: [] } },
  { name: 'an empty status', properties: { status: '' }, want: { status: 'enabled' } },
  {
    name: 'null for everything',
    properties: { status: null, expiryDate: null, scopes: null },
    want: { status: 'enabled', expiryDate: null, scopes: [] },
  },
  { name: 'no scopes', properties: { scopes: [] }, want: { scopes: [] } },
  {
    name: 'scopes that mean nothing',
    properties: { scopes: [{ actions: ['backup'], name: 'x', type: 'repo1' }] },
    want: { scopes: [{ actions: ['backup'], name: 'x', type: 'repo1' }] },
  },
  {
    name: 'a date in the past with a blank',
    properties: { expiryDate: '2023-01-13 16:27:42Z' },
    want: { expiryDate: '2023-01-13T16:27:42Z' },
  },
  {
    name: 'credentials, ignored',
    properties: { credentials: { username: 'x', password: 'y' } },
    want: { status: 'enabled' },
  },
]
for (const { name, properties, want } of toleratedTokens) {
  test(`POST tokens takes ${name}`, async () => {
    const { json: owner } = await registry()
    const answer = await api.call('POST', `/registries/${owner.id}/tokens`, {
      body: { properties: { name: 'tok', ...properties } },
    })
    assert.equal(answer.status, 201, answer.text)
    for (const [key, value] of Object.entries(want)) assert.deepEqual(answer.json.properties[key], value, key)
  })
}

interface Refusal {
  readonly name: string
  readonly method?: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH'
  readonly url: string
  readonly more?: Call
  readonly status: number
  readonly says: RegExp
}
const post = (properties: unknown): Call => ({ body: { properties } })
const refusals: Refusal[] = [
  { name: 'no credentials', url: '/registries', more: { as: null }, status: 401, says: /log in/ },
  { name: 'credentials that are wrong', url: '/locations', more: { as: 'nobody@1' }, status: 401, says: /log in/ },
  {
    name: 'no credentials for an absent registry',
    url: `/registries/${ABSENT}`,
    more: { as: null },
    status: 401,
    says: /log in/,
  },
  {
    name: "somebody else's contract number",
    url: '/registries',
    more: { headers: { 'x-contract-number': '2' } },
    status: 403,
    says: /not your contract/,
  },
  {
    name: 'a contract number that is none',
    url: '/registries',
    more: { headers: { 'x-contract-number': 'one' } },
    status: 400,
    says: /X-Contract-Number/,
  },
  { name: 'a path that does not exist', url: '/registries/x/y/z/w', status: 404, says: /nothing is served/ },
  { name: 'an unknown collection of ours', url: '/names', status: 404, says: /nothing is served/ },
  {
    name: 'a method that does not exist',
    method: 'DELETE',
    url: '/registries',
    status: 405,
    says: /allowed: GET, HEAD, POST/,
  },
  { name: 'GET of a name', url: '/names/abc', status: 405, says: /allowed: HEAD/ },
  {
    name: 'a registry id that is no UUID',
    url: '/registries/acme',
    status: 400,
    says: /registryId is not valid: it must be a UUID/,
  },
  {
    name: 'a token id that is no UUID',
    url: `/registries/${ABSENT}/tokens/7`,
    status: 400,
    says: /tokenId is not valid/,
  },
  {
    name: 'an absent registry',
    url: `/registries/${ABSENT}`,
    status: 404,
    says: /registry 00000000-.* does not exist/,
  },
  { name: 'a percent sign that begins no escape', url: '/registries/%zz', status: 400, says: /must be a UUID/ },
  { name: 'bytes that are no text', url: '/registries/%ff/tokens', status: 400, says: /must be a UUID/ },
  { name: 'an id without end', url: `/registries/${'a'.repeat(8000)}`, status: 400, says: /must be a UUID/ },
  {
    name: 'a broken path, without credentials',
    url: '/registries/%zz',
    more: { as: null },
    status: 401,
    says: /log in/,
  },
  {
    name: "an absent registry's tokens",
    url: `/registries/${ABSENT}/tokens`,
    status: 404,
    says: /registry .* does not exist/,
  },
  {
    name: 'limit 0',
    url: '/registries?limit=0',
    status: 400,
    says: /limit "0" is not valid: write a whole number from 1 to 1000/,
  },
  { name: 'limit 1001', url: '/registries?limit=1001', status: 400, says: /limit "1001"/ },
  { name: 'a limit that is a word', url: `/registries/${ABSENT}/tokens?limit=ten`, status: 400, says: /limit "ten"/ },
  { name: 'a negative offset', url: `/registries/${ABSENT}/tokens?offset=-1`, status: 400, says: /offset "-1"/ },
  {
    name: 'limit given twice',
    url: '/registries?limit=1&limit=2',
    status: 400,
    says: /limit is not valid: it must be string/,
  },
  {
    name: 'a page token of somebody else',
    url: '/registries?pagination.token=AAAA',
    status: 400,
    says: /pagination\.token/,
  },
  {
    name: 'a body that is no JSON',
    method: 'POST',
    url: '/registries',
    more: { body: '{"properties":' },
    status: 400,
    says: /JSON/,
  },
  { name: 'no body', method: 'POST', url: '/registries', status: 400, says: /must be object/ },
  {
    name: 'an empty body',
    method: 'POST',
    url: '/registries',
    more: { headers: { 'content-type': 'application/json' }, body: '' },
    status: 400,
    says: /must be object/,
  },
  {
    name: 'a form instead of JSON',
    method: 'POST',
    url: '/registries',
    more: { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' },
    status: 415,
    says: /Content-Type: application\/json/,
  },
  {
    name: 'a body over the limit',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'x'.repeat(70_000) }),
    status: 413,
    says: /limit of 65536 bytes/,
  },
  {
    name: 'properties without their wrapper',
    method: 'POST',
    url: '/registries',
    more: { body: { name: 'acme' } },
    status: 400,
    says: /^properties is missing$/,
  },
  {
    name: 'no location',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'acme' }),
    status: 400,
    says: /^properties\.location is missing$/,
  },
  {
    name: 'a name that is a number',
    method: 'POST',
    url: '/registries',
    more: post({ name: 5, location: 'de/fra' }),
    status: 400,
    says: /^properties\.name is not valid: it must be string$/,
  },
  {
    name: 'an invalid name',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'A', location: 'de/fra' }),
    status: 400,
    says: /3 to 63/,
  },
  {
    name: 'an unknown location',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'acme', location: 'x/y' }),
    status: 400,
    says: /choose one of de\/fra, es\/vit/,
  },
  {
    name: 'a schedule without a time',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'acme', location: 'de/fra', garbageCollectionSchedule: { days: ['Monday'] } }),
    status: 400,
    says: /garbageCollectionSchedule\.time is missing/,
  },
  {
    name: 'scanning that is a word',
    method: 'POST',
    url: '/registries',
    more: post({ name: 'acme', location: 'de/fra', features: { vulnerabilityScanning: { enabled: 'yes' } } }),
    status: 400,
    says: /features\.vulnerabilityScanning\.enabled is not valid: it must be boolean/,
  },
  {
    name: 'a member who may only read',
    method: 'POST',
    url: '/registries',
    more: { as: 'member@1', ...post({ name: 'acme', location: 'de/fra' }) },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: 'a member who may only read, before anything else',
    method: 'POST',
    url: '/registries',
    more: { as: 'member@1', body: {} },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: "a member's deletion",
    method: 'DELETE',
    url: `/registries/${ABSENT}`,
    more: { as: 'member@1' },
    status: 403,
    says: /Manage Registry/,
  },
  {
    name: "a member's token",
    method: 'POST',
    url: `/registries/${ABSENT}/tokens`,
    more: { as: 'member@1', ...post({ name: 'tok' }) },
    status: 403,
    says: /Manage Registry/,
  },
]
for (const { name, method = 'GET', url, more = {}, status, says } of refusals) {
  for (const mount of MOUNTS) {
    test(`${method} ${mount}${url.slice(0, 60)} refuses ${name}`, async () => {
      const answer = await api.call(method, mount + url, more)
      isError(answer, status, says)
      if (status === 401) assert.equal(answer.headers['www-authenticate'], 'Basic realm="Entrepot"')
      if (status === 405) assert.match(String(answer.headers['allow']), /^[A-Z]+(, [A-Z]+)*$/)
    })
  }
}

test('what lies under /containerregistries and is not ours is 404 in the same form', async () => {
  for (const url of [
    '/containerregistries',
    '/containerregistries/',
    '/containerregistries/x',
    '/containerregistries/v2/',
  ]) {
    isError(await api.call('GET', url), 404, /nothing is served/)
  }
})

const names: { name: string; path: string; status: number }[] = [
  { name: 'a free name', path: 'surely-free', status: 404 },
  { name: 'a taken name', path: 'taken-name', status: 200 },
  { name: 'too short', path: 'ab', status: 400 },
  { name: 'upper case', path: 'Acme', status: 400 },
  { name: 'a slash', path: 'ac%2Fme', status: 400 },
  { name: 'very long', path: 'a'.repeat(8000), status: 400 },
  { name: 'a percent sign that begins no escape', path: '%zz', status: 400 },
]
test('HEAD /names answers by status alone', async () => {
  await registry({ name: 'taken-name' })
  for (const { name, path, status } of names) {
    for (const as of ['owner@1', 'owner@2', 'member@2']) {
      const answer = await api.call('HEAD', `/names/${path}`, { as })
      assert.deepEqual([answer.status, answer.text], [status, ''], name)
      if (status !== 400) assert.equal(answer.headers['content-type'], undefined, name)
    }
  }
  assert.equal((await api.call('HEAD', '/names/taken-name', { as: null })).status, 401)
})

test('HEAD /names is no dictionary: limited by person', async () => {
  for (let i = 0; i < 60; i++) assert.equal((await api.call('HEAD', `/names/word-${i}`, { as: 'admin@2' })).status, 404)
  const answer = await api.call('HEAD', '/names/word-60', { as: 'admin@2' })
  assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '60'])
  assert.equal((await api.call('HEAD', '/names/word-60', { as: 'admin@1' })).status, 404)
  api.clock.now += 60_000
  assert.equal((await api.call('HEAD', '/names/word-60', { as: 'admin@2' })).status, 404)
})

test('a registry name in use is 400, since POST declares no 409', async () => {
  const { json } = await registry()
  for (const as of ['owner@1', 'owner@2'])
    isError(await registry({ name: json.properties.name }, { as }), 400, /already taken/)
})

test('who may change: owner, admin, and a member with the privilege; any member reads', async () => {
  for (const as of ['owner@1', 'admin@1', 'manager@1']) {
    const made = await registry({}, { as })
    assert.equal(made.status, 201)
    assert.equal((await api.call('GET', `/registries/${made.json.id}`, { as: 'member@1' })).status, 200)
    assert.equal((await api.call('DELETE', `/registries/${made.json.id}`, { as })).status, 204)
  }
})

test('two contracts: what one has is unknown to the other, word for word', async () => {
  const { json: mine } = await registry()
  const { json: token } = await api.call('POST', `/registries/${mine.id}/tokens`, post({ name: 'ci' }))
  const paths = (registryId: string, tokenId: string): [Refusal['method'], string][] => [
    ['GET', `/registries/${registryId}`],
    ['DELETE', `/registries/${registryId}`],
    ['GET', `/registries/${registryId}/tokens`],
    ['GET', `/registries/${registryId}/tokens/${tokenId}`],
    ['DELETE', `/registries/${registryId}/tokens/${tokenId}`],
  ]
  const absent = paths(ABSENT, ABSENT)
  for (const [index, [method, url]] of paths(mine.id, token.id).entries()) {
    const foreign = await api.call(method, url, { as: 'owner@2' })
    const nothing = await api.call(method, absent[index]?.[1] ?? '', { as: 'owner@2' })
    isError(foreign, 404)
    assert.equal(
      foreign.text.replaceAll(mine.id, 'ID').replaceAll(token.id, 'ID'),
      nothing.text.replaceAll(ABSENT, 'ID'),
    )
    assert.deepEqual(Object.keys(foreign.headers).sort(), Object.keys(nothing.headers).sort())
  }
  const list = await api.call('GET', '/registries?limit=1000', { as: 'owner@2' })
  assert.ok(!list.text.includes(mine.id))
  assert.equal((await api.call('GET', `/registries/${mine.id}/tokens/${token.id}`)).status, 200)
})

test('GET /registries: an empty list, for new clients and those of version 1.0', async (t) => {
  const empty = await openManagement()
  t.after(() => empty[Symbol.asyncDispose]())
  const { json } = await empty.call('GET', '/registries')
  assert.deepEqual(json, {
    id: 'registries',
    type: 'collection',
    href: 'http://cr.test:5000/registries',
    items: [],
    pagination: { limit: 100, token: '' },
    limit: 100,
    nextPageToken: '',
    _links: { next: '', previous: '', self: 'http://cr.test:5000/registries?limit=100' },
  })
})

test('GET /registries: pages, filter, and unknown parameters ignored', async (t) => {
  const some = await openManagement()
  t.after(() => some[Symbol.asyncDispose]())
  for (const name of ['one-a', 'two-a', 'one-b', 'one-c'])
    await some.call('POST', '/registries', post({ name, location: 'es/vit' }))
  const of = ({ json }: Answer) => json.items.map((item: { properties: { name: string } }) => item.properties.name)
  const first = await some.call('GET', '/registries?filter.name=ONE&limit=2&depth=1&maxResults=5&offset=9&orderBy=x')
  assert.deepEqual(of(first), ['one-a', 'one-b'])
  assert.equal(first.json.pagination.limit, 2)
  assert.equal(first.json.pagination.token, first.json.nextPageToken)
  for (const parameter of ['pagination.token', 'nextPageToken']) {
    const second = await some.call(
      'GET',
      `/registries?filter.name=ONE&limit=2&${parameter}=${first.json.pagination.token}`,
    )
    assert.deepEqual([of(second), second.json.pagination.token, second.json._links.next], [['one-c'], '', ''])
  }
  const followed = await some.call('GET', first.json._links.next.replace('http://cr.test:5000', ''))
  assert.deepEqual(of(followed), ['one-c'])
  assert.deepEqual(of(await some.call('GET', '/registries?pagination.token=&filter.name=')), [
    'one-a',
    'two-a',
    'one-b',
    'one-c',
  ])
})

test('GET tokens: offset, limit and links', async () => {
  const { json: owner } = await registry()
  const path = `/registries/${owner.id}/tokens`
  for (const name of ['t1', 't2', 't3', 't4', 't5']) await api.call('POST', path, post({ name }))
  const { json } = await api.call('GET', `${path}?offset=1&limit=2`)
  assert.deepEqual(
    json.items.map((item: { properties: { name: string } }) => item.properties.name),
    ['t2', 't3'],
  )
  assert.deepEqual([json.count, json.limit, json.offset, json.total], [2, 2, 1, 5])
  const href = `http://cr.test:5000${path}`
  assert.deepEqual(json._links, {
    next: `${href}?offset=3&limit=2`,
    previous: `${href}?offset=0&limit=2`,
    self: `${href}?offset=1&limit=2`,
  })
  const beyond = await api.call('GET', `${path}?offset=50`)
  assert.deepEqual([beyond.json.items, beyond.json.count, beyond.json.total], [[], 0, 5])
})

test('passwords appear in the answer to the creation only, and no answer may be cached', async () => {
  const { json: owner } = await registry()
  const path = `/registries/${owner.id}/tokens`
  const made = await api.call('POST', path, post({ name: 'ci' }))
  assert.equal(made.headers['cache-control'], 'no-store')
  const { password } = made.json.properties.credentials
  for (const url of [path, `${path}/${made.json.id}`]) assert.ok(!(await api.call('GET', url)).text.includes(password))
})

test('links: the public URL wins; a Host that is none gives relative ones', async (t) => {
  const locations = [{ id: 'de/fra', between: 'cr.de-fra' }]
  const behind = await openManagement({
    naming: { publicUrl: 'https://api.example.com', domain: 'example.com', locations },
  })
  t.after(() => behind[Symbol.asyncDispose]())
  const made = await behind.call('POST', '/containerregistries/registries', post({ name: 'acme', location: 'de/fra' }))
  assert.match(
    String(made.headers['location']),
    /^https:\/\/api\.example\.com\/containerregistries\/registries\/[0-9a-f-]{36}$/,
  )
  await behind.registries.settle()
  const got = await behind.call('GET', `/registries/${made.json.id}`)
  assert.equal(got.json.properties.hostname, 'acme.cr.de-fra.example.com')
  const odd = await api.call('GET', '/locations', { headers: { host: 'a b"<' } })
  assert.equal(odd.json.href, '/locations')
})

test('clients that send Content-Type with every request, and none', async () => {
  const json = { 'content-type': 'application/json' }
  const { json: made } = await registry()
  assert.equal((await api.call('GET', '/locations', { headers: json })).status, 200)
  assert.equal((await api.call('DELETE', `/registries/${made.id}`, { headers: json })).status, 204)
  const charset = { 'content-type': 'application/json; charset=utf-8' }
  const body = JSON.stringify({ properties: { name: 'with-charset', location: 'de/fra' } })
  assert.equal((await api.call('POST', '/registries', { headers: charset, body })).status, 201)
})

test('X-Contract-Number and the raw credentials reach auth', async (t) => {
  const seen: unknown[] = []
  const auth = {
    async authenticatePerson(...given: unknown[]): Promise<never> {
      seen.push(given)
      throw new DomainError('unavailable', 'not now', { headers: { 'retry-after': '7' } })
    },
  }
  const spy = await openManagement({ auth })
  t.after(() => spy[Symbol.asyncDispose]())
  const headers = { 'x-contract-number': '31', authorization: 'Bearer abc' }
  const answer = await spy.call('GET', '/registries', { as: null, headers })
  isError(answer, 503, /not now/)
  assert.equal(answer.headers['retry-after'], '7')
  await spy.call('GET', '/registries', { headers: { 'x-contract-number': '' } })
  assert.deepEqual(seen, [
    [{ authorization: 'Bearer abc', address: '127.0.0.1' }, 31],
    [{ authorization: basic('owner@1'), address: '127.0.0.1' }, null],
  ])
})

test('the unexpected is 500 with an id and nothing of ours', async (t) => {
  const auth = {
    async authenticatePerson(): Promise<never> {
      throw new Error('SELECT secret FROM somewhere')
    },
  }
  const broken = await openManagement({ auth })
  t.after(() => broken[Symbol.asyncDispose]())
  const answer = await broken.call('GET', '/registries')
  isError(answer, 500, /its id in the server's log is \S+$/)
  assert.ok(!answer.text.includes('SELECT'))
})
