import assert from 'node:assert/strict'
import { test } from 'node:test'
import { score } from '../../test/support/advisory-fixture.ts'
import type { ScanWorld } from '../../test/support/scan-world.ts'
import { dpkgStatus, OS_RELEASE, openScanWorld, owner } from '../../test/support/scan-world.ts'

const openssl = (id: string, fixed: string, value: number) => ({
  id,
  ecosystem: 'Debian:12',
  name: 'openssl',
  events: [{ introduced: '0' }, { fixed }],
  scores: [score(value)],
})
const RECORDS = [openssl('CVE-2026-0001', '3.0.11-1', 9.8), openssl('CVE-2026-0002', '3.0.13-1', 5)]
const OLD = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1', 'bash 5.2-1')]
const NEW = [OS_RELEASE, dpkgStatus('openssl 3.0.12-1')]

const at = (world: ScanWorld, digest: string) => ({ registryId: world.registryId, repository: 'team/app', digest })

test('report: of an image, in short and with what to upgrade to, under its tag, too', async () => {
  await using world = await openScanWorld()
  await world.publish({ records: RECORDS })
  const { digest } = await world.image('team/app', [OLD], { tag: 'v1' })
  const before = await world.scans.report(owner, at(world, 'v1'))
  assert.deepEqual([before.digest, before.upToDate, before.os], [digest, false, null])
  await world.work()
  const report = await world.scans.report(owner, at(world, 'v1'))
  assert.deepEqual(
    [report.digest, report.status, report.upToDate, report.advisories?.id === report.snapshot],
    [digest, 'scanned', true, true],
  )
  assert.deepEqual(
    [report.os?.name, report.os?.endOfLife, report.images],
    ['Debian GNU/Linux 12 (bookworm)', Date.UTC(2028, 6) - 1, []],
  )
  assert.deepEqual(report.counts, { critical: 1, high: 0, medium: 1, low: 0, none: 0, unknown: 0 })
  assert.deepEqual(
    report.upgrades.map(({ package: one, to, mends, severity }) => [one.name, one.version, to, mends, severity]),
    [['openssl', '3.0.9-1', '3.0.13-1', ['CVE-2026-0001', 'CVE-2026-0002'], 'critical']],
  )
  await world.publish({ records: [] })
  assert.equal((await world.scans.report(owner, at(world, 'v1'))).upToDate, false)
  await assert.rejects(world.scans.report(owner, at(world, 'v2')), {
    kind: 'not_found',
    message: 'tag "v2" does not exist in this repository',
  })
})

test('report: of an index, worst first, each image in short with its platform, and how they changed', async () => {
  await using world = await openScanWorld()
  await world.publish({ records: RECORDS })
  const arm = await world.image('team/app', [NEW])
  const amd = await world.image('team/app', [OLD])
  const platforms = { [arm.digest]: 'linux/arm64/v8', [amd.digest]: 'linux/amd64' }
  const digest = await world.index('team/app', [arm.digest, amd.digest], { tag: 'v1', platforms })
  await world.work()
  const report = await world.scans.report(owner, at(world, 'v1'))
  assert.deepEqual(
    report.images.map(({ digest: one, platform, status, packages, counts: { critical, medium } }) => [
      ...[one, platform, status, packages, critical, medium],
    ]),
    [
      [arm.digest, 'linux/arm64/v8', 'scanned', 1, 0, 1],
      [amd.digest, 'linux/amd64', 'scanned', 2, 1, 1],
    ],
  )
  assert.deepEqual(
    report.findings.map(({ id, package: { version } }) => [id, version]),
    [
      ['CVE-2026-0001', '3.0.9-1'],
      ['CVE-2026-0002', '3.0.12-1'],
      ['CVE-2026-0002', '3.0.9-1'],
    ],
  )
  assert.equal(report.upToDate, true)
  await world.publish({ records: RECORDS.slice(1) })
  await world.work()
  const history = await world.scans.history(owner, at(world, digest), { before: null, limit: 10 })
  assert.deepEqual(
    history.map(({ digest: one, vanished }) => [one, vanished.map(({ id, why }) => `${id} ${why}`)]),
    [[amd.digest, ['CVE-2026-0001 withdrawn']]],
  )
})

test('report: an index is scanned again with all its images', async () => {
  await using world = await openScanWorld()
  await world.publish({ records: RECORDS })
  const image = await world.image('team/app', [OLD])
  await world.index('team/app', [image.digest], { tag: 'v1' })
  await world.work()
  const before = await world.scans.report(owner, at(world, 'v1'))
  world.clock.now += 60_000
  await world.scans.scan(owner, at(world, 'v1'))
  await world.work()
  const after = await world.scans.report(owner, at(world, 'v1'))
  for (const which of [(one: typeof before) => one.scannedAt, (one: typeof before) => one.images[0]?.scannedAt])
    assert.ok((which(after) ?? 0) >= (which(before) ?? 0) + 60_000)
})
