import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Digest } from '../../src/domain/digest.ts'
import { activeSnapshot } from '../../src/metadata/tables/advisory-snapshots.ts'
import { score } from './advisory-fixture.ts'
import type { OpenMetadata } from './management.ts'
import type { Doom, RematchTask } from './rematch-process.ts'
import { scanTests } from './scan-tests.ts'
import type { ScanWorld } from './scan-world.ts'
import { dpkgStatus, OS_RELEASE, owner } from './scan-world.ts'

const PROGRAM = fileURLToPath(new URL('rematch-process.ts', import.meta.url))
/** Twenty are written by the first transaction, the rest by later ones. */
const IMAGES = 24
const LEASE_MS = 60_000
const HOUR = 3_600_000

const DEATHS: readonly (Doom & { readonly name: string; readonly isOver?: boolean })[] = [
  { name: 'the job is claimed', statement: "SET state = 'running'", time: 1, when: 'after' },
  { name: 'verdicts are written, and no image has one', statement: 'package_verdicts', time: 1, when: 'after' },
  { name: 'the first images are written, but for their history', statement: 'UPDATE scans', time: 1, when: 'within' },
  { name: 'the first images are written', statement: 'scan_history', time: 1, when: 'within' },
  { name: 'the first images are done', statement: 'UPDATE scans', time: 1, when: 'after' },
  { name: 'the next images are written', statement: 'UPDATE scans', time: 2, when: 'within' },
  { name: 'all images are done, and nobody knows', statement: 'SET rematched_at', time: 1, when: 'within' },
  { name: 'it is over, and the job is not', statement: 'SET rematched_at', time: 1, when: 'after', isOver: true },
]

/** A re-evaluation that is killed, or that is given up. */
export function rematchDeathSuite(engine: string, openMetadata: OpenMetadata, skip: false | string = false): void {
  const on = scanTests(engine, openMetadata, skip)

  on('a process that is killed while it re-evaluates leaves nothing out and tells nothing twice', async (world) => {
    await world.publish(known(0))
    const digests = await push(world)
    await world.work()
    for (const [n, { name, isOver = false, ...doom }] of DEATHS.entries()) {
      const entries = (await historiesOf(world, digests)).map(({ length }) => length)
      await world.publish(known(n + 1))
      assert.equal(await endOfProcess(world, doom), 'SIGKILL', `it lives on after ${name}`)
      assert.equal(await isRematched(world), isOver, name)
      for (const report of await reportsOn(world, digests))
        assert.ok(!report.upToDate || told(report).includes(`CVE-2026-${n + 1} 9.8`), `it looks current though ${name}`)
      world.clock.now += LEASE_MS
      await world.work()
      await checkAll(world, digests, n + 1)
      const histories = await historiesOf(world, digests)
      assert.deepEqual(
        histories.map(({ length }) => length),
        entries.map((length) => length + 1),
        name,
      )
      for (const [latest] of histories) {
        assert.deepEqual(
          latest?.appeared.map(({ id }) => id),
          [`CVE-2026-${n + 1}`],
          name,
        )
        assert.deepEqual(
          latest.vanished.map(({ id }) => id),
          [`CVE-2026-${n}`],
          name,
        )
      }
    }
    await compareWithWhole(world, digests)
  })

  on('a re-evaluation that is given up is not over: the next advisories make it good, or an hour', async (world) => {
    await world.publish(known(0))
    const digests = (await push(world)).slice(0, 2)
    await world.work()
    await world.publish(known(1))
    await giveUp(world)
    await world.scans.followImports()
    const [one] = await reportsOn(world, digests)
    assert.deepEqual([await isRematched(world), one?.upToDate, told(one)], [false, false, expected(0, 0)])

    // About something else: the packages of these images are not among what it changed.
    await world.publish({
      records: [...known(1).records, { id: 'CVE-2026-99', ecosystem: 'Debian:12', name: 'other' }],
    })
    await world.work()
    await checkAll(world, digests, 1)

    await world.publish(known(2))
    await giveUp(world)
    await world.work()
    assert.deepEqual([await isRematched(world), (await jobsOf(world)).map(({ state }) => state)], [false, ['dead']])
    world.clock.now += HOUR
    await world.scans.followImports()
    await world.work()
    await checkAll(world, digests, 2)
    assert.deepEqual(await jobsOf(world), [])

    await world.publish(known(3))
    await world.metadata.transact((sql) => sql.run`DELETE FROM jobs WHERE kind = 'rematch'`)
    await world.scans.followImports()
    await world.work()
    await checkAll(world, digests, 3)
  })
}

