import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { score } from './advisory-fixture.ts'
import type { OpenMetadata } from './management.ts'
import { actor } from './management.ts'
import { OPENSSL, scanTests } from './scan-tests.ts'
import type { ScanWorld } from './scan-world.ts'
import { dpkgStatus, OS_RELEASE, owner } from './scan-world.ts'

const DAY = 24 * 3_600_000
const ZLIB = {
  id: 'CVE-2026-0002',
  ecosystem: 'Debian:12',
  name: 'zlib',
  events: [{ introduced: '0' }],
  scores: [score(5)],
}
const BASE = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1', 'bash 5.2-1')]

/** What scans do on a database. */
export function scansSuite(engine: string, openMetadata: OpenMetadata, skip: false | string = false): void {
  const on = scanTests(engine, openMetadata, skip)

  on('a push yields a true report, with counts in lists', async (world) => {
    await world.publish({ records: [OPENSSL, ZLIB] })
    const { digest, layers } = await world.image('team/app', [
      BASE,
      [dpkgStatus('openssl 3.0.9-1', 'bash 5.2-1', 'zlib 1.2-1')],
    ])
    assert.deepEqual(await statusOf(world, digest), ['unknown', 'it is not scanned yet'])
    await world.work()
    const report = await world.report('team/app', digest)
    assert.deepEqual(
      report.findings.map(({ id, severity, score: value, fixedVersion, package: { name, version, layer } }) => [
        ...[id, severity, value, fixedVersion, name, version, layer],
      ]),
      [
        ['CVE-2026-0001', 'critical', 9.8, '3.0.11-1', 'openssl', '3.0.9-1', layers[0]],
        ['CVE-2026-0002', 'medium', 5, null, 'zlib', '1.2-1', layers[1]],
      ],
    )
    assert.deepEqual([report.status, report.reason], ['scanned', null])
    assert.deepEqual(
      report.packages.map(({ name, path }) => [name, path]),
      ['openssl', 'bash', 'zlib'].map((name) => [name, 'var/lib/dpkg/status']),
    )
    const { artifact } = await world.contents.getArtifact(owner, {
      registryId: world.registryId,
      repository: 'team/app',
      digest,
    })
    assert.deepEqual(artifact.findings, { maxSeverity: 'critical', totalScore: 14.8, count: 2, fixable: 1 })
    const { repository } = await world.contents.getRepository(owner, world.registryId, 'team/app')
    assert.equal(repository.lastSeverity, 'critical')
    const filter = { orderBy: 'pullCount', descending: true, offset: 0, limit: 10 } as const
    const having = async (vulnerabilityId: string) =>
      (await world.contents.listArtifactsOfRegistry(owner, world.registryId, { ...filter, vulnerabilityId })).artifacts
        .length
    assert.deepEqual([await having('CVE-2026-0002'), await having('CVE-2026-0003')], [1, 0])
    const place = { registryId: world.registryId, repository: 'team/app', digest }
    const query = { orderBy: 'score', descending: false, severity: null, fixable: false, offset: 0, limit: 10 } as const
    const { vulnerabilities, more } = await world.scans.vulnerabilitiesOf(owner, place, query)
    assert.deepEqual([vulnerabilities.map(({ id }) => id), more], [['CVE-2026-0002'], false])
    const { affects, score: worst } = await world.scans.vulnerability(owner, 'CVE-2026-0001')
    assert.deepEqual([affects.map(({ name, version }) => `${name} ${version}`), worst], [['openssl 3.0.9-1'], 9.8])
    const foreign = await world.scans.vulnerability(actor(2), 'CVE-2026-0001')
    assert.deepEqual([foreign.affects, foreign.score], [[], 9.8])
    await assert.rejects(world.scans.vulnerability(owner, 'CVE-2026-0003'), { kind: 'not_found' })
    await assert.rejects(world.scans.report(actor(2), place), { kind: 'not_found' })
  })

  on('a day in the life: published, downgraded, withdrawn, asleep, brought back', async (world) => {
    const { records } = { records: [ZLIB] }
    await world.publish({ records })
    const { digest } = await world.image('team/app', [BASE])
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), [])
    await world.publish({ records: [ZLIB, OPENSSL] })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
    await world.publish({ records: [ZLIB, { ...OPENSSL, scores: [score(7.5)] }] })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 high'])
    await world.publish({ records })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), [])
    assert.deepEqual(await historyOf(world, digest), [
      { appeared: [], vanished: ['CVE-2026-0001 withdrawn'], rescored: [] },
      { appeared: [], vanished: [], rescored: ['CVE-2026-0001 9.8 → 7.5 nvd'] },
      { appeared: ['CVE-2026-0001'], vanished: [], rescored: [] },
    ])

    world.clock.now += 31 * DAY
    await world.publish({ records: [ZLIB, OPENSSL] })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), [])
    assert.match(
      (await world.report('team/app', digest)).problems.at(-1)?.reason ?? '',
      /newer advisories; a pull brings it back/,
    )
    await world.pull('team/app', digest)
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
    assert.doesNotMatch(JSON.stringify((await world.report('team/app', digest)).problems), /pull brings it back/)
  })

  on('an index in use keeps its images awake', async (world) => {
    await world.publish({ records: [ZLIB] })
    const { digest } = await world.image('team/app', [BASE])
    await world.work()
    world.clock.now += 29 * DAY
    const index = await world.index('team/app', [digest])
    await world.work()
    world.clock.now += 2 * DAY
    await world.publish({ records: [ZLIB, OPENSSL] })
    await world.work()
    for (const one of [digest, index]) assert.deepEqual(await findingsOf(world, one), ['CVE-2026-0001 critical'])
    assert.doesNotMatch(JSON.stringify((await world.report('team/app', digest)).problems), /pull brings it back/)
    world.clock.now += 31 * DAY
    await world.publish({ records: [ZLIB] })
    await world.work()
    await world.publish({ records: [{ ...ZLIB, name: 'bash' }] })
    await world.work()
    for (const one of [digest, index]) assert.deepEqual(await findingsOf(world, one), ['CVE-2026-0001 critical'])
    await world.pull('team/app', index)
    await world.work()
    for (const one of [digest, index]) assert.deepEqual(await findingsOf(world, one), ['CVE-2026-0002 medium'])
  })

  on('what is imported on the machine counts, unless it is older', async (world) => {
    await world.imported({ records: [OPENSSL] }, 2)
    const { digest } = await world.image('team/app', [BASE])
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
    await world.imported({ records: [ZLIB] }, 1)
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
    await world.imported({ records: [ZLIB] }, 3)
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), [])
  })

  on('without advisories it says so, and is judged by the first that come', async (world) => {
    const { digest } = await world.image('team/app', [BASE])
    await world.work()
    const [status, reason] = await statusOf(world, digest)
    assert.equal(status, 'unknown')
    assert.match(reason ?? '', /has no advisories yet/)
    await world.publish({ records: [OPENSSL] })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
  })

  on('an index is its images at their worst; what is no image does not count', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const bad = await world.image('team/app', [BASE])
    const good = await world.image('team/app', [[OS_RELEASE, dpkgStatus('bash 5.2-1')]])
    const signature = await world.image('team/app', [[{ path: 'x' }]], { layerType: 'application/vnd.in-toto+json' })
    const index = await world.index('team/app', [good.digest, bad.digest, signature.digest])
    await world.work()
    assert.deepEqual(await findingsOf(world, index), ['CVE-2026-0001 critical'])
    assert.deepEqual((await statusOf(world, signature.digest))[0], 'not_applicable')
    const { repository } = await world.contents.getRepository(owner, world.registryId, 'team/app')
    assert.equal(repository.lastSeverity, 'critical')
    const broken = await world.image('team/app', [BASE], { bytes: [gzipSync('no archive')] })
    const other = await world.index('team/app', [good.digest, broken.digest])
    await world.work()
    const [status, reason] = await statusOf(world, other)
    assert.equal(status, 'unknown')
    assert.ok(reason?.startsWith(`${broken.digest}: `), reason ?? '')
  })

  const strange: readonly (readonly [string, Parameters<ScanWorld['image']>[2], RegExp])[] = [
    ['an encrypted layer', { layerType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' }, /is encrypted/],
    ['a config that lies', { diffIds: ['sha256:0'] }, /config does not match its layers/],
    ['a damaged layer', { bytes: [Buffer.from([0x1f, 0x8b, 8, 0, 1])] }, /gzip/],
  ]
  for (const [name, options, why] of strange)
    on(`${name} is Unknown, with the reason`, async (world) => {
      await world.publish({ records: [OPENSSL] })
      const { digest } = await world.image('team/app', [BASE], options)
      await world.work()
      const [status, reason] = await statusOf(world, digest)
      assert.equal(status, 'unknown')
      assert.match(reason ?? '', why)
      const { artifact } = await world.contents.getArtifact(owner, {
        registryId: world.registryId,
        repository: 'team/app',
        digest,
      })
      assert.equal(artifact.findings, null)
      assert.notEqual(artifact.lastScannedAt, null)
    })

  on('turning scanning on scans what is there; short names are never scanned', async (world) => {
    await world.publish({ records: [OPENSSL] })
    await world.metadata.transact((sql) => sql.run`UPDATE registries SET scanning_enabled = 0`)
    const { digest } = await world.image('team/app', [BASE])
    const short = await world.image('a', [BASE])
    await world.work()
    assert.match((await statusOf(world, digest))[1] ?? '', /switched off/)
    await world.metadata.transact(async (sql) => {
      await sql.run`UPDATE registries SET scanning_enabled = 1`
      await world.scans.switchedOn(sql, world.internalId)
    })
    await world.work()
    assert.deepEqual(await findingsOf(world, digest), ['CVE-2026-0001 critical'])
    const { status, reason, scannedAt } = await world.report('a', short.digest)
    assert.deepEqual([status, scannedAt], ['unknown', null])
    assert.match(reason ?? '', /shorter than 2/)
  })

  on('what layers say is read once in a contract, and goes with manifests that are purged', async (world) => {
    await world.image('team/app', [BASE])
    await world.image('team/app', [BASE, [{ path: 'x' }]])
    await world.work()
    const facts = await world.metadata.read((sql) => sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM layer_facts`)
    assert.equal(facts?.n, 2)
  })
}

async function statusOf(world: ScanWorld, digest: Parameters<ScanWorld['report']>[1]) {
  const { status, reason } = await world.report('team/app', digest)
  return [status, reason] as const
}

async function findingsOf(world: ScanWorld, digest: Parameters<ScanWorld['report']>[1]): Promise<string[]> {
  const { status, reason, findings } = await world.report('team/app', digest)
  assert.equal(status, 'scanned', reason ?? '')
  return findings.map(({ id, severity }) => `${id} ${severity}`)
}

async function historyOf(world: ScanWorld, digest: string) {
  const place = { registryId: world.registryId, repository: 'team/app', digest }
  return (await world.scans.history(owner, place, { before: null, limit: 10 })).map((entry) => ({
    appeared: entry.appeared.map(({ id }) => id),
    vanished: entry.vanished.map(({ id, why }) => `${id} ${why}`),
    rescored: entry.rescored.map(({ id, before, score: now, why }) => `${id} ${before.score} → ${now} ${why.join()}`),
  }))
}
