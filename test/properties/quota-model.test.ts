import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Place, UploadBody } from '../../src/registry/registry.ts'
import { bodyOf, pusher, sha256 } from '../support/registry.ts'
import { actorOf, at, HOUR, UsageWorld } from '../support/usage-world.ts'

// Random histories of uploads under two limits (registry 1, contract 1), against an oracle that knows what every byte costs:
// nothing is refused that fits, nothing is let in that does not, and what is reserved is what open sessions hold.

const RUNS = Number(process.env['QUOTA_RUNS'] ?? 30)
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) }
const OBJECT_BYTES = 16
const PLACES = [at('a'), at('b'), at('a', 2)] as const

interface Session {
  readonly id: string
  readonly place: Place
  bytes: Buffer
  reserved: number
}

class Oracle {
  readonly sessions: Session[] = []
  /** `registry/digest` → its size, and the repositories that link it. */
  readonly blobs = new Map<string, { size: number; repositories: Set<string> }>()
  limits: { registry: number | null; contract: number | null } = { registry: null, contract: null }

  live(registryIds: readonly number[]): number {
    const counted = [...this.blobs].filter(
      ([key, { repositories }]) => registryIds.includes(idIn(key)) && repositories.size > 0,
    )
    return counted.reduce((sum, [, { size }]) => sum + size, 0)
  }
  reserved(registryIds: readonly number[], except?: Session): number {
    const others = this.sessions.filter((one) => one !== except && registryIds.includes(one.place.registryId))
    return others.reduce((sum, { reserved }) => sum + reserved, 0)
  }
  isLimited(registryId: number): boolean {
    return this.limits.contract !== null || (registryId === 1 && this.limits.registry !== null)
  }
  fits(session: Session, total: number): boolean {
    if (total <= session.reserved) return true
    const { registryId } = session.place
    const within = (limit: number | null, ids: readonly number[]) =>
      limit === null || this.live(ids) + this.reserved(ids, session) + total <= limit
    return within(this.limits.contract, [1, 2]) && (registryId !== 1 || within(this.limits.registry, [1]))
  }
  counts(place: Place, digest: string): boolean {
    return (this.blobs.get(`${place.registryId}/${digest}`)?.repositories.size ?? 0) > 0
  }
  link(place: Place, digest: string, size: number): void {
    const key = `${place.registryId}/${digest}`
    const blob = this.blobs.get(key) ?? { size, repositories: new Set<string>() }
    blob.repositories.add(place.repository)
    this.blobs.set(key, blob)
  }
  end(session: Session): void {
    this.sessions.splice(this.sessions.indexOf(session), 1)
  }
}

function idIn(key: string): number {
  return Number(key.split('/')[0])
}

/** Few contents, so that the same come again. */
function bytesOf(content: number, size: number): Buffer {
  return Buffer.alloc(size, content)
}

type Step = (oracle: Oracle, world: UsageWorld) => Promise<void>

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(1, list.length)]
}

async function answerOf(act: Promise<unknown>): Promise<string> {
  return await act.then(
    () => 'ok',
    (error: { kind?: string }) => error.kind ?? String(error),
  )
}

function body(bytes: Buffer, announced: boolean): UploadBody {
  return announced ? bodyOf(bytes) : { ...bodyOf(bytes), length: null }
}

const start =
  (where: number): Step =>
  async (oracle, world) => {
    const place = pick(PLACES, where) ?? PLACES[0]
    const { id } = await world.registry.startUpload(place, pusher, 'sha256')
    oracle.sessions.push({ id, place, bytes: Buffer.alloc(0), reserved: 0 })
  }

const append =
  (which: number, content: number, size: number, announced: boolean, process: number): Step =>
  async (oracle, world) => {
    const session = pick(oracle.sessions, which)
    if (!session) return
    const total = session.bytes.length + size
    const want = oracle.isLimited(session.place.registryId) && !oracle.fits(session, total) ? 'denied' : 'ok'
    const { registry } = pick(world.processes, process) ?? world.first
    const got = await answerOf(
      registry.appendToUpload(session.place, pusher, session.id, body(bytesOf(content, size), announced)),
    )
    assert.equal(got, want, `append ${size} to ${session.bytes.length}`)
    if (want === 'denied') return oracle.end(session)
    session.bytes = Buffer.concat([session.bytes, bytesOf(content, size)])
    if (oracle.isLimited(session.place.registryId)) session.reserved = total
  }

