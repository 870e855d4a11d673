import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { pushBlob, pusher, reader, sha256 } from '../../test/support/registry.ts'
import { actorOf, at, HOUR, UsageWorld } from '../../test/support/usage-world.ts'
import type { Digest } from '../domain/digest.ts'
import type { TagName } from '../domain/reference.ts'
import { addPending, pendingOf } from '../metadata/tables/quotas.ts'
import { beginUsageRound, staleUsage, storeUsage, usageOfRegistry } from '../metadata/tables/usage.ts'
import { addUp } from './add-up.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const LEASES = 49 * HOUR

/** An image of one layer of that size; its config has 2 bytes. */
async function pushImage(
  world: UsageWorld,
  repository: string,
  layer: Digest,
  size: number,
  tag = 'v1',
): Promise<Digest> {
  const place = at(repository)
  const config = await pushBlob(world.registry, place, Buffer.from('{}'))
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer, size }],
    }),
  )
  const reference = { kind: 'tag', tag: tag as TagName } as const
  return (await world.registry.pushManifest(place, pusher, reference, [], { mediaType: MANIFEST, bytes })).digest
}

async function figuresOf(
  world: UsageWorld,
  registryId = 1,
): Promise<[live: number, quarantined: number, reclaimable: number]> {
  for (const id of [1, 2, 3]) await addUp(world.metadata, id)
  const { live, quarantined, reclaimable } = await world.metadata.read((sql) => usageOfRegistry(sql, registryId))
  return [live, quarantined, reclaimable]
}

async function tombstone(world: UsageWorld, what: 'repository' | 'registry', id: number): Promise<void> {
  await world.metadata.transact(async (sql) => {
    await sql.run`
      INSERT INTO deletions (id, kind, contract_id, registry_id, subject, deleted_by, deleted_at, purge_after)
      VALUES (77, ${what}, 1, 1, 'x', 'test', 0, 1)`
    if (what === 'repository') await sql.run`UPDATE repositories SET delete_id = 77 WHERE id = ${id}`
    else await sql.run`UPDATE registries SET delete_id = 77 WHERE id = ${id}`
  })
}

