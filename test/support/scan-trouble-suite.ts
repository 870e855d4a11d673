import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Digest } from '../../src/domain/digest.ts'
import { claimJob } from '../../src/metadata/tables/job-queue.ts'
import { ANALYZER_VERSION } from '../../src/scanner/facts.ts'
import { readChildCode } from '../../src/scans/child-code.ts'
import type { ChildOptions } from '../../src/scans/run-child.ts'
import { CHILD } from '../../src/scans-of.ts'
import type { OpenMetadata } from './management.ts'
import { actor } from './management.ts'
import { artifactOf, OPENSSL, scanTests } from './scan-tests.ts'
import type { ScanWorld } from './scan-world.ts'
import { dpkgStatus, OS_RELEASE, owner } from './scan-world.ts'

const DAY = 24 * 3_600_000
const BASE = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1')]
const FOUND = ['scanned', null, ['CVE-2026-0001']]
const NOT_YET = ['unknown', 'it is not scanned yet', []]

/** What scans do when something goes wrong, or changes under them. */
export function scanTroubleSuite(engine: string, openMetadata: OpenMetadata, skip: false | string = false): void {
  const on = scanTests(engine, openMetadata, skip)
  const programs = writePrograms()
  after(() => rmSync(programs.folder, { recursive: true }))
  const tricky = (name: string, fn: (world: ScanWorld, tricks: Tricks) => Promise<void>) => {
    const tricks = openTricks(programs)
    on(name, (world) => fn(world, tricks), { child: tricks.child, onOpen: (digest) => tricks.onOpen(digest) })
  }

  tricky(
    'a process that dies or hangs costs a retry; twice, the image is Unknown until it is asked for again',
    async (world, tricks) => {
      await world.publish({ records: [OPENSSL] })
      const first = await world.image('team/app', [BASE])
      tricks.next('dies')
      await world.work()
      assert.deepEqual(await told(world, first.digest), FOUND)
      const { digest } = await world.image('team/app', [[...BASE, { path: 'x' }]])
      tricks.next('dies', 'hangs')
      await world.work()
      assert.deepEqual(await told(world, digest), ['unknown', 'reading it came no further for 1000 ms', []])
      const { findings, lastScannedAt } = await artifactOf(world, 'team/app', digest)
      assert.deepEqual([findings, lastScannedAt !== null], [null, true])
      for (const _ of [1, 2]) await world.scans.scan(owner, placeOf(world, digest))
      assert.deepEqual(await rowsOf(world), { scans: 2, jobs: 1 })
      await world.work()
      assert.deepEqual(await told(world, digest), FOUND)
    },
  )

  on('what takes longer than a scan may is given up at the second time, and tried anew a day later', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const { digest } = await world.image('team/app', [BASE])
    const { id } = (await world.metadata.read(
      (sql) => sql.get<{ id: number }>`SELECT id FROM manifests WHERE digest = ${digest}`,
    )) ?? { id: 0 }
    await world.metadata.transact((sql) => sql.run`DELETE FROM jobs`)
    const signal = AbortSignal.abort(new DOMException('', 'TimeoutError'))
    const attempt = { payload: { manifestId: id }, isLast: false, signal }
    const run = async (number: number) => await world.scans.handlers['scan']?.run({ ...attempt, number })
    await assert.rejects(run(1), { name: 'TimeoutError' })
    assert.deepEqual(await told(world, digest), NOT_YET)
    await run(2)
    assert.match(JSON.stringify(await told(world, digest)), /"unknown","reading it takes longer than a scan may/)
    world.clock.now += DAY
    await world.scans.scanMissed()
    await world.work()
    assert.deepEqual(await told(world, digest), FOUND)
  })

  on('a server that is killed in the middle: another one goes on when its lease is over', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const { digest } = await world.image('team/app', [BASE])
    await world.work({ only: 'rematch' })
    const by = { node: 'there', leaseMs: 60_000, maxOfNode: 1 }
    const job = await world.metadata.transact((sql) => claimJob(sql, by))
    assert.equal(job?.kind, 'scan')
    await world.work()
    assert.deepEqual(await told(world, digest), NOT_YET)
    world.clock.now += 60_000
    await world.work()
    assert.deepEqual(await told(world, digest), FOUND)
  })

  tricky(
    'what fails for other reasons is tried ten times, then given up with the reason, and tried anew a day later',
    async (world, tricks) => {
      await world.publish({ records: [OPENSSL] })
      const { digest } = await world.image('team/app', [BASE])
      let tries = 0
      let before: unknown[] = []
      tricks.onOpen = async () => {
        tries += 1
        before = await told(world, digest)
        throw new Error('the store does not answer')
      }
      for (let rounds = 0; rounds < 12; rounds += 1) {
        await world.work()
        world.clock.now += 900_000
      }
      assert.equal(tries, 10)
      assert.deepEqual(before, await told(world, digest), 'the last try may end the process, too')
      assert.match(String(before[1]), /it could not be scanned: .* tries again within a day/)
      tricks.onOpen = async () => {}
      await world.scans.scanMissed()
      await world.work()
      assert.notDeepEqual(await told(world, digest), FOUND)
      world.clock.now += DAY
      await world.scans.scanMissed()
      await world.work()
      assert.deepEqual(await told(world, digest), FOUND)
    },
  )

  on('what was there before this program could scan, or was read by one that knew less, is scanned', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const { digest } = await world.image('team/app', [BASE])
    const short = await world.image('a', [BASE])
    await world.metadata.transact((sql) => sql.run`DELETE FROM jobs`)
    await world.scans.scanMissed()
    await world.work()
    assert.deepEqual(await told(world, digest), FOUND)
    assert.equal((await world.report('a', short.digest)).scannedAt, null)
    await world.metadata.transact((sql) => sql.run`UPDATE scans SET analyzer_version = 0, scanned_at = 1`)
    await world.scans.scanMissed()
    await world.work()
    assert.ok(((await world.report('team/app', digest)).scannedAt ?? 0) > 1)
  })

  tricky('turning scanning on for many images lets what is pushed meanwhile pass', async (world, tricks) => {
    await world.publish({ records: [OPENSSL] })
    await world.metadata.transact((sql) => sql.run`UPDATE registries SET scanning_enabled = 0`)
    const many = Array.from({ length: 32 }, (_, number) => number)
    for (const number of many) await world.image('team/app', [BASE], { config: { number } })
    await world.metadata.transact(async (sql) => {
      await sql.run`UPDATE registries SET scanning_enabled = 1`
      await world.scans.switchedOn(sql, world.internalId)
    })
    let scans = 0
    let pushed: Digest | null = null
    const seenAt: number[] = []
    tricks.onOpen = async () => {
      scans += 1
      if (scans === 5) pushed = (await world.image('urgent', [BASE], { config: { urgent: true } })).digest
      if (pushed !== null && (await world.report('urgent', pushed)).scannedAt !== null) seenAt.push(scans)
    }
    await world.work()
    assert.ok(scans > many.length && (seenAt[0] ?? scans) < 28, `after ${seenAt[0]} of ${scans}`)
  })

  on(
    'facts stay in their contract, are told to nobody who names a digest, and are read once within it',
    async (world) => {
      const other = await world.create('other', actor(2))
      await world.publish({ records: [OPENSSL] })
      const mine = await world.image('team/app', [BASE])
      await world.image('team/copy', [BASE])
      await world.work()
      assert.deepEqual(await factsIn(world, mine.layers[0]), [1])
      // Whoever claims another's content by its diffID gets what is in the bytes, and that it does not match.
      const theirs = [OS_RELEASE, dpkgStatus('openssl 3.0.11-1')]
      const honest = await world.image('app', [theirs], { registry: other.internalId })
      const lying = await world.image('app', [theirs], { registry: other.internalId, diffIds: [mine.diffIds[0] ?? ''] })
      await world.work()
      const reportOf = (digest: Digest) =>
        world.scans.report(actor(2), { registryId: other.id, repository: 'app', digest })
      const lie = await reportOf(lying.digest)
      assert.deepEqual([lie.status, lie.reason], ['unknown', 'config does not match its layers'])
      assert.ok(!JSON.stringify(lie).includes('3.0.9-1'))
      const truth = await reportOf(honest.digest)
      assert.deepEqual([truth.status, truth.findings.length], ['scanned', 0])
      // The same bytes in another contract are read there, too.
      const same = await world.image('app', [BASE], { registry: other.internalId })
      await world.work()
      assert.equal((await reportOf(same.digest)).findings.length, 1)
      assert.deepEqual(await factsIn(world, mine.layers[0]), [1, 2])
      assert.deepEqual(await told(world, mine.digest), FOUND)
    },
  )

  tricky(
    'an image that is deleted while it is scanned leaves nothing; pushed again it is scanned again',
    async (world, tricks) => {
      await world.publish({ records: [OPENSSL] })
      const { digest } = await world.image('team/app', [BASE])
      tricks.onOpen = async () => {
        tricks.onOpen = async () => {}
        await world.delete('team/app', digest)
      }
      await world.work()
      assert.deepEqual(await rowsOf(world), { scans: 0, jobs: 0 })
      await world.image('team/app', [BASE])
      assert.deepEqual(await told(world, digest), NOT_YET)
      await world.work()
      assert.deepEqual(await told(world, digest), FOUND)
      const last = await world.image('team/app', [[...BASE, { path: 'x' }]])
      tricks.onOpen = async () => {
        tricks.onOpen = async () => {}
        await world.registries.delete(owner, world.registryId)
      }
      await world.work()
      assert.deepEqual(await rowsOf(world), { scans: 1, jobs: 0 })
      await assert.rejects(told(world, last.digest), { kind: 'not_found' })
    },
  )

  on(
    'what layers say is forgotten with them, and when a newer analyzer came; what was said of packages, too',
    async (world) => {
      await world.publish({ records: [OPENSSL] })
      const kept = await world.image('team/app', [BASE])
      const gone = await world.image('team/app', [[...BASE, { path: 'x' }]])
      await world.work()
      await world.metadata.transact(async (sql) => {
        // As the collector does it.
        await sql.run`UPDATE blobs SET state = 'deleting' WHERE digest = ${gone.layers[0] ?? ''}`
        await sql.run`
        INSERT INTO layer_facts (contract_id, digest, analyzer_version, facts, created_at)
        SELECT contract_id, digest, 0, facts, created_at FROM layer_facts WHERE digest = ${kept.layers[0] ?? ''}`
      })
      const digests = async () => {
        const rows = await world.metadata.read((sql) => sql.all`SELECT digest, analyzer_version FROM layer_facts`)
        return rows.map((row) => ({ ...(row as object) }))
      }
      await world.scans.forgetFacts()
      assert.equal((await digests()).length, 3, 'an image may come after its layers')
      world.clock.now += 8 * DAY
      await world.scans.forgetFacts()
      assert.deepEqual(await digests(), [{ digest: kept.layers[0], analyzer_version: ANALYZER_VERSION }])
      const verdicts = async () => (await world.metadata.read((sql) => sql.all`SELECT id FROM package_verdicts`)).length
      await world.scans.forgetVerdicts()
      assert.deepEqual([await verdicts(), await told(world, kept.digest)], [1, FOUND])
      await world.publish({ records: [{ ...OPENSSL, scores: [] }] })
      await world.work()
      world.clock.now += 2 * DAY
      await world.scans.forgetVerdicts()
      assert.deepEqual([await verdicts(), await told(world, kept.digest)], [1, FOUND])
    },
  )
}

