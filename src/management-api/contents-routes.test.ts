import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AuthWorld } from '../../test/support/auth-world.ts'
import type { DataPlane } from '../../test/support/contents.ts'
import { dataPlaneOn, writeScan } from '../../test/support/contents.ts'
import type { Answer, TestManagement } from '../../test/support/management.ts'
import { openManagement } from '../../test/support/management.ts'
import type { Digest } from '../domain/digest.ts'

const MOUNTS = ['', '/containerregistries'] as const
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

let api: TestManagement
let data: DataPlane
let id = ''
let internalId = 0
let digests: Digest[] = []

before(async () => {
  api = await openManagement()
  data = dataPlaneOn(api.metadata)
  const { json } = await api.call('POST', '/registries', { body: { properties: { name: 'acme', location: 'de/fra' } } })
  id = json.id
  const row = await api.metadata.read((sql) => sql.get<{ id: number }>`SELECT id FROM registries`)
  internalId = row?.id ?? 0
  const first = await data.push(internalId, 'team/app', 'one', 'v1', 'latest')
  const second = await data.push(internalId, 'team/app', 'two')
  digests = [first, second]
  await data.push(internalId, 'other', 'one')
  await data.pull(internalId, 'team/app', first, 2)
})
after(() => api[Symbol.asyncDispose]())

const get = (path: string): Promise<Answer> => api.call('GET', path)

function isError(answer: Answer, status: number, says: RegExp = /./): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.json.httpStatus, status)
  assert.match(answer.json.messages[0].message, says)
}

for (const mount of MOUNTS) {
  test(`${mount}/…/repositories: the list`, async () => {
    const { status, json } = await get(`${mount}/registries/${id}/repositories?orderBy=name&limit=1&offset=1`)
    assert.equal(status, 200)
    const href = `http://cr.test:5000${mount}/registries/${id}/repositories`
    const [item] = json.items
    assert.match(item.metadata.createdDate, INSTANT)
    assert.match(item.metadata.lastPushedAt, INSTANT)
    assert.match(item.metadata.lastPulledAt, INSTANT)
    const { createdDate, lastPushedAt, lastPulledAt } = item.metadata
    assert.deepEqual(json, {
      id: 'repositories',
      type: 'collection',
      href,
      items: [
        {
          id: 'team/app',
          type: 'repository',
          href: `${href}/team%2Fapp`,
          metadata: {
            ...{ createdDate, createdBy: 'token:ci', createdByUserId: null },
            ...{ lastModifiedDate: null, lastModifiedBy: null, lastModifiedByUserId: null },
            resourceURN: `ionos:container-registry:de/fra:1:registries/${id}/repositories/team/app`,
            ...{ artifactCount: 2, pullCount: 2, pushCount: 2, lastPushedAt, lastPulledAt, lastSeverity: null },
          },
          properties: { name: 'team/app' },
        },
      ],
      offset: 1,
      limit: 1,
      _links: {
        prev: `${href}?limit=1&offset=0&orderBy=name`,
        self: `${href}?limit=1&offset=1&orderBy=name`,
      },
    })
    assert.deepEqual((await get(`${mount}/registries/${id}/repositories/team%2Fapp`)).json, item)
  })

  test(`${mount}/…/artifacts: the list of a registry`, async () => {
    const { status, json } = await get(`${mount}/registries/${id}/artifacts?limit=1`)
    assert.equal(status, 200)
    const [item] = json.items
    const href = `http://cr.test:5000${mount}/registries/${id}`
    const { createdDate, lastPushedAt, lastPulledAt } = item.metadata
    assert.match(lastPulledAt, INSTANT)
    assert.deepEqual(json, {
      id: 'artifacts',
      type: 'collection',
      href: `${href}/artifacts`,
      items: [
        {
          id: digests[0],
          type: 'artifact',
          href: `${href}/repositories/team%2Fapp/artifacts/${digests[0]}`,
          metadata: {
            ...{ createdDate, createdBy: 'token:ci', createdByUserId: null },
            ...{ lastModifiedDate: null, lastModifiedBy: null, lastModifiedByUserId: null },
            resourceURN: `ionos:container-registry:de/fra:1:registries/${id}/repositories/team/app/artifacts/${digests[0]}`,
            ...{ lastPushedAt, lastPulledAt, lastScannedAt: null, pushCount: 1, pullCount: 2 },
            ...{ vulnMaxSeverity: null, vulnTotalScore: null, vulnTotalCount: null, vulnFixableCount: null },
          },
          properties: {
            repositoryName: 'team/app',
            digest: digests[0],
            tags: ['latest', 'v1'],
            mediaType: 'application/vnd.oci.image.index.v1+json',
          },
        },
      ],
      offset: 0,
      limit: 1,
      _links: {
        self: `${href}/artifacts?limit=1&offset=0&orderBy=-pullCount`,
        next: `${href}/artifacts?limit=1&offset=1&orderBy=-pullCount`,
      },
    })
    assert.deepEqual(
      (await get(`${mount}/registries/${id}/repositories/team%2Fapp/artifacts/${digests[0]}`)).json,
      item,
    )
  })

  test(`${mount}/…/vulnerabilities: none are known`, async () => {
    const artifact = `/registries/${id}/repositories/team%2Fapp/artifacts/${digests[0]}`
    const answer = await get(`${mount}${artifact}/vulnerabilities?filter.severity=HIGH&filter.fixable=true`)
    const href = `http://cr.test:5000${mount}${artifact}`
    assert.deepEqual(answer.json, {
      ...{ id: 'vulnerabilities', type: 'collection', href, items: [], offset: 0, limit: 100 },
      _links: { self: `${href}?limit=100&offset=0&filter.severity=HIGH&filter.fixable=true&orderBy=-score` },
    })
    // As Python 1.1 writes it.
    assert.equal((await get(`${mount}${artifact}/vulnerabilities?filter.fixable=True`)).status, 200)
    isError(await get(`${mount}${artifact}/vulnerabilities?filter.fixable=yes`), 400, /it must be true or false/)
    isError(await get(`${mount}/vulnerabilities/CVE-2024-3094`), 404, /"CVE-2024-3094" is not known here/)
  })
}

