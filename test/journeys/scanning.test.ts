import assert from 'node:assert/strict'
import { test } from 'node:test'
import { daySuite } from '../support/day-suite.ts'
import type { Reply } from '../support/scan-server.ts'
import { ScanServer } from '../support/scan-server.ts'
import { dpkgStatus, OS_RELEASE } from '../support/scan-world.ts'

daySuite('SQLite', async () => ({ env: {}, [Symbol.asyncDispose]: async () => {} }))

const CRITICAL = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1')]
const NOTHING = [OS_RELEASE, dpkgStatus('bash 5.2-1')]

test('scanning is switched on for what is there, by PATCH or PUT, and never off again', async () => {
  await using server = await ScanServer.open()
  await server.import('2-published.json')
  await server.tick()
  const off = { features: { vulnerabilityScanning: { enabled: false } } }
  const on = { features: { vulnerabilityScanning: { enabled: true } } }
  for (const [name, switchOn] of [
    ['patched', (id: string) => server.call('PATCH', `/registries/${id}`, on)],
    [
      'put',
      (id: string) =>
        server.call('PUT', `/registries/${id}`, { properties: { name: 'put', location: 'de/fra', ...on } }),
    ],
  ] as const) {
    const id = await server.registry(name, off)
    const digest = await server.image(`${name}/app`, 'v1', CRITICAL)
    const short = await server.image(`${name}/a`, 'v1', CRITICAL)
    const at = (repository: string, one: string) => `/registries/${id}/repositories/${repository}/artifacts/${one}`
    const report = await server.get(`/api/v1${at('app', digest)}/report`)
    assert.deepEqual(
      [report.status, report.reason, report.scannedAt],
      ['unknown', 'its registry has vulnerability scanning switched off', null],
    )
    assert.deepEqual(vulnerabilityFields(await server.get(at('app', digest))), NOT_SCANNED)
    assert.deepEqual((await server.get(`${at('app', digest)}/vulnerabilities`)).items, [])
    const byHand = await server.call('POST', `/api/v1${at('app', digest)}/scan`)
    assert.deepEqual([byHand.status, byHand.json.detail], [409, SWITCHED_OFF])

    assert.ok((await switchOn(id)).status < 300)
    await server.see(`/api/v1${at('app', digest)}/report`, ({ status }) => status === 'scanned')
    assert.deepEqual(vulnerabilityFields(await server.get(at('app', digest))), ['critical', 9.8, 1, 1, true])
    assert.equal((await server.get(`/registries/${id}/repositories/app`)).metadata.lastSeverity, 'critical')
    const never = await server.get(`/api/v1${at('a', short)}/report`)
    assert.equal(never.scannedAt, null)
    assert.match(never.reason, /shorter than 2 or longer than 255 characters are not scanned: push it under another/)
    assert.deepEqual(vulnerabilityFields(await server.get(at('a', short))), NOT_SCANNED)
    assert.equal((await server.call('POST', `/api/v1${at('a', short)}/scan`)).status, 409)

    assert.equal((await server.call('PATCH', `/registries/${id}`, on)).status, 200)
    const refused = await server.call('PATCH', `/registries/${id}`, off)
    assert.equal(refused.status, 400)
    assert.match(refused.text, /cannot be switched off again/)
  }
})

test('lists are filtered and ordered by what was found', async () => {
  await using server = await ScanServer.open()
  await server.import('1-known.json')
  await server.import('2-published.json')
  await server.tick()
  const id = await server.registry('acme')
  const pushed = {
    both: await server.image('acme/app', 'both', CRITICAL, LEFTPAD),
    nothing: await server.image('acme/app', 'nothing', NOTHING),
    medium: await server.image('acme/app', 'medium', NOTHING, LEFTPAD),
    unreadable: await server.image('acme/app', 'unreadable', [{ path: 'hello' }]),
    short: await server.image('acme/a', 'short', CRITICAL),
  }
  const names = new Map(Object.entries(pushed).map(([name, digest]) => [digest, name]))
  const scanned = ({ items }: Reply['json']) =>
    items.filter(({ metadata }: Reply['json']) => metadata.lastScannedAt !== null).length === 4
  await server.see(`/registries/${id}/artifacts`, scanned)
  const order = async (list: string, orderBy: string) => {
    const pages = []
    for (let offset = 0; offset < 6; offset += 2)
      pages.push(...(await server.get(`${list}?orderBy=${orderBy}&limit=2&offset=${offset}`)).items)
    return pages.map(({ id: digest }) => names.get(digest)).join(' ')
  }
  const all = `/registries/${id}/artifacts`
  const own = `/registries/${id}/repositories/app/artifacts`
  for (const [list, field, best] of [
    [all, 'vulnTotalCount', 'both medium nothing'],
    [all, 'vulnFixableCount', 'both medium nothing'],
    [own, 'vulnTotalCount', 'both medium nothing'],
    [own, 'vulnFixableCount', 'both medium nothing'],
    [own, 'vulnMaxSeverity', 'both medium nothing'],
    [own, 'vulnTotalScore', 'both medium nothing'],
  ] as const) {
    const down = await order(list, `-${field}`)
    assert.ok(down.startsWith(`${best} `), `${list} -${field}: ${down}`)
    assert.equal(down.split(' ').length, list === all ? 5 : 4)
    assert.equal(await order(list, field), down.split(' ').reverse().join(' '))
  }
  assert.ok((await order(all, 'lastScan')).startsWith('short '))
  const found = async (vulnerability: string) => {
    const { items } = await server.get(`${all}?filter.vulnerabilityId=${vulnerability}&orderBy=-vulnTotalCount`)
    return items.map((one: Reply['json']) => names.get(one.id))
  }
  assert.deepEqual(await found('CVE-2026-1001'), ['both', 'medium'])
  assert.deepEqual(await found('GHSA-aaaa-0001-left'), ['both', 'medium'])
  const inBoth = async (query: string) => {
    const { items } = await server.get(`${own}/${pushed.both}/vulnerabilities?${query}`)
    return items.map((one: Reply['json']) => one.id)
  }
  assert.deepEqual(await inBoth(''), ['CVE-2026-2001', 'CVE-2026-1001'])
  assert.deepEqual(await inBoth('orderBy=publishedAt&limit=1'), ['CVE-2026-1001'])
  assert.deepEqual(await inBoth('orderBy=severity&offset=1'), ['CVE-2026-2001'])
  assert.deepEqual(await inBoth('filter.severity=MEDIUM&filter.fixable=true'), ['CVE-2026-1001'])
  assert.deepEqual(await inBoth('filter.fixable=false'), [])
})

const LEFTPAD = [
  { path: 'app/node_modules/leftpad/package.json', content: JSON.stringify({ name: 'leftpad', version: '1.0.0' }) },
]
const NOT_SCANNED = [null, null, null, null, false]
const SWITCHED_OFF =
  'vulnerability scanning is switched off for this registry: switch it on (features.vulnerabilityScanning)'

function vulnerabilityFields({ metadata }: Reply['json']) {
  const { vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount, lastScannedAt } = metadata
  return [vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount, lastScannedAt !== null]
}