/** What is done with the next blobs that are opened: by another program, or before that. */
interface Tricks {
  readonly child: ChildOptions
  /** How the processes that come next fare. */
  next(...how: ('dies' | 'hangs')[]): void
  onOpen: (digest: string) => Promise<void>
}

function openTricks(programs: ReturnType<typeof writePrograms>): Tricks {
  const coming: ('dies' | 'hangs')[] = []
  const child = { ...CHILD }
  return {
    child,
    next: (...how) => void coming.push(...how),
    onOpen: async () => void Object.assign(child, programs[coming.shift() ?? 'well']),
  }
}

function writePrograms() {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-programs-'))
  const write = (name: string, text: string, stallMs: number): ChildOptions => {
    const path = join(folder, name)
    writeFileSync(path, `export async function main() { ${text} }`)
    return { ...CHILD, code: () => readChildCode(path, []), stallMs }
  }
  return {
    folder,
    well: CHILD,
    dies: write('dies.mjs', `process.kill(process.pid, 'SIGKILL')`, CHILD.stallMs),
    hangs: write('hangs.mjs', 'setInterval(() => {}, 1e6)', 1_000),
  }
}

function placeOf(world: ScanWorld, digest: Digest) {
  return { registryId: world.registryId, repository: 'team/app', digest }
}

async function told(world: ScanWorld, digest: Digest): Promise<unknown[]> {
  const { status, reason, findings } = await world.report('team/app', digest)
  return [status, reason, findings.map(({ id }) => id)]
}

/** Of which contracts. */
async function factsIn(world: ScanWorld, digest = ''): Promise<number[]> {
  const rows = await world.metadata.read(
    (sql) => sql.all<{ contract_id: number }>`
      SELECT contract_id FROM layer_facts WHERE digest = ${digest} ORDER BY contract_id`,
  )
  return rows.map((row) => row.contract_id)
}

async function rowsOf(world: ScanWorld) {
  const row = await world.metadata.read(
    (sql) => sql.get`SELECT (SELECT COUNT(*) FROM scans) AS scans, (SELECT COUNT(*) FROM jobs) AS jobs`,
  )
  return { ...(row as object) }
}
