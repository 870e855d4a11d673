import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { bodyOf, pushBlob, pusher, sha256 } from '../../test/support/registry.ts'
import type { Process } from '../../test/support/usage-world.ts'
import { actorOf, at, HOUR, UsageWorld } from '../../test/support/usage-world.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { Place, UploadBody } from '../registry/registry.ts'
import { Sums } from './add-up.ts'
import { Limits } from './limits.ts'

const app = at('app')
const OPERATOR = { label: 'ops@example.com', address: null }

const chunked = (bytes: Uint8Array): UploadBody => ({ ...bodyOf(bytes), length: null })

async function* goesAwayAfter(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the client went away')
}

/** How an upload of that many fresh bytes ends. */
async function push(process: Process, place: Place, size: number): Promise<'ok' | 'denied'> {
  return await pushBlob(process.registry, place, randomBytes(size)).then(
    () => 'ok' as const,
    (error: { kind?: string }) => {
      assert.equal(error.kind, 'denied', String(error))
      return 'denied'
    },
  )
}

async function limited(limit: number | null, contract: number | null = null, processes = 1): Promise<UsageWorld> {
  const world = await UsageWorld.open(processes, { objectBytes: 64 })
  if (limit !== null) await world.usage.setRegistryQuota(actorOf(), 'r1', limit)
  if (contract !== null) await world.usage.setContractQuota(OPERATOR, 1, contract)
  return world
}

