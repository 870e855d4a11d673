import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ArtifactQuery, RegistryArtifactQuery } from '../../src/contents/artifacts.ts'
import type { ContentsDeps } from '../../src/contents/deps.ts'
import type { RepositoryQuery } from '../../src/contents/repositories.ts'
import type { ArtifactView, RepositoryView } from '../../src/contents/views.ts'
import type { Digest } from '../../src/domain/digest.ts'
import { contentsOn, dataPlaneOn, writeScan } from './contents.ts'
import { actAtRandom, keyOf, sorted } from './contents-model.ts'
import type { OpenMetadata } from './management.ts'
import { actor, openControlPlane } from './management.ts'

const [one, two] = [actor(1), actor(2)]
const MINUTE = 60_000
const DAY = 86_400_000

async function open(t: TestContext, openMetadata: OpenMetadata, more: Partial<ContentsDeps> = {}) {
  const plane = await openControlPlane({ openMetadata })
  t.after(() => plane[Symbol.asyncDispose]())
  const { id, internalId } = await plane.registries.create(one, {
    name: 'acme',
    location: null,
    gcSchedule: null,
    scanning: true,
    allowList: [],
  })
  const { metadata } = plane
  return { ...plane, contents: contentsOn(metadata, more), data: dataPlaneOn(metadata), id, internalId }
}

type World = Awaited<ReturnType<typeof open>>

const repositories = (more: Partial<RepositoryQuery> = {}): RepositoryQuery => ({
  orderBy: 'lastPush',
  descending: true,
  nameContains: null,
  severity: null,
  offset: 0,
  limit: 100,
  ...more,
})
const artifacts = (more: Partial<RegistryArtifactQuery> = {}): RegistryArtifactQuery => ({
  orderBy: 'pullCount',
  descending: true,
  vulnerabilityId: null,
  offset: 0,
  limit: 100,
  ...more,
})

async function namesOf({ contents, id }: World, more: Partial<RepositoryQuery> = {}): Promise<string[]> {
  return (await contents.listRepositories(one, id, repositories(more))).repositories.map(({ name }) => name)
}

type Order<Query extends ArtifactQuery> = Pick<Query, 'orderBy' | 'descending'>

const ORDERS: readonly Order<ArtifactQuery>[] = [
  ...(['pullCount', 'pushCount', 'lastPush', 'lastPull', 'lastScan'] as const),
  ...(['vulnTotalCount', 'vulnFixableCount', 'vulnMaxSeverity', 'vulnTotalScore'] as const),
].flatMap((orderBy) => [true, false].map((descending) => ({ orderBy, descending })))

async function within({ contents, id }: World, repository: string, order: Order<ArtifactQuery>): Promise<string[]> {
  const page = await contents.listArtifacts(one, { registryId: id, repository }, { ...order, offset: 0, limit: 1_000 })
  return page.artifacts.map(keyOf)
}

async function everywhere(
  { contents, id }: World,
  order: Pick<RegistryArtifactQuery, 'orderBy' | 'descending'>,
  limit: number,
): Promise<string[]> {
  const keys: string[] = []
  for (let more = true; more; ) {
    const page = await contents.listArtifactsOfRegistry(one, id, artifacts({ ...order, offset: keys.length, limit }))
    keys.push(...page.artifacts.map(keyOf))
    more = page.more
  }
  return keys
}

