import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FeedServer, kevOf, secdbOf } from '../support/feed-server.ts'
import { ScanServer } from '../support/scan-server.ts'
import { until } from '../support/tools.ts'

// Advisories that come by themselves, from a mirror that first has nothing, through the whole server.

const HOUR = 3_600_000
const OS = { path: 'etc/os-release', content: 'ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n' }
const APK = { path: 'lib/apk/db/installed', content: 'P:main-p0\nV:1-r0\nA:x86_64\no:main-p0\n\n' }
const SOURCES = ['alpine:v3.20', 'epss', 'kev']

let mirror: FeedServer
let server: ScanServer
let report: string
const said: string[] = []
const hear = (_facts: object, message: string) => void said.push(message)

interface Asked {
  name: string
  lastError: string | null
  failures: number
  records: number | null
  stale: boolean
}
const sources = async (isAsWanted: (items: Asked[]) => boolean): Promise<Asked[]> =>
  (await server.see('/api/v1/advisories/sources', ({ items }) => isAsWanted(items))).items
const heard = (what: RegExp) =>
  until(
    () => what.test(said.join('\n')),
    () => said.join('\n'),
    60_000,
  )
const later = async (ms: number) => {
  server.clock.now += ms
  await server.tick()
}

before(async () => {
  mirror = await FeedServer.open()
  server = await ScanServer.open(
    {
      ENTREPOT_ADVISORY_SOURCES: 'auto',
      ENTREPOT_ADVISORY_MIRROR: mirror.url,
      ENTREPOT_EGRESS_ALLOW: '127.0.0.1',
      ENTREPOT_MIN_FREE_BYTES: '0',
    },
    { debug() {}, info: hear, warn: hear, error: hear },
  )
  await server.makeOperator()
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await mirror[Symbol.asyncDispose]()
})

test('nobody is asked anything before an image is scanned', async () => {
  await later(HOUR)
  assert.deepEqual(await sources(() => true), [])
  const { snapshot, stale } = await server.get('/api/v1/advisories')
  assert.deepEqual([snapshot, stale, mirror.asked], [null, true, []])
})

test('without a network an image is Unknown with that reason, never clean; operators see what failed', async () => {
  const registry = await server.registry('acme', { features: { vulnerabilityScanning: { enabled: true } } })
  const digest = await server.image('acme/team/app', 'v1', [OS, APK])
  const artifact = `/registries/${registry}/repositories/team%2Fapp/artifacts/${digest}`
  report = `/api/v1${artifact}/report`
  const { status, reason, snapshot } = await server.see(report, ({ scannedAt }) => scannedAt !== null)
  assert.deepEqual([status, snapshot], ['unknown', null])
  assert.match(reason, /has no advisories yet/)
  const { metadata } = await server.get(artifact)
  assert.deepEqual([metadata.vulnMaxSeverity, metadata.vulnTotalCount], [null, null])
  await later(0)
  const asked = await sources((items) => items.length === 3 && items.every(({ failures }) => failures === 1))
  assert.deepEqual(
    asked.map(({ name }) => name),
    SOURCES,
  )
  for (const { lastError } of asked) assert.match(lastError ?? '', /the answer is 404/)
  await heard(/could not be fetched: .*Closed networks have ENTREPOT_ADVISORY_MIRROR/)
})

test('once they can be had, findings appear without a push; one that still fails keeps back nobody', async () => {
  mirror.files = {
    '/kev.json': kevOf(['CVE-2026-10001']),
    '/alpine/v3.20/main.json': secdbOf('v3.20', 'main', 120),
    '/alpine/v3.20/community.json': secdbOf('v3.20', 'community', 2),
  }
  await later(3 * 60_000)
  const { findings, snapshot } = await server.see(report, ({ status }) => status === 'scanned')
  assert.deepEqual(
    findings.map(({ id, fixedVersion }: { id: string; fixedVersion: string }) => [id, fixedVersion]),
    [['CVE-2026-10001', '2-r0']],
  )
  const asked = await sources((items) => items.some(({ records }) => records !== null))
  assert.deepEqual(
    asked.map(({ name, records, failures, stale }) => [name, records, failures, stale]),
    [
      ['alpine:v3.20', 122, 0, false],
      ['epss', null, 2, false],
      ['kev', 1, 0, false],
    ],
  )
  const known = await server.get('/api/v1/advisories')
  assert.deepEqual([known.snapshot, known.stale, known.sources.length], [snapshot, false, 2])
})

test('what is unchanged makes no new snapshot, and is heard of', async () => {
  const { snapshot } = await server.get('/api/v1/advisories')
  mirror.asked.length = 0
  await later(7 * HOUR)
  const heard = ({ sources: held }: { sources: { name: string; checkedAt: string }[] }) =>
    held.every(({ checkedAt }) => Date.parse(checkedAt) === server.clock.now)
  const after = await server.see('/api/v1/advisories', heard)
  assert.equal(after.snapshot, snapshot)
  assert.equal(mirror.asked.length, 4)
})

test('a list that is nearly empty is refused, unless an operator forces it', async () => {
  mirror.files['/alpine/v3.20/main.json'] = secdbOf('v3.20', 'main', 1)
  await later(7 * HOUR)
  const [alpine] = await sources(([first]) => first?.lastError !== null)
  assert.match(alpine?.lastError ?? '', /would have 3 records where 122 are known.*fetch "alpine:v3.20" --force/)
  assert.equal((await server.get(report)).findings.length, 1)
  const body = { sources: ['alpine:v3.20'], force: true }
  const forced = await server.call('POST', '/api/v1/advisories/fetch', body)
  assert.deepEqual([forced.status, forced.json], [202, { sources: ['alpine:v3.20'] }])
  await sources(([first]) => first?.records === 3 && first.lastError === null)
  const unknown = await server.call('POST', '/api/v1/advisories/fetch', { sources: ['osv:npm'] })
  assert.equal(unknown.status, 404)
  assert.match(unknown.json.detail, /"osv:npm" is no source that is fetched here; these are: kev, epss, alpine:v3.20/)
})

test('when the publisher is silent for long, log, lists, metrics and reports say so', async () => {
  mirror.files = {}
  await later(80 * HOUR)
  await sources((items) => items.every(({ stale, failures }) => stale && failures > 0))
  await server.tick()
  await heard(/advisories are stale: alpine:v3\.20 was not heard of for 80 hours/)
  const { status, stale } = await server.get(report)
  assert.equal(status, 'scanned')
  assert.match(stale, /nothing was heard of .*alpine:v3\.20 for 80 hours.*epss for 94 hours/)
  assert.equal((await server.get('/api/v1/advisories')).stale, true)
  const metrics = (await server.call('GET', '/metrics')).text
  assert.match(metrics, /entrepot_advisory_source_stale\{source="alpine:v3\.20"\} 1/)
  assert.match(metrics, /entrepot_advisory_source_age_seconds\{source="kev"\} 288000/)
  assert.match(metrics, /entrepot_advisory_source_failures\{source="epss"\} [1-9]/)
})