describe('quotas', () => {
  test('set, read, lifted; audited; the contract’s is the operator’s', async () => {
    await using world = await UsageWorld.open()
    const { usage, metadata } = world
    assert.deepEqual(await usage.registryQuota(actorOf(), 'r1'), { limit: null, used: 0, reserved: 0, free: null })
    await pushBlob(world.registry, app, randomBytes(30))
    assert.deepEqual(await usage.setRegistryQuota(actorOf(), 'r1', 100), {
      limit: 100,
      used: 30,
      reserved: 0,
      free: 70,
    })
    assert.deepEqual(await usage.setContractQuota(OPERATOR, 1, 20), { limit: 20, used: 30, reserved: 0, free: 0 })
    assert.equal((await usage.ofContract(actorOf())).quota.limit, 20)
    assert.equal((await usage.setRegistryQuota(actorOf(), 'r1', null)).limit, null)
    await assert.rejects(usage.setContractQuota(OPERATOR, 99, 20), { kind: 'not_found' })
    for (const limit of [-1, 1.5, Number.NaN, 2 ** 60])
      await assert.rejects(usage.setRegistryQuota(actorOf(), 'r1', limit), { kind: 'input_invalid' })
    const events = await metadata.read(
      (sql) =>
        sql.all<{
          action: string
          actor: string
          detail: string
        }>`SELECT action, actor, detail FROM audit_events ORDER BY id`,
    )
    assert.deepEqual(
      events.map(({ action, actor, detail }) => [action, actor, JSON.parse(detail)]),
      [
        ['registry.quota', 'owner@1.example', { limitBytes: 100, before: null }],
        ['contract.quota', 'ops@example.com', { limitBytes: 20, before: null }],
        ['registry.quota', 'owner@1.example', { limitBytes: null, before: 100 }],
      ],
    )
  })

  test('without any quota asking costs no statement, and with one no other contract pays', async () => {
    await using world = await UsageWorld.open()
    let reads = 0
    const { metadata } = world
    const counting: MetadataStore = {
      read: (fn) => {
        reads += 1
        return metadata.read(fn)
      },
      transact: (fn, options) => metadata.transact(fn, options),
      snapshot: (path) => metadata.snapshot(path),
      authEpoch: () => metadata.authEpoch(),
      seenState: () => metadata.seenState(),
      [Symbol.asyncDispose]: async () => {},
    }
    const limits = new Limits({ metadata: counting, sums: new Sums(counting) })
    for (let time = 0; time < 5; time += 1) assert.equal(await limits.of(1), null)
    assert.equal(reads, 1)
    await world.usage.setRegistryQuota(actorOf(), 'r1', 10)
    for (const id of [1, 3]) await limits.of(id)
    reads = 0
    for (let time = 0; time < 5; time += 1) {
      assert.notEqual(await limits.of(1), null)
      assert.equal(await limits.of(3), null)
    }
    assert.equal(reads, 0)
  })

  test('to the limit and not a byte beyond, refused before the body is read', async () => {
    await using world = await limited(100)
    assert.equal(await push(world.first, app, 60), 'ok')
    const { id } = await world.registry.startUpload(app, pusher, 'sha256')
    const never = new PassThrough()
    await assert.rejects(
      world.registry.appendToUpload(app, pusher, id, { stream: never, length: 41, range: null }),
      (error: Error & { detail?: unknown }) => {
        assert.match(
          error.message,
          /quota of registry "acme".* 60 bytes used and 0 reserved .* 100 allowed.* at least 41/,
        )
        assert.match(error.message, /ask an owner or admin of the contract to raise/)
        const want = { quota: 'registry', limitBytes: 100, usedBytes: 60, reservedBytes: 0, neededBytes: 41 }
        assert.deepEqual(error.detail, want)
        return true
      },
    )
    await assert.rejects(world.registry.uploadStatus(app, pusher, id), { kind: 'blob_upload_unknown' })
    assert.equal(await push(world.first, app, 40), 'ok')
    assert.equal(await push(world.first, app, 1), 'denied')
    assert.equal(await push(world.first, at('app', 2), 1000), 'ok')
  })

  test('the contract’s limit covers all its registries and says who can raise it', async () => {
    await using world = await limited(null, 100)
    assert.equal(await push(world.first, app, 60), 'ok')
    assert.equal(await push(world.first, at('app', 2), 41), 'denied')
    assert.equal(await push(world.first, at('app', 2), 40), 'ok')
    await assert.rejects(pushBlob(world.registry, app, randomBytes(1)), /quota of contract 1 .*ask the operator/)
    assert.equal(await push(world.first, at('app', 3), 1000), 'ok')
  })

  test('bytes that the registry counts cost nothing: pushed again, elsewhere, mounted; in chunks once the digest tells', async () => {
    await using world = await limited(100)
    const { registry, usage } = world.first
    const bytes = randomBytes(60)
    const digest = await pushBlob(registry, app, bytes)
    for (const place of [app, at('two')]) await pushBlob(registry, place, bytes)
    assert.ok(await registry.mountBlob(at('three'), pusher, digest, app.repository))
    const { id } = await registry.startUpload(at('four'), pusher, 'sha256')
    await registry.appendToUpload(at('four'), pusher, id, bodyOf(bytes.subarray(0, 30)))
    assert.equal((await usage.registryQuota(actorOf(), 'r1')).reserved, 30)
    const last = registry.finishUpload(at('four'), pusher, id, digest, bodyOf(bytes.subarray(30)))
    await assert.rejects(last, { kind: 'denied' })
    assert.deepEqual(await usage.registryQuota(actorOf(), 'r1'), { limit: 100, used: 60, reserved: 0, free: 40 })
    assert.equal(await push(world.first, app, 40), 'ok')
    await pushBlob(registry, at('five'), bytes)
    assert.equal((await usage.registryQuota(actorOf(), 'r1')).free, 0)
  })

  test('a body without a length is let in as far as there is room, then ends with its session', async () => {
    await using world = await limited(100)
    const { registry, usage } = world.first
    const used = async () => {
      const { used, reserved } = await usage.registryQuota(actorOf(), 'r1')
      return [used, reserved]
    }
    const bytes = randomBytes(100)
    const fits = await registry.startUpload(app, pusher, 'sha256')
    await registry.appendToUpload(app, pusher, fits.id, chunked(bytes.subarray(0, 70)))
    assert.deepEqual(await used(), [0, 70])
    const beyond = await registry.startUpload(app, pusher, 'sha256')
    await assert.rejects(registry.appendToUpload(app, pusher, beyond.id, chunked(randomBytes(31))), { kind: 'denied' })
    assert.deepEqual(await used(), [0, 70])
    await assert.rejects(registry.uploadStatus(app, pusher, beyond.id), { kind: 'blob_upload_unknown' })
    await registry.finishUpload(app, pusher, fits.id, sha256(bytes), chunked(bytes.subarray(70)))
    assert.deepEqual(await used(), [100, 0])
    world.clock.now += 2 * HOUR
    await world.gc.expireUploads()
    await world.gc.removeObjects()
    assert.equal((await Array.fromAsync(world.blobs.list())).length, 3)
  })

  test('cancel, a wrong digest, a client that goes away, and expiry give back what was reserved', async () => {
    await using world = await limited(100)
    const { registry, usage } = world.first
    const reserved = async () => (await usage.registryQuota(actorOf(), 'r1')).reserved
    const start = async () => (await registry.startUpload(app, pusher, 'sha256')).id
    const cancelled = await start()
    await registry.appendToUpload(app, pusher, cancelled, bodyOf(randomBytes(100)))
    assert.equal(await push(world.first, app, 1), 'denied')
    await registry.cancelUpload(app, pusher, cancelled)
    assert.equal(await reserved(), 0)
    await assert.rejects(
      registry.finishUpload(app, pusher, await start(), sha256(Buffer.from('x')), bodyOf(randomBytes(9))),
    )
    assert.equal(await reserved(), 0)
    const left = await start()
    const stream = Readable.from(goesAwayAfter(randomBytes(40)))
    const patch = registry.appendToUpload(app, pusher, left, { stream, length: 100, range: null })
    await assert.rejects(patch, { kind: 'blob_upload_invalid' })
    assert.equal(await reserved(), 40)
    assert.equal(await push(world.first, app, 60), 'ok')
    world.clock.now += 25 * HOUR
    await world.gc.expireUploads()
    assert.equal(await reserved(), 0)
    assert.equal(await push(world.first, app, 40), 'ok')
  })

  test('what was deleted is free at once, though the figures are made by a job; quarantine does not count', async () => {
    await using world = await limited(100)
    const bytes = randomBytes(100)
    const digest = await pushBlob(world.registry, app, bytes)
    assert.equal(await push(world.first, app, 1), 'denied')
    await world.registry.deleteBlob(app, pusher, digest)
    assert.equal(await push(world.first, app, 1), 'ok')
    await assert.rejects(pushBlob(world.registry, app, bytes), { kind: 'denied' }, 'out of quarantine it costs again')
    await world.usage.setRegistryQuota(actorOf(), 'r1', 101)
    await pushBlob(world.registry, app, bytes)
    assert.equal((await world.usage.registryQuota(actorOf(), 'r1')).free, 0)
  })

  test('what was deleted makes room for all the layers that are pushed at once next', async () => {
    await using world = await limited(100, null, 2)
    const digest = await pushBlob(world.registry, app, randomBytes(100))
    await world.registry.deleteBlob(app, pusher, digest)
    const pushes = [20, 30, 50].map((size, index) => push(world.processes[index % 2] ?? world.first, app, size))
    assert.deepEqual(await Promise.all(pushes), ['ok', 'ok', 'ok'])
  })

  test('a quota that comes during an upload is met at its end', async () => {
    await using world = await UsageWorld.open()
    const { registry, usage } = world.first
    const bytes = randomBytes(50)
    const [one, two] = [
      await registry.startUpload(app, pusher, 'sha256'),
      await registry.startUpload(app, pusher, 'sha256'),
    ]
    for (const { id } of [one, two]) await registry.appendToUpload(app, pusher, id, bodyOf(bytes.subarray(0, 50)))
    await usage.setRegistryQuota(actorOf(), 'r1', 49)
    const finish = (id: string) => registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(Buffer.alloc(0)))
    await assert.rejects(finish(one.id), { kind: 'denied' })
    assert.equal(await registry.statBlob(app, pusher, sha256(bytes)), null)
    await usage.setRegistryQuota(actorOf(), 'r1', 50)
    await finish(two.id)
  })

  test('a limit below what is there refuses new bytes and nothing else', async () => {
    await using world = await UsageWorld.open()
    const digest = await pushBlob(world.registry, app, randomBytes(50))
    await world.usage.setRegistryQuota(actorOf(), 'r1', 10)
    assert.equal(await push(world.first, app, 1), 'denied')
    assert.deepEqual(await world.registry.statBlob(app, pusher, digest), { digest, size: 50 })
    assert.ok(await world.registry.mountBlob(at('two'), pusher, digest, app.repository))
    await pushBlob(world.registry, at('two'), Buffer.alloc(0))
  })
})

