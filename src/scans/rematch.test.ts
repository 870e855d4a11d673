import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Record as AdvisoryRecord } from '../../test/support/advisory-fixture.ts'
import { score } from '../../test/support/advisory-fixture.ts'
import type { ScanWorld } from '../../test/support/scan-world.ts'
import { dpkgStatus, failures, OS_RELEASE, openScanWorld, owner } from '../../test/support/scan-world.ts'
import type { Digest } from '../domain/digest.ts'
import type { HistoryEntry } from './history.ts'
import type { Report } from './report.ts'

/** Of random histories; more on demand. */
const RUNS = Number(process.env['REMATCH_RUNS'] ?? 2)
const STEPS = Number(process.env['REMATCH_STEPS'] ?? 14)
const DAY = 24 * 3_600_000
const NAMES = ['a', 'b', 'c', 'd', 'e']

type Random = (below: number) => number

/** Source: mulberry32. */
function randomFrom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const record = (id: number, random: Random): AdvisoryRecord => ({
  id: `CVE-2026-000${id}`,
  ecosystem: 'Debian:12',
  name: NAMES[id % NAMES.length] as string,
  events: [{ introduced: '0' }, ...(random(3) === 0 ? [] : [{ fixed: `${1 + random(3)}.5-1` }])],
  scores: random(4) === 0 ? [] : [score(1 + random(9))],
  ...(random(6) === 0 ? { status: 'not_affected' as const } : {}),
  ...(random(5) === 0 ? { versions: ['not-a-version', '2-1'] } : {}),
})

const packagesOf = (random: Random) => NAMES.filter(() => random(3) > 0).map((name) => `${name} ${1 + random(3)}-1`)

for (let seed = 1; seed <= RUNS; seed += 1)
  test(`rematch: what changed packages alone tell is what the whole tells, history ${seed}`, async () => {
    const random = randomFrom(seed)
    await using world = await openScanWorld()
    failures.length = 0
    const records = new Map<number, AdvisoryRecord>()
    const seen = new Map<Digest, Report>()
    const push = async () => {
      const { digest } = await world.image('team/app', [[OS_RELEASE, dpkgStatus('base 1-1', ...packagesOf(random))]])
      await world.work() // the base of its history
      if (!seen.has(digest)) seen.set(digest, await world.report('team/app', digest))
    }
    const change = () => {
      const id = random(8)
      if (random(3) === 0) records.delete(id)
      else records.set(id, record(id, random))
    }
    const publish = () => world.publish({ records: [QUIET, ...records.values()] })
    await publish()
    for (let count = 0; count < 3; count += 1) await push()
    for (let step = 0; step < STEPS; step += 1) {
      const what = random(12)
      if (what === 0) await push()
      else if (what === 1) await sleep(world, seen)
      else {
        for (let count = 0; count <= random(3); count += 1) change()
        await publish()
      }
      if (random(3) > 0) continue // several snapshots before anybody looks
      await world.work()
      for (const [digest, first] of seen) await compare(world, digest, first)
    }
    assert.deepEqual(failures, [])
  })

test('rematch: advisories that come in the middle of one leave no image behind', async () => {
  await using world = await openScanWorld()
  failures.length = 0
  await world.publish({ records: [QUIET] })
  const digests: Digest[] = []
  for (const name of ['a', 'b'])
    digests.push((await world.image('team/app', [[OS_RELEASE, dpkgStatus(`${name} 1-1`)]])).digest)
  await world.work()
  const on = (name: string, id: string) => ({ id, ecosystem: 'Debian:12', name, events: [{ introduced: '0' }] })
  const first = { records: [QUIET, on('a', 'CVE-2026-1')] }
  const second = { records: [...first.records, on('b', 'CVE-2026-2')] }
  await world.publish(first)
  const { snapshot } = JSON.parse((await waiting(world))?.payload ?? '{}') as { snapshot: string }
  const read = world.metadata.read
  let isSecond = false
  // Between what is read of an image and what is written of it.
  world.metadata.read = async (fn) => {
    const result = await read.call(world.metadata, fn)
    if (
      !isSecond &&
      Array.isArray(result) &&
      result.some((one) => one !== null && typeof one === 'object' && 'verdicts' in one)
    ) {
      isSecond = true
      await world.publish(second)
    }
    return result as never
  }
  const signal = new AbortController().signal
  await world.scans.handlers['rematch']?.run({ payload: { snapshot }, number: 1, isLast: false, signal })
  assert.ok(isSecond)
  const found = async (digest: Digest) => (await world.report('team/app', digest)).findings.map(({ id }) => id)
  assert.deepEqual(await found(digests[0] as Digest), ['CVE-2026-1'])
  await world.work()
  assert.deepEqual(await Promise.all(digests.map(found)), [['CVE-2026-1'], ['CVE-2026-2']])
})

