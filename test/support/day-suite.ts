import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from './scan-server.ts'
import { ScanServer } from './scan-server.ts'
import { dpkgStatus, OS_RELEASE } from './scan-world.ts'

const DAY_MS = 24 * 3_600_000
const BASE = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1', 'bash 5.2-1')]
const APP = [
  { path: 'app/node_modules/leftpad/package.json', content: JSON.stringify({ name: 'leftpad', version: '1.0.0' }) },
]

/** How an operator is given the database to run on. */
export interface Database extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
}

/** A day in the life of an image, as its owner sees it: everything goes over HTTP, time is the test's. */
export function daySuite(engine: string, openDatabase: () => Promise<Database>, skip: false | string = false): void {
  test(`a day in the life of an image on ${engine}`, { skip }, async () => {
    await using database = await openDatabase()
    await using server = await ScanServer.open(database.env)
    const registry = await server.registry('acme')
    const list = `/registries/${registry}/repositories/team%2Fapp/artifacts`
    const pathsOf = (digest: string) => {
      const own = `/api/v1/registries/${registry}/repositories/team%2Fapp/artifacts/${digest}`
      return { artifact: `${list}/${digest}`, report: `${own}/report`, history: `${own}/history`, scan: `${own}/scan` }
    }
    const findings = (digest: string, wanted: readonly string[]) =>
      server.see(pathsOf(digest).report, (report) => `${report.findings.map(told)}` === `${wanted}`)

    // Pushed before anything is known: nothing is claimed.
    const digest = await server.image('acme/team/app', 'v1', BASE, APP)
    const at = pathsOf(digest)
    const first = await server.see(at.report, ({ scannedAt }) => scannedAt !== null)
    assert.equal(first.status, 'unknown')
    assert.match(first.reason, /no advisories yet/)
    assert.deepEqual(countsOf(await server.get(at.artifact)), [null, null, null, null])

    await server.import('1-known.json')
    const known = await findings(digest, ['CVE-2026-1001 medium 5.3'])
    assert.deepEqual([known.status, known.reason], ['scanned', null])
    assert.deepEqual(
      known.packages.map(({ name, version }: Reply['json']) => `${name} ${version}`),
      ['openssl 3.0.9-1', 'bash 5.2-1', 'leftpad 1.0.0'],
    )
    assert.deepEqual(countsOf(await server.get(at.artifact)), ['medium', 5.3, 1, 1])

    // Published: it appears without a push.
    await server.import('2-published.json')
    await server.tick()
    await findings(digest, ['CVE-2026-2001 critical 9.8', 'CVE-2026-1001 medium 5.3'])
    assert.deepEqual(countsOf(await server.get(at.artifact)), ['critical', 15.1, 2, 2])
    const { items } = await server.get(`/registries/${registry}/repositories?filter.vulnerabilitySeverity=critical`)
    assert.deepEqual(
      items.map(({ id }: Reply['json']) => id),
      ['team/app'],
    )
    const listed = async (id: string) =>
      (await server.get(`/registries/${registry}/artifacts?filter.vulnerabilityId=${id}`)).items.length
    assert.deepEqual([await listed('CVE-2026-2001'), await listed('CVE-2026-1002')], [1, 0])
    const { properties } = await server.get('/vulnerabilities/CVE-2026-2001')
    assert.deepEqual(
      [properties.severity, properties.score, properties.fixable, properties.affects],
      ['critical', 9.8, true, [{ type: 'deb', name: 'openssl', version: '3.0.9-1' }]],
    )

    // How urgent it is shows at once, though the verdict is the same.
    const urgency = ({ findings: [first] }: Reply['json']) =>
      `${first.knownExploitedSince} ${first.epss?.probability} ${/known to be exploited/.test(first.recommendations[0])}`
    assert.equal(urgency(await server.get(at.report)), 'null undefined false')
    for (const [file, told] of [
      ['epss.csv', 'null 0.91 false'],
      ['kev.json', '2026-02-02T00:00:00.000Z 0.91 true'],
    ] as const) {
      await server.import(file)
      await server.tick()
      await server.see(at.report, (report) => report.upToDate && urgency(report) === told)
    }

    await server.import('3-downgraded.json')
    await server.tick()
    await findings(digest, ['CVE-2026-2001 high 7.5', 'CVE-2026-1001 medium 5.3'])
    assert.deepEqual(countsOf(await server.get(at.artifact)), ['high', 12.8, 2, 2])

    await server.import('4-withdrawn.json')
    await server.tick()
    await findings(digest, ['CVE-2026-1001 medium 5.3'])
    assert.deepEqual(countsOf(await server.get(at.artifact)), ['medium', 5.3, 1, 1])
    assert.deepEqual((await server.get(at.history)).items.map(changes), [
      ['- CVE-2026-2001: withdrawn'],
      ['CVE-2026-2001: 9.8 critical → 7.5 high, by osv:DEBIAN'],
      ['+ CVE-2026-2001'],
      ['unknown → scanned'],
    ])

    // 31 days later there is news, and an image that is in use; the first one was not touched.
    server.clock.now += 31 * DAY_MS
    const inUse = await server.image('acme/team/app', 'v2', BASE)
    await findings(inUse, [])
    await server.import('5-another.json')
    await server.tick()
    await findings(inUse, ['CVE-2026-2002 high 7.5'])
    const asleep = await findings(digest, ['CVE-2026-1001 medium 5.3'])
    assert.equal(asleep.upToDate, false)
    assert.match(asleep.problems.at(-1).reason, /neither pushed nor pulled for 30 days.*a pull brings it back/)
    assert.equal((await server.call('GET', '/v2/acme/team/app/manifests/v1')).status, 200)
    await server.tick()
    const awake = await findings(digest, ['CVE-2026-2002 high 7.5', 'CVE-2026-1001 medium 5.3'])
    assert.deepEqual(awake.problems, [])
    await server.see(at.report, ({ upToDate }) => upToDate)
    assert.deepEqual((await server.get(at.history)).items.map(changes)[0], ['+ CVE-2026-2002'])

    const byHand = await server.call('POST', at.scan)
    assert.equal(byHand.status, 202, byHand.text)
    server.clock.now += 1_000
    const { scannedAt } = await server.get(at.report)
    await server.call('POST', at.scan)
    await server.see(at.report, (report) => report.scannedAt > scannedAt)
    const audited = (await server.get('/api/v1/audit?action=artifact.scan')).items
    assert.deepEqual(
      audited.map(({ actor, subject }: Reply['json']) => `${actor} ${subject}`),
      Array(2).fill(`ann@example.com team/app@${digest}`),
    )
  })
}

function told({ id, severity, score }: Reply['json']): string {
  return `${id} ${severity} ${score}`
}

function countsOf({ metadata }: Reply['json']) {
  const { vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount } = metadata
  return [vulnMaxSeverity, vulnTotalScore, vulnTotalCount, vulnFixableCount]
}

function changes({ status, appeared, vanished, rescored }: Reply['json']): string[] {
  return [
    ...(status === null ? [] : [`${status.from} → ${status.to}`]),
    ...appeared.map(({ id }: Reply['json']) => `+ ${id}`),
    ...vanished.map(({ id, why }: Reply['json']) => `- ${id}: ${why}`),
    ...rescored.map(
      ({ id, before, score, severity, why }: Reply['json']) =>
        `${id}: ${before.score} ${before.severity} → ${score} ${severity}, by ${why}`,
    ),
  ]
}