describe('at once', () => {
  test('of many uploads in two processes as many succeed as fit, with and without a length', async () => {
    await using world = await limited(95, 1000, 2)
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        push(world.processes[index % 2] ?? world.first, at(`r${index % 3}`), 10),
      ),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'ok').length, 9)
    assert.deepEqual(await world.usage.registryQuota(actorOf(), 'r1'), { limit: 95, used: 90, reserved: 0, free: 5 })
  })

  test('two slow uploads cannot together exceed the limit', async () => {
    await using world = await limited(100, null, 2)
    const streams = [new PassThrough(), new PassThrough()]
    const patches = await Promise.all(
      streams.map(async (stream, index) => {
        const { registry } = world.processes[index] ?? world.first
        const { id } = await registry.startUpload(app, pusher, 'sha256')
        return registry.appendToUpload(app, pusher, id, { stream, length: 60, range: null }).then(
          () => 'ok',
          (error: { kind: string }) => {
            for (const other of streams) other.end(Buffer.alloc(60))
            return error.kind
          },
        )
      }),
    )
    assert.deepEqual(patches.toSorted(), ['denied', 'ok'])
  })

  test('one blob pushed by many costs once', async () => {
    await using world = await limited(1000, null, 2)
    const bytes = randomBytes(100)
    const pushes = Array.from({ length: 6 }, (_, index) =>
      pushBlob((world.processes[index % 2] ?? world.first).registry, at(`r${index}`), bytes),
    )
    await Promise.all(pushes)
    const { used, reserved } = await world.usage.registryQuota(actorOf(), 'r1')
    assert.deepEqual([used, reserved], [100, 0])
    world.clock.now += HOUR
    await world.usage.refresh()
    assert.equal((await world.usage.registryQuota(actorOf(), 'r1')).used, 100)
  })

  test('sums made meanwhile neither lose nor double a byte', async () => {
    await using world = await limited(10_000, null, 2)
    const pushes = Array.from({ length: 20 }, (_, index) => push(world.processes[index % 2] ?? world.first, app, 10))
    const sums = (async () => {
      for (let round = 0; round < 6; round += 1) {
        world.clock.now += HOUR / 60
        await Promise.all(world.processes.map(({ usage }) => usage.refresh()))
      }
    })()
    await Promise.all([...pushes, sums])
    assert.equal((await world.usage.registryQuota(actorOf(), 'r1')).used, 200)
  })
})

test('a stream that ends early in the middle of nothing reserves nothing', async () => {
  await using world = await limited(100)
  const { id } = await world.registry.startUpload(app, pusher, 'sha256')
  await world.registry.appendToUpload(app, pusher, id, { stream: Readable.from([]), length: null, range: null })
  assert.equal((await world.usage.registryQuota(actorOf(), 'r1')).reserved, 0)
})