const finish =
  (which: number, content: number, size: number, process: number): Step =>
  async (oracle, world) => {
    const session = pick(oracle.sessions, which)
    if (!session) return
    const { place } = session
    const all = Buffer.concat([session.bytes, bytesOf(content, size)])
    const digest = sha256(all)
    const isCounted = oracle.counts(place, digest)
    const onlyHashed = isCounted && session.bytes.length === 0
    const mustFit = size === 0 ? !isCounted : !onlyHashed
    const want = oracle.isLimited(place.registryId) && mustFit && !oracle.fits(session, all.length) ? 'denied' : 'ok'
    const { registry } = pick(world.processes, process) ?? world.first
    const got = await answerOf(registry.finishUpload(place, pusher, session.id, digest, bodyOf(bytesOf(content, size))))
    assert.equal(got, want, `finish ${all.length}`)
    oracle.end(session)
    if (want === 'ok') oracle.link(place, digest, all.length)
  }

const cancel =
  (which: number): Step =>
  async (oracle, world) => {
    const session = pick(oracle.sessions, which)
    if (!session) return
    await world.registry.cancelUpload(session.place, pusher, session.id)
    oracle.end(session)
  }

const expire: Step = async (oracle, world) => {
  world.clock.now += 25 * HOUR
  await world.gc.expireUploads()
  oracle.sessions.splice(0)
}

const remove =
  (which: number): Step =>
  async (oracle, world) => {
    const [key, blob] =
      pick(
        [...oracle.blobs].filter(([, { repositories }]) => repositories.size > 0),
        which,
      ) ?? []
    const [repository] = blob?.repositories ?? []
    if (!key || !blob || !repository) return
    const digest = key.slice(key.indexOf('/') + 1) as ReturnType<typeof sha256>
    await world.registry.deleteBlob(at(repository, idIn(key)), pusher, digest)
    blob.repositories.delete(repository)
  }

const limit =
  (what: 'registry' | 'contract', bytes: number | null): Step =>
  async (oracle, world) => {
    if (what === 'registry') await world.usage.setRegistryQuota(actorOf(), 'r1', bytes)
    else await world.usage.setContractQuota({ label: 'ops', address: null }, 1, bytes)
    oracle.limits = { ...oracle.limits, [what]: bytes }
  }

const addUp =
  (process: number): Step =>
  async (_oracle, world) => {
    world.clock.now += HOUR
    await (pick(world.processes, process) ?? world.first).usage.refresh()
  }

const small = fc.nat({ max: 2 })
const content = fc.nat({ max: 1 })
/** Few sizes and limits: things meet at the limit, and the same blob comes again. */
const size = fc.constantFrom(0, 8, 16, 17, 40)
const bound = fc.constantFrom(0, 16, 40, 41, 80, 97)
const named = (name: string, step: Step) => ({ step, toString: () => name })
const limits = fc
  .tuple(fc.constantFrom('registry' as const, 'contract' as const), fc.option(bound, { freq: 8 }))
  .map((of) => named(`limit ${of}`, limit(...of)))
const starts = small.map((where) => named(`start ${where}`, start(where)))
const steps = fc
  .tuple(
    fc.array(limits, { minLength: 1, maxLength: 2 }),
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: starts },
        {
          weight: 5,
          arbitrary: fc
            .tuple(small, content, fc.constantFrom(1, 8, 16, 40), fc.boolean(), small)
            .map((of) => named(`append ${of}`, append(...of))),
        },
        {
          weight: 5,
          arbitrary: fc.tuple(small, content, size, small).map((of) => named(`finish ${of}`, finish(...of))),
        },
        { weight: 1, arbitrary: small.map((which) => named(`cancel ${which}`, cancel(which))) },
        { weight: 1, arbitrary: fc.constant(named('expire', expire)) },
        { weight: 3, arbitrary: fc.nat({ max: 9 }).map((which) => named(`remove ${which}`, remove(which))) },
        { weight: 1, arbitrary: small.map((process) => named(`add up ${process}`, addUp(process))) },
        { weight: 1, arbitrary: limits },
      ),
      { maxLength: 60, size: 'max' },
    ),
  )
  .map(([first, rest]) => [...first, ...rest])

async function compare(oracle: Oracle, world: UsageWorld): Promise<void> {
  const { reserved, used } = await world.usage.registryQuota(actorOf(), 'r1')
  assert.equal(reserved, oracle.reserved([1]))
  // A deletion is seen by the next sum; bytes that came in are seen at once where there is a limit.
  if (oracle.isLimited(1)) assert.ok(used >= oracle.live([1]), `${used} used, ${oracle.live([1])} live`)
}

test(`quotas are exact, over ${RUNS} random histories of two processes`, { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(steps, async (history) => {
    await using world = await UsageWorld.open(2, { objectBytes: OBJECT_BYTES })
    const oracle = new Oracle()
    for (const { step } of history) {
      await step(oracle, world)
      await compare(oracle, world)
    }
    await addUp(0)(oracle, world)
    await expire(oracle, world)
    const quota = await world.usage.contractQuota(actorOf(), 1, false)
    assert.deepEqual([quota.used, quota.reserved], [oracle.live([1, 2]), 0])
  })
  await fc.assert(property, { numRuns: RUNS, ...SEED })
})