async function waiting({ metadata }: ScanWorld) {
  return await metadata.read((sql) => sql.get<{ payload: string }>`SELECT payload FROM jobs WHERE kind = 'rematch'`)
}

const QUIET = { id: 'CVE-2025-1', ecosystem: 'Debian:12', name: 'quiet' }

/** Nobody is watched any more, until some are pulled. */
async function sleep(world: ScanWorld, seen: ReadonlyMap<Digest, Report>): Promise<void> {
  world.clock.now += 31 * DAY
  await world.work()
  for (const digest of seen.keys()) await world.pull('team/app', digest)
}

/** Judged as a whole nothing is different, and what its history tells leads from its first report to this one. */
async function compare(world: ScanWorld, digest: Digest, first: Report): Promise<void> {
  const place = { registryId: world.registryId, repository: 'team/app', digest }
  const before = await stateOf(world, digest)
  const history = await world.scans.history(owner, place, { before: null, limit: 200 })
  assert.deepEqual(replayed(first, history.toReversed()), toldBy(before.report), 'the history leads elsewhere')
  await world.scans.scan(owner, place)
  await world.work()
  assert.deepEqual(await stateOf(world, digest), before)
  assert.equal((await world.scans.history(owner, place, { before: null, limit: 200 })).length, history.length)
}

async function stateOf(world: ScanWorld, digest: Digest) {
  const report = await world.report('team/app', digest)
  const rows = await world.metadata.read(async (sql) => ({
    counts: await sql.get`
      SELECT c.traits & 12 AS traits, c.max_severity, c.score_tenths, c.finding_count, c.fixable_count
        FROM manifest_counters c JOIN manifests m ON m.id = c.manifest_id WHERE m.digest = ${digest}`,
    names: await sql.all`
      SELECT v.vulnerability FROM image_vulnerabilities v JOIN manifests m ON m.id = v.manifest_id
       WHERE m.digest = ${digest} ORDER BY v.vulnerability`,
  }))
  return { report: { ...report, scannedAt: null, snapshot: null }, ...rows }
}

type Told = Pick<HistoryEntry['appeared'][number], 'id' | 'severity' | 'score'> & { readonly package: string }

function toldBy({ status, findings }: Report) {
  const told = findings.map(({ id, severity, score: value, package: { type, namespace, name, version } }) => ({
    ...{ id, severity, score: value, package: `${type} ${namespace}/${name} ${version}` },
  }))
  return [status, sorted(told)]
}

function replayed(first: Report, entries: readonly HistoryEntry[]) {
  const [status, told] = toldBy(first) as [Report['status'], Told[]]
  const all = new Map(told.map((one) => [`${one.id} ${one.package}`, one]))
  let now = status
  for (const { appeared, vanished, rescored, status: other } of entries) {
    for (const { id, package: one } of vanished)
      assert.ok(all.delete(`${id} ${one}`), `${id} vanished and was not there`)
    for (const one of appeared) {
      assert.ok(!all.has(`${one.id} ${one.package}`), `${one.id} appeared and was there`)
      all.set(`${one.id} ${one.package}`, plain(one))
    }
    for (const one of rescored) all.set(`${one.id} ${one.package}`, plain(one))
    now = other?.to ?? now
  }
  return [now, sorted([...all.values()])]
}

function plain({ id, severity, score: value, package: one }: Told): Told {
  return { id, severity, score: value, package: one }
}

function sorted(told: readonly Told[]): Told[] {
  return told.toSorted((a, b) => (`${a.id} ${a.package}` < `${b.id} ${b.package}` ? -1 : 1))
}