describe('figures', () => {
  const bytes = randomBytes(1000)

  test('a blob is live under its lease, then reclaimable: nobody ever referred to it', async () => {
    await using world = await UsageWorld.open()
    await pushBlob(world.registry, at('app'), bytes)
    assert.deepEqual(await figuresOf(world), [1000, 0, 0])
    world.clock.now += LEASES
    assert.deepEqual(await figuresOf(world), [1000, 0, 1000])
  })

  test('what a live manifest refers to stays live; once it is deleted its bytes are reclaimable', async () => {
    await using world = await UsageWorld.open()
    const digest = await pushImage(world, 'app', await pushBlob(world.registry, at('app'), bytes), 1000)
    world.clock.now += LEASES
    assert.deepEqual(await figuresOf(world), [1002, 0, 0])
    await world.registry.deleteManifest(at('app'), pusher, { kind: 'digest', digest })
    world.clock.now += HOUR // a sum is made again after some milliseconds at the earliest
    await world.usage.refresh()
    const { live, reclaimable } = await world.metadata.read((sql) => usageOfRegistry(sql, 1))
    assert.deepEqual([live, reclaimable], [1002, 1002])
  })

  test('a blob in two repositories counts once, and is in quarantine when both have let it go', async () => {
    await using world = await UsageWorld.open()
    const digest = await pushBlob(world.registry, at('app'), bytes)
    assert.ok(await world.registry.mountBlob(at('other'), pusher, digest, at('app').repository))
    assert.deepEqual(await figuresOf(world), [1000, 0, 0])
    await world.registry.deleteBlob(at('app'), pusher, digest)
    assert.deepEqual(await figuresOf(world), [1000, 0, 0])
    await world.registry.deleteBlob(at('other'), pusher, digest)
    assert.deepEqual(await figuresOf(world), [0, 1000, 0])
  })

  test('another repository needing a digest does not keep this one from being reclaimable; the same bytes count once', async () => {
    await using world = await UsageWorld.open()
    const digest = await pushBlob(world.registry, at('app'), bytes)
    await world.registry.mountBlob(at('other'), pusher, digest, at('app').repository)
    await pushImage(world, 'other', digest, 1000)
    world.clock.now += LEASES
    assert.deepEqual(await figuresOf(world), [1002, 0, 0])
  })

  test('a deleted repository moves to quarantine at once, whatever it holds', async () => {
    await using world = await UsageWorld.open()
    await pushImage(world, 'app', await pushBlob(world.registry, at('app'), bytes), 1000)
    await tombstone(world, 'repository', 1)
    assert.deepEqual(await figuresOf(world), [0, 1002, 0])
  })

  test('a blob whose bytes are being removed counts nowhere', async () => {
    await using world = await UsageWorld.open()
    await pushBlob(world.registry, at('app'), bytes)
    await world.metadata.transact((sql) => sql.run`UPDATE blobs SET state = 'deleting'`)
    assert.deepEqual(await figuresOf(world), [0, 0, 0])
  })

  test('the contract: its registries together, and a deleted one in quarantine', async () => {
    await using world = await UsageWorld.open()
    for (const id of [1, 2, 3]) await pushBlob(world.registry, at('app', id), bytes)
    await figuresOf(world)
    const figures = async () => {
      const { live, quarantined, reclaimable, registries } = await world.usage.ofContract(actorOf())
      return [live, quarantined, reclaimable, registries]
    }
    assert.deepEqual(await figures(), [2000, 0, 0, 2])
    await tombstone(world, 'registry', 2)
    assert.deepEqual(await figures(), [1000, 1000, 0, 1])
    await assert.rejects(world.usage.ofContract(actorOf(1, [1])), { kind: 'denied' })
  })
})

describe('adding up', () => {
  test('in windows, to the same sum', async () => {
    await using world = await UsageWorld.open()
    for (let size = 1; size <= 7; size += 1) await pushBlob(world.registry, at('app'), randomBytes(size))
    for (const window of [1, 2, 7, 8]) {
      await addUp(world.metadata, 1, window)
      assert.equal((await world.metadata.read((sql) => usageOfRegistry(sql, 1))).live, 28)
    }
  })

  test('what stood pending is dropped with the sum that has seen it, and nothing else', async () => {
    await using world = await UsageWorld.open()
    for (const size of [1, 2]) await pushBlob(world.registry, at('app'), randomBytes(size))
    await pushBlob(world.registry, at('app', 2), randomBytes(3))
    await world.metadata.transact(async (sql) => {
      for (const [blob, registry] of [
        [1, 1],
        [2, 1],
        [3, 2],
      ] as const)
        await addPending(sql, registry, blob, 10)
    })
    await addUp(world.metadata, 1, 1)
    const pending = await world.metadata.read(async (sql) => [await pendingOf(sql, 1), await pendingOf(sql, 2)])
    assert.deepEqual(pending, [[], [3]])
  })

  test('a sum that another one has overtaken is not stored', async () => {
    await using world = await UsageWorld.open()
    await pushBlob(world.registry, at('app'), randomBytes(5))
    const round = await world.metadata.transact((sql) => beginUsageRound(sql, 1))
    await addUp(world.metadata, 1)
    const old = { live: 0, quarantined: 0, reclaimable: 0 }
    assert.equal(
      await world.metadata.transact((sql) => storeUsage(sql, 1, round ?? { round: 0, stored: 0 }, old, 0)),
      false,
    )
    assert.equal((await world.metadata.read((sql) => usageOfRegistry(sql, 1))).live, 5)
  })

  test('a sum whose process was killed is made again, after ten minutes by the job, at once for a quota', async () => {
    await using world = await UsageWorld.open()
    await pushBlob(world.registry, at('app'), randomBytes(5))
    const kill = () => world.metadata.transact((sql) => beginUsageRound(sql, 1))
    await kill()
    assert.equal(await world.usage.refresh(), 0)
    world.clock.now += HOUR / 5
    assert.equal(await world.usage.refresh(), 1)
    await pushBlob(world.registry, at('app'), randomBytes(6))
    await kill()
    assert.equal((await world.usage.setRegistryQuota(actorOf(), 'r1', 100)).used, 11)
  })

  test('two processes at once end with the true sum', async () => {
    await using world = await UsageWorld.open(2)
    for (let round = 0; round < 5; round += 1) {
      const sums = world.processes.map(({ metadata }) => addUp(metadata, 1, 1))
      await pushBlob(world.registry, at('app'), randomBytes(10))
      await Promise.all(sums)
    }
    world.clock.now += HOUR
    await world.usage.refresh()
    const { live } = await world.metadata.read((sql) => usageOfRegistry(sql, 1))
    assert.equal(live, 50)
  })

  test('a dear sum is made seldom: it waits for twenty times what it took', async () => {
    await using world = await UsageWorld.open()
    await pushBlob(world.registry, at('app'), randomBytes(5))
    await world.usage.refresh()
    await world.metadata.transact((sql) => sql.run`UPDATE usage SET cost_ms = 60000, stale = 1`)
    const due = () => world.metadata.read((sql) => staleUsage(sql, 10))
    assert.deepEqual(await due(), [])
    world.clock.now += 21 * 60_000
    assert.deepEqual(await due(), [1])
  })
})