const forms = ['team/app', 'team%2Fapp', 'team%252Fapp', 'team%2fapp']
for (const name of forms) {
  test(`a repository written ${name} is found, and so are its artifacts`, async () => {
    const at = `/registries/${id.toUpperCase()}/repositories/${name}`
    assert.equal((await get(at)).json.id, 'team/app')
    assert.deepEqual(
      (await get(`${at}/artifacts?orderBy=lastPush`)).json.items.map((item: { id: string }) => item.id),
      digests,
    )
    for (const digest of [digests[0], digests[0]?.replace(':', '%3A')]) {
      assert.equal((await get(`${at}/artifacts/${digest}`)).json.id, digests[0])
      assert.equal((await get(`${at}/artifacts/${digest}/vulnerabilities`)).status, 200)
    }
  })
}

const orders: Record<string, readonly string[]> = {
  '/repositories': ['lastPush', 'lastPull', 'artifactCount', 'pullCount', 'pushCount'].flatMap((o) => [o, `-${o}`]),
  '/artifacts': [
    ...['pullCount', 'pushCount', 'lastPush', 'lastPull', 'lastScan', 'vulnTotalCount', 'vulnFixableCount'],
  ].flatMap((o) => [o, `-${o}`]),
  '/repositories/team%2Fapp/artifacts': [
    ...['lastPush', 'lastPull', 'lastScan', 'pullCount', 'pushCount'],
    ...['vulnMaxSeverity', 'vulnTotalScore', 'vulnTotalCount', 'vulnFixableCount'],
  ].flatMap((o) => [o, `-${o}`]),
}
for (const [list, all] of Object.entries(orders)) {
  test(`${list}: every documented order, unknown parameters are ignored`, async () => {
    for (const orderBy of all) {
      const answer = await get(`/registries/${id}${list}?orderBy=${orderBy}&depth=1&maxResults=5`)
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.json.items.length, list === '/artifacts' ? 3 : 2)
    }
  })
}

const refused = [
  { path: '/repositories?orderBy=-name', says: /orderBy is not valid: it must be one of -lastPush, lastPush/ },
  { path: '/artifacts?orderBy=vulnMaxSeverity', says: /orderBy is not valid/ },
  { path: '/repositories?limit=0', says: /limit is not valid: it must be >= 1/ },
  { path: '/repositories?limit=1001', says: /limit is not valid: it must be <= 1000/ },
  { path: '/artifacts?offset=-1', says: /offset is not valid: it must be >= 0/ },
  { path: '/artifacts?limit=many', says: /limit is not valid: it must be integer/ },
  { path: '/artifacts?offset=1&offset=2', says: /offset is not valid/ },
  {
    path: '/repositories?filter.vulnerabilitySeverity=awful',
    says: /"awful" is not valid: write one of unknown, none/,
  },
  { path: `/repositories?filter.name=${'x'.repeat(257)}`, says: /filter.name is not valid/ },
  { path: '/repositories?filter.name=%00', says: /U\+0000/ },
  { path: '/repositories/a%00b', says: /U\+0000/ },
  { path: `/artifacts?filter.vulnerabilityId=${'x'.repeat(65)}`, says: /filter.vulnerabilityId is not valid/ },
]
for (const { path, says } of refused) {
  test(`${path.slice(0, 60)} is refused`, async () => isError(await get(`/registries/${id}${path}`), 400, says))
}