/** All images hold the first package, half of them the other, of which each time something else is thought. */
function known(n: number) {
  const common = { ecosystem: 'Debian:12', events: [{ introduced: '0' }] }
  return {
    records: [
      { ...common, id: `CVE-2026-${n}`, name: 'openssl', scores: [score(9.8)] },
      { ...common, id: 'CVE-2025-1', name: 'zlib', scores: [score(1 + (n % 2))] },
    ],
  }
}

function expected(n: number, image: number): string[] {
  return [`CVE-2026-${n} 9.8`, ...(image % 2 === 0 ? [`CVE-2025-1 ${1 + (n % 2)}`] : [])].sort()
}

async function push(world: ScanWorld): Promise<Digest[]> {
  const layers = [['openssl 3-1', 'zlib 1-1'], ['openssl 3-1']].map((names) => [OS_RELEASE, dpkgStatus(...names)])
  const digests: Digest[] = []
  for (let n = 0; n < IMAGES; n += 1) {
    const { digest } = await world.image('team/app', [layers[n % 2] as (typeof layers)[number]], { config: { n } })
    digests.push(digest)
  }
  return digests
}

async function endOfProcess({ at, directory, clock }: ScanWorld, doom: Doom): Promise<unknown> {
  const task: RematchTask = { at, directory, now: clock.now, doom }
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return signal
}

type Report = Awaited<ReturnType<ScanWorld['report']>>

function told(report: Report | undefined): string[] {
  return (report?.findings ?? []).map(({ id, score: value }) => `${id} ${value}`).sort()
}

function reportsOn(world: ScanWorld, digests: readonly Digest[]): Promise<Report[]> {
  return Promise.all(digests.map((digest) => world.report('team/app', digest)))
}

async function historiesOf(world: ScanWorld, digests: readonly Digest[]) {
  const { registryId } = world
  const place = { registryId, repository: 'team/app' }
  const page = { before: null, limit: 200 }
  return await Promise.all(digests.map((digest) => world.scans.history(owner, { ...place, digest }, page)))
}

/** The least that a whole evaluation would say, as the test knows it. */
async function checkAll(world: ScanWorld, digests: readonly Digest[], n: number): Promise<void> {
  const reports = await reportsOn(world, digests)
  assert.deepEqual(
    reports.map(told),
    digests.map((_, image) => expected(n, image)),
  )
  assert.ok(reports.every(({ upToDate }) => upToDate))
  assert.ok(await isRematched(world))
}

/** Judged as a whole, nothing is different, nor is there more to tell. */
async function compareWithWhole(world: ScanWorld, digests: readonly Digest[]): Promise<void> {
  const state = async () => ({
    reports: (await reportsOn(world, digests)).map((report) => ({ ...report, scannedAt: null })),
    histories: await historiesOf(world, digests),
    counters: await world.metadata.read(
      (sql) => sql.all`
        SELECT manifest_id, traits & 12 AS traits, max_severity, score_tenths, finding_count, fixable_count
          FROM manifest_counters ORDER BY manifest_id`,
    ),
    names: await world.metadata.read(
      (sql) => sql.all`SELECT manifest_id, vulnerability FROM image_vulnerabilities ORDER BY 1, 2`,
    ),
  })
  const before = await state()
  for (const digest of digests)
    await world.scans.scan(owner, { registryId: world.registryId, repository: 'team/app', digest })
  await world.work()
  assert.deepEqual(await state(), before)
}

async function isRematched({ metadata }: ScanWorld): Promise<boolean> {
  return (await metadata.read(activeSnapshot))?.is_rematched === 1
}

function jobsOf({ metadata }: ScanWorld) {
  return metadata.read((sql) => sql.all<{ state: string }>`SELECT state FROM jobs WHERE kind = 'rematch'`)
}

/** As the queue does it after the last try. */
async function giveUp({ metadata, clock }: ScanWorld): Promise<void> {
  await metadata.transact(
    (sql) =>
      sql.run`UPDATE jobs SET state = 'dead', attempts = max_attempts, run_after = ${clock.now} WHERE kind = 'rematch'`,
  )
}