describe('days', () => {
  const DAY = 24 * HOUR

  test('pulls and pushes by UTC day, of registry and repository; bytes until they change', async () => {
    await using world = await UsageWorld.open()
    const { registry, days, metadata, usage } = world.first
    const layer = await pushBlob(registry, at('app'), randomBytes(1000))
    const pull = (repository: string) =>
      registry.pullManifest(at(repository), reader, { kind: 'tag', tag: 'v1' as TagName }, true)
    await pushImage(world, 'app', layer, 1000)
    await figuresOf(world)
    world.clock.now += 11.5 * HOUR
    await pull('app')
    world.clock.now += HOUR // midnight has passed before anything was written
    await pull('app')
    await pull('app')
    await registry.mountBlob(at('team/b'), pusher, layer, at('app').repository)
    await pushImage(world, 'team/b', layer, 1000)
    await pull('team/b')
    await days.flush(metadata)
    await pull('app')
    await days.flush(metadata)
    await days.flush(metadata)
    world.clock.now += DAY
    await registry.deleteManifest(at('app'), pusher, { kind: 'tag', tag: 'v1' as TagName })
    world.clock.now += 2 * DAY
    await figuresOf(world)
    const span = { from: '2026-01-09', to: '2026-01-14' }
    const { days: listed } = await usage.ofRegistry(actorOf(), 'r1', span)
    assert.deepEqual(
      listed.map((day) => [day.day, day.pulls, day.pushes, day.bytes?.live, day.bytes?.reclaimable]),
      [
        ['2026-01-09', 0, 0, undefined, undefined],
        ['2026-01-10', 1, 1, 1002, 0],
        ['2026-01-11', 4, 1, 1002, 0],
        ['2026-01-12', 0, 0, 1002, 0],
        ['2026-01-13', 0, 0, 1002, 0],
        ['2026-01-14', 0, 0, 1002, 0],
      ],
    )
    const repository = await usage.ofRepository(actorOf(), 'r1', 'team/b', { from: '2026-01-11', to: '2026-01-11' })
    assert.deepEqual(repository.days, [{ day: '2026-01-11', pulls: 1, pushes: 1 }])
    const later = await usage.ofRegistry(actorOf(), 'r1', { from: '2026-01-13', to: '2026-01-13' })
    assert.equal(later.days[0]?.bytes?.live, 1002)
  })

  test('what cannot be written stays for the next time', async () => {
    await using world = await UsageWorld.open()
    const { days, metadata, usage, registry } = world.first
    await pushBlob(registry, at('app'), randomBytes(1))
    for (let count = 0; count < 3; count += 1) days.add('pulls', 1, 1, world.clock.now)
    days.add('pulls', 1, 999, world.clock.now) // a repository that is gone
    const broken = { ...metadata, transact: () => Promise.reject(new Error('gone')) }
    await assert.rejects(days.flush(broken), /gone/)
    await days.flush(metadata)
    const one = { from: '2026-01-10', to: '2026-01-10' }
    assert.equal((await usage.ofRegistry(actorOf(), 'r1', one)).days[0]?.pulls, 4)
    assert.equal((await usage.ofRepository(actorOf(), 'r1', 'app', one)).days[0]?.pulls, 3)
  })

  test('kept for 400 days; the figures that still hold stay', async () => {
    await using world = await UsageWorld.open()
    const { days, metadata, usage, registry } = world.first
    await pushBlob(registry, at('app'), randomBytes(8))
    days.add('pulls', 1, 1, world.clock.now)
    await days.flush(metadata)
    await figuresOf(world)
    const rows = () =>
      metadata.read(async (sql) => {
        const all = await sql.all<{ n: number }>`
          SELECT COUNT(*) AS n FROM repository_days UNION ALL SELECT COUNT(*) AS n FROM usage_days`
        return all.map(({ n }) => Number(n))
      })
    world.clock.now += 399 * DAY
    await usage.forgetDays()
    assert.deepEqual(await rows(), [1, 1])
    world.clock.now += DAY
    await usage.forgetDays()
    assert.deepEqual(await rows(), [0, 1])
    const { days: listed } = await usage.ofRegistry(actorOf(), 'r1', { from: null, to: null })
    assert.deepEqual([listed.length, listed[0]?.bytes?.live], [30, 8])
  })

  const bad = [
    { name: 'no day', from: 'yesterday', to: null, says: /from "yesterday" is no day.*YYYY-MM-DD/ },
    { name: 'a day that does not exist', from: null, to: '2026-02-31', says: /to "2026-02-31"/ },
    { name: 'the wrong way round', from: '2026-01-02', to: '2026-01-01', says: /from \(2026-01-02\) is later/ },
    { name: 'too long', from: '2024-01-01', to: '2026-01-01', says: /732 days: at most 400/ },
  ]
  for (const { name, from, to, says } of bad)
    test(`a span that is ${name}`, async () => {
      await using world = await UsageWorld.open()
      await assert.rejects(world.usage.ofRegistry(actorOf(), 'r1', { from, to }), {
        kind: 'input_invalid',
        message: says,
      })
    })

  test('foreign, absent and invisible answer alike', async () => {
    await using world = await UsageWorld.open()
    const span = { from: null, to: null }
    for (const [actor, id] of [
      [actorOf(2), 'r1'],
      [actorOf(), 'r9'],
      [actorOf(1, [2]), 'r1'],
    ] as const) {
      await assert.rejects(world.usage.ofRegistry(actor, id, span), { kind: 'not_found' })
      await assert.rejects(world.usage.ofRepository(actor, id, 'app', span), { kind: 'not_found' })
      await assert.rejects(world.usage.registryQuota(actor, id), { kind: 'not_found' })
      await assert.rejects(world.usage.setRegistryQuota(actor, id, 1), { kind: 'not_found' })
    }
    await assert.rejects(world.usage.ofRepository(actorOf(), 'r1', 'nothing', span), { kind: 'not_found' })
  })
})

test('sha256 of the empty blob is nobody’s cost', async () => {
  await using world = await UsageWorld.open()
  assert.equal(await pushBlob(world.registry, at('app'), Buffer.alloc(0)), sha256(Buffer.alloc(0)))
  assert.deepEqual(await figuresOf(world), [0, 0, 0])
})