/** The acts on what a registry holds, on any engine. */
export function contentsSuite(engine: string, openMetadata: OpenMetadata, skip: false | string = false): void {
  const options = { skip }

  test(`${engine}: contents: counts and times are those of the data plane`, options, async (t) => {
    const world = await open(t, openMetadata)
    const { contents, data, clock, id, internalId } = world
    const at = [0, 1, 2].map((minutes) => clock.now + minutes * MINUTE) as [number, number, number]
    const first = await data.push(internalId, 'team/app', 'first', 'v1', 'latest')
    clock.now = at[1]
    await data.push(internalId, 'team/app', 'second')
    await data.push(internalId, 'team/app', 'first')
    clock.now = at[2]
    await data.pull(internalId, 'team/app', first, 3)
    const { repository, registry } = await contents.getRepository(one, id, 'team/app')
    assert.deepEqual(registry, { contractId: 1, id, location: 'de/fra' })
    assert.deepEqual(toMinutes(repository, at[0]), {
      name: 'team/app',
      created: { at: 0, by: 'token:ci', byId: null },
      artifactCount: 2,
      pullCount: 3,
      pushCount: 3,
      lastPushedAt: 1,
      lastPulledAt: 2,
      lastSeverity: null,
    })
    const { artifact } = await contents.getArtifact(one, { registryId: id, repository: 'team/app', digest: first })
    assert.deepEqual(toMinutes(artifact, at[0]), {
      repository: 'team/app',
      digest: first,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      tags: ['latest', 'v1'],
      created: { at: 0, by: 'token:ci', byId: null },
      pullCount: 3,
      pushCount: 2,
      lastPushedAt: 1,
      lastPulledAt: 2,
      lastScannedAt: null,
      findings: null,
    })
    await data.delete(internalId, 'team/app', first)
    assert.equal((await contents.getRepository(one, id, 'team/app')).repository.artifactCount, 1)
    const gone = contents.getArtifact(one, { registryId: id, repository: 'team/app', digest: first })
    await assert.rejects(gone, { kind: 'not_found', message: /artifact sha256:/ })
  })

  test(`${engine}: contents: who pushed is named with their public id while they are somebody`, options, async (t) => {
    const { contents, data, metadata, id, internalId } = await open(t, openMetadata)
    await metadata.transact(
      (sql) => sql.run`INSERT INTO identities (user_id, email, created_at) VALUES ('u-1', 'ann@example.com', 0)`,
    )
    const digest = await data.push(internalId, 'app', 'x')
    await metadata.transact(async (sql) => {
      await sql.run`UPDATE repositories SET created_by = 'ann@example.com'`
      await sql.run`UPDATE manifest_counters SET created_by = 'ann@example.com'`
    })
    const { repository } = await contents.getRepository(one, id, 'app')
    const { artifact } = await contents.getArtifact(one, { registryId: id, repository: 'app', digest })
    assert.deepEqual([repository.created.byId, artifact.created.byId], ['u-1', 'u-1'])
  })

  test(`${engine}: contents: a repository with only a blob is listed and was never pushed to`, options, async (t) => {
    const world = await open(t, openMetadata)
    await world.metadata.transact(async (sql) => {
      const { ensureRepository } = await import('../../src/metadata/tables/repositories.ts')
      await ensureRepository(sql, world.internalId, 'blobs-only', 'token:ci')
    })
    await world.data.push(world.internalId, 'app', 'x')
    assert.deepEqual(await namesOf(world, { descending: false }), ['blobs-only', 'app'])
    const { repository } = await world.contents.getRepository(one, world.id, 'blobs-only')
    assert.deepEqual([repository.lastPushedAt, repository.artifactCount], [null, 0])
  })

  test(
    `${engine}: contents: deleting a repository hides all at once, is audited, and its name starts anew`,
    options,
    async (t) => {
      const world = await open(t, openMetadata)
      const { contents, data, metadata, clock, id, internalId } = world
      const kept = await data.push(internalId, 'kept', 'x')
      const digest = await data.push(internalId, 'team/app', 'x')
      const { restorableUntil } = await contents.deleteRepository(one, id, 'team/app')
      assert.ok(Math.abs(restorableUntil - clock.now - 7 * DAY) < MINUTE)
      const place = { registryId: id, repository: 'team/app' }
      for (const act of [
        () => contents.getRepository(one, id, 'team/app'),
        () => contents.deleteRepository(one, id, 'team/app'),
        () => contents.listArtifacts(one, place, artifacts() as ArtifactQuery),
        () => contents.getArtifact(one, { ...place, digest }),
      ])
        await assert.rejects(act(), { kind: 'not_found', message: /repository "team\/app" does not exist/ })
      const listed = async () =>
        (await contents.listArtifactsOfRegistry(one, id, artifacts())).artifacts.map((each) => each.digest)
      assert.deepEqual([await namesOf(world), await listed()], [['kept'], [kept]])
      await contents.tidyLists()
      assert.deepEqual([await namesOf(world), await listed()], [['kept'], [kept]])
      const rows = await metadata.read(async (sql) => ({
        listed: await sql.all`SELECT manifest_id FROM manifest_counters WHERE is_listed = 1`,
        hidden: await sql.all`SELECT repository_id FROM repository_counters WHERE listing = 0`,
        deletion: await sql.get<object>`SELECT kind, subject, deleted_by, purge_after FROM deletions`,
        candidate: await sql.get<object>`SELECT kind, reason, review_after FROM gc_candidates WHERE kind = 'deletion'`,
        audit: await sql.get<object>`
        SELECT actor, subject, address FROM audit_events WHERE action = 'repository.delete' AND outcome = 'ok'`,
      }))
      assert.deepEqual([rows.listed.length, rows.hidden.length], [1, 0])
      assert.deepEqual(
        { ...rows.deletion },
        { kind: 'repository', subject: 'team/app', deleted_by: one.label, purge_after: restorableUntil },
      )
      assert.deepEqual(
        { ...rows.candidate },
        { kind: 'deletion', reason: 'repository deleted', review_after: restorableUntil },
      )
      assert.deepEqual({ ...rows.audit }, { actor: one.label, subject: 'acme/team/app', address: one.address })
      await data.push(internalId, 'team/app', 'new')
      assert.equal((await contents.getRepository(one, id, 'team/app')).repository.pushCount, 1)
    },
  )

  test(`${engine}: contents: manifests larger than a page of the database are like others`, options, async (t) => {
    const { contents, data, id, internalId } = await open(t, openMetadata)
    const digests: Digest[] = []
    for (const text of ['small', 'a', 'b'])
      digests.push(await data.push(internalId, 'app', text.padEnd(text === 'small' ? 5 : 20_000, text), `tag-${text}`))
    await data.delete(internalId, 'app', digests[1] as Digest)
    const { artifacts: listed } = await contents.listArtifactsOfRegistry(
      one,
      id,
      artifacts({ orderBy: 'pushCount', descending: false }),
    )
    assert.deepEqual(
      listed.map(({ digest, tags }) => [digest, tags]),
      [
        [digests[0], ['tag-small']],
        [digests[2], ['tag-b']],
      ],
    )
  })

  test(`${engine}: contents: foreign, invisible and absent registries are one answer`, options, async (t) => {
    const { contents, data, id, internalId } = await open(t, openMetadata)
    const digest = await data.push(internalId, 'app', 'x')
    const place = { registryId: id, repository: 'app', digest }
    const restricted = actor(1, [internalId + 1])
    for (const who of [two, restricted])
      for (const act of [
        () => contents.listRepositories(who, id, repositories()),
        () => contents.getRepository(who, id, 'app'),
        () => contents.deleteRepository(who, id, 'app'),
        () => contents.listArtifactsOfRegistry(who, id, artifacts()),
        () => contents.listArtifacts(who, place, artifacts() as ArtifactQuery),
        () => contents.getArtifact(who, place),
      ])
        await assert.rejects(act(), { kind: 'not_found', message: `registry ${id} does not exist` })
    assert.equal((await contents.getRepository(actor(1, [internalId]), id, 'app')).repository.name, 'app')
  })

  test(`${engine}: contents: filters: part of a name, and the severity of what was pushed last`, options, async (t) => {
    const world = await open(t, openMetadata)
    const { data, metadata, clock, internalId } = world
    const digests: Digest[] = []
    for (const name of ['alpha', 'beta', 'alphabet', 'per_cent']) {
      clock.now += MINUTE
      digests.push(await data.push(internalId, name, name))
    }
    const found = { maxSeverity: 'high', scoreTenths: 75, count: 1, fixable: 0 } as const
    await writeScan(metadata, digests[0] as Digest, 5, found)
    await writeScan(metadata, digests[1] as Digest, 5, { ...found, maxSeverity: 'low' })
    assert.deepEqual(await namesOf(world, { nameContains: 'PHA', orderBy: 'name', descending: false }), [
      'alpha',
      'alphabet',
    ])
    assert.deepEqual(await namesOf(world, { nameContains: 'pha', limit: 1, offset: 1, descending: false }), [
      'alphabet',
    ])
    for (const [part, want] of [
      ['%', []],
      ['_', ['per_cent']],
      ['\\', []],
    ] as const)
      assert.deepEqual(await namesOf(world, { nameContains: part }), want)
    for (const orderBy of ['name', 'pullCount'] as const) {
      assert.deepEqual(await namesOf(world, { orderBy, severity: 'high' }), ['alpha'])
      assert.deepEqual(await namesOf(world, { orderBy, severity: 'critical' }), [])
      assert.deepEqual(await namesOf(world, { orderBy, severity: 'low', nameContains: 'a' }), ['beta'])
    }
    await data.push(internalId, 'alpha', 'newer')
    assert.deepEqual(await namesOf(world, { severity: 'high' }), [])
    await data.push(internalId, 'alpha', 'alpha')
    assert.deepEqual(await namesOf(world, { severity: 'high' }), ['alpha'])
  })

  test(`${engine}: contents: a page that takes too long to find is refused with what to do`, options, async (t) => {
    let now = 0
    const world = await open(t, openMetadata, { stopwatch: () => (now += 1_500) })
    const { contents, metadata, id, internalId } = world
    await metadata.transact(async (sql) => {
      await sql.run`
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
        INSERT INTO repositories (id, registry_id, name, created_at, created_by)
        SELECT 1000 + i, ${internalId}, 'many/' || (100000 + i), 0, 'test' FROM n`
      await sql.run`
        INSERT INTO repository_counters (repository_id, registry_id, listing, last_pushed_at, last_pulled_at)
        SELECT id, registry_id, 1, id, 0 FROM repositories WHERE name LIKE 'many/%'`
    })
    const list = (more: Partial<RepositoryQuery>) =>
      contents.listRepositories(one, id, repositories({ limit: 2, ...more }))
    assert.deepEqual(
      (await list({ offset: 5_100, descending: false })).repositories.map(({ name }) => name),
      ['many/105101', 'many/105102'],
    )
    const tooDeep = { kind: 'input_invalid', message: /offset 11000 is too deep: .* within 2 s; use a smaller offset/ }
    await assert.rejects(list({ offset: 11_000 }), tooDeep)
    await assert.rejects(list({ nameContains: 'nothing like it' }), { kind: 'input_invalid', message: /so few match/ })
  })

  test(
    `${engine}: contents: what was deleted in bulk is passed over, and soon not met any more`,
    options,
    async (t) => {
      let now = 0
      let step = 0
      const world = await open(t, openMetadata, { stopwatch: () => (now += step) })
      const { contents, data, metadata, id, internalId } = world
      const kept = await data.push(internalId, 'kept', 'x')
      await data.push(internalId, 'large', 'x')
      await metadata.transact(async (sql) => {
        await sql.run`
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO manifests (id, repository_id, digest, media_type, size, content, data_key_id, pushed_at, pushed_by, lease_until)
        SELECT 1000 + n.i, m.repository_id, 'sha256:' || n.i, m.media_type, m.size, m.content, m.data_key_id, 0, 'x', 0
          FROM n CROSS JOIN manifests m JOIN repositories r ON r.id = m.repository_id WHERE r.name = 'large'`
        await sql.run`
        INSERT INTO manifest_counters (manifest_id, registry_id, repository_id, is_listed, push_count, last_pushed_at, last_pulled_at)
        SELECT id, ${internalId}, repository_id, 1, 1, id, 0 FROM manifests WHERE id > 1000`
      })
      const listed = async () =>
        (await contents.listArtifactsOfRegistry(one, id, artifacts({ orderBy: 'pushCount' }))).artifacts.map(keyOf)
      assert.equal((await listed()).length, 100)
      await contents.deleteRepository(one, id, 'large')
      assert.deepEqual(await listed(), [`kept@${kept}`])
      step = 1_500
      await assert.rejects(listed(), { kind: 'unavailable', message: /deleted a moment ago/ })
      await contents.tidyLists()
      assert.deepEqual(await listed(), [`kept@${kept}`])
    },
  )

  test(`${engine}: contents: pages hold together at any offset`, options, async (t) => {
    const world = await open(t, openMetadata)
    const { contents, metadata, id, internalId } = world
    await metadata.transact(
      (sql) => sql.run`
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11000)
        INSERT INTO repositories (id, registry_id, name, created_at, created_by)
        SELECT 1000 + i, ${internalId}, 'many/' || (100000 + i), 0, 'test' FROM n`,
    )
    await metadata.transact(
      (sql) => sql.run`
        INSERT INTO repository_counters (repository_id, registry_id, listing, last_pushed_at, last_pulled_at)
        SELECT id, registry_id, 1, id / 7, 0 FROM repositories WHERE name LIKE 'many/%'`,
    )
    for (const [offset, want] of [
      [0, '111000'],
      [4_999, '106001'],
      [5_001, '105999'],
      [10_998, '100002'],
      [10_999, '100001'],
    ] as const) {
      const { repositories: page, more } = await contents.listRepositories(one, id, repositories({ offset, limit: 1 }))
      assert.deepEqual([page.map(({ name }) => name), more], [[`many/${want}`], offset < 10_999])
    }
    for (const offset of [11_000, 20_000, 1_000_000])
      assert.deepEqual((await contents.listRepositories(one, id, repositories({ offset }))).repositories, [])
  })

  test(`${engine}: contents: every order, forwards and backwards, in pages, after many acts`, options, async (t) => {
    const world = await open(t, openMetadata)
    const known = [...(await actAtRandom(world)).values()]
    for (const order of ORDERS) {
      const want = sorted(known, order)
      for (const repository of ['a', 'b/c'])
        assert.deepEqual(
          await within(world, repository, order),
          want.filter((key) => key.startsWith(`${repository}@`)),
        )
      const { orderBy } = order
      if (orderBy === 'vulnMaxSeverity' || orderBy === 'vulnTotalScore') continue
      for (const limit of [1_000, 7]) assert.deepEqual(await everywhere(world, { ...order, orderBy }, limit), want)
    }
  })

  test(`${engine}: contents: rows of an older program are adopted`, options, async (t) => {
    const world = await open(t, openMetadata)
    const { contents, data, metadata, id, internalId } = world
    const digest = await data.push(internalId, 'app', 'x')
    await data.push(internalId, 'app', 'x')
    await metadata.transact(async (sql) => {
      await sql.run`DELETE FROM manifest_counters`
      await sql.run`DELETE FROM repository_counters`
      await sql.run`INSERT INTO repository_counters (repository_id) SELECT id FROM repositories`
      await sql.run`
        INSERT INTO manifest_counters (manifest_id, push_count, last_pushed_at) SELECT id, 2, pushed_at FROM manifests`
    })
    assert.deepEqual(await namesOf(world), [])
    await contents.tidyLists()
    assert.deepEqual(await namesOf(world), ['app'])
    assert.equal((await contents.getRepository(one, id, 'app')).repository.artifactCount, 1)
    const { artifacts: listed } = await contents.listArtifactsOfRegistry(one, id, artifacts({ orderBy: 'pushCount' }))
    assert.deepEqual(
      listed.map((each) => [each.digest, each.pushCount, each.created.by]),
      [[digest, 2, 'token:ci']],
    )
    await metadata.transact((sql) => sql.run`UPDATE manifest_counters SET pull_count = 3, last_pulled_at = 7`)
    await contents.tidyLists()
    for (const orderBy of ['pullCount', 'lastPull'] as const) {
      const page = await contents.listArtifactsOfRegistry(one, id, artifacts({ orderBy }))
      assert.deepEqual(
        page.artifacts.map((each) => [each.digest, each.pullCount]),
        [[digest, 3]],
      )
    }
  })
}

/** PostgreSQL's own clock goes on between two acts: times in whole minutes since `start`. */
function toMinutes<T extends ArtifactView | RepositoryView>(view: T, start: number): T {
  const minutes = (at: number | null) => (at === null ? null : Math.floor((at - start + MINUTE / 2) / MINUTE))
  const { created, lastPushedAt, lastPulledAt } = view
  return {
    ...view,
    created: { ...created, at: minutes(created.at) },
    lastPushedAt: minutes(lastPushedAt),
    lastPulledAt: minutes(lastPulledAt),
  }
}