const absent = [
  '/repositories/nothing',
  '/repositories/NOT%20A%20NAME',
  '/repositories/nothing/artifacts',
  '/repositories/team%2Fapp/artifacts/sha256:00',
  '/repositories/team%2Fapp/artifacts/latest',
  '/repositories/team%2Fapp/artifacts/latest/vulnerabilities',
  '/repositories/nothing/artifacts/sha256:00/vulnerabilities',
]
for (const path of absent) {
  test(`${path} is absent, and to others so is the registry`, async () => {
    isError(await get(`/registries/${id}${path}`), 404, /does not exist in this/)
    isError(await api.call('GET', `/registries/${id}${path}`, { as: 'owner@2' }), 404, /^registry .* does not exist$/)
  })
}

test('filters: by part of a name, by severity, by a vulnerability that was found nowhere', async () => {
  const names = async (query: string) =>
    (await get(`/registries/${id}/repositories?${query}`)).json.items.map((item: { id: string }) => item.id)
  assert.deepEqual(await names('filter.name=APP'), ['team/app'])
  assert.deepEqual(await names('filter.vulnerabilitySeverity=Critical'), [])
  assert.deepEqual((await get(`/registries/${id}/artifacts?filter.vulnerabilityId=CVE-2024-3094`)).json.items, [])
})

test('deleting a repository: who only reads may not; then it is gone, and only it', async () => {
  const at = `/registries/${id}/repositories`
  await data.push(internalId, 'dev/tests', 'one')
  await data.push(internalId, 'dev/tests/more', 'one')
  const refusal = await api.call('DELETE', `${at}/dev%2Ftests`, { as: 'member@1' })
  isError(refusal, 403, /Manage Registry/)
  isError(await api.call('DELETE', `${at}/dev%2Ftests`, { as: 'owner@2' }), 404)
  isError(await api.call('DELETE', `${at}/dev%2Ftests`, { as: null }), 401)
  const answer = await api.call('DELETE', `${at}/dev/tests`, { as: 'manager@1' })
  assert.deepEqual([answer.status, answer.text], [204, ''])
  isError(await get(`${at}/dev%2Ftests`), 404)
  isError(await api.call('DELETE', `${at}/dev%2Ftests`), 404)
  assert.equal((await get(`${at}/dev%2Ftests%2Fmore`)).status, 200)
})

test('what a scan finds is shown', async () => {
  const digest = await data.push(internalId, 'scanned', 'one')
  const at = Date.UTC(2026, 5, 1)
  await writeScan(api.metadata, digest, at, { maxSeverity: 'critical', scoreTenths: 3_894, count: 57, fixable: 12 })
  const { json } = await get(`/registries/${id}/repositories/scanned/artifacts/${digest}`)
  const { lastScannedAt, vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount } = json.metadata
  assert.deepEqual(
    [lastScannedAt, vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount],
    ['2026-06-01T00:00:00Z', 'critical', 389.4, 57, 12],
  )
  assert.equal((await get(`/registries/${id}/repositories/scanned`)).json.metadata.lastSeverity, 'critical')
})

test('a wrong method names the right ones', async () => {
  const answer = await api.call('PUT', `/registries/${id}/repositories/team%2Fapp`)
  isError(answer, 405, /allowed: GET, HEAD, DELETE/)
})

test('keys: one that only reads deletes nothing, one for other registries sees nothing', async (t) => {
  const world = await AuthWorld.open()
  t.after(() => world[Symbol.asyncDispose]())
  const { metadata } = world.first
  const openMetadata = async () => ({ metadata, [Symbol.asyncDispose]: async () => {} })
  const real = await openManagement({ auth: world.auth, openMetadata })
  t.after(() => real[Symbol.asyncDispose]())
  await world.user(1, 'ann@one.example', { role: 'owner' })
  const bearer = (key: string) => ({ as: null, headers: { authorization: `Bearer ${key}` } })
  const owner = bearer((await world.apiKey(1, 'ann@one.example')).text)
  const made = await real.call('POST', '/registries', {
    ...owner,
    body: { properties: { name: 'acme', location: 'de/fra' } },
  })
  const row = await metadata.read((sql) => sql.get<{ id: number }>`SELECT id FROM registries WHERE name = 'acme'`)
  await dataPlaneOn(metadata).push(row?.id ?? 0, 'app', 'one')
  const at = `/registries/${made.json.id}/repositories/app`
  const readOnly = bearer((await world.apiKey(1, 'ann@one.example', { readOnly: true })).text)
  const elsewhere = bearer((await world.apiKey(1, 'ann@one.example', { registryIds: [0] })).text)
  assert.equal((await real.call('GET', at, readOnly)).status, 200)
  isError(await real.call('DELETE', at, readOnly), 403, /may only read/)
  for (const method of ['GET', 'DELETE'] as const) isError(await real.call(method, at, elsewhere), 404, /registry/)
  assert.equal((await real.call('DELETE', at, owner)).status, 204)
})
