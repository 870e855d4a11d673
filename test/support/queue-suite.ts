import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Attempt, QueueDeps } from '../../src/jobs/queue.ts'
import { runDueJobs } from '../../src/jobs/queue.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import type { NewJob } from '../../src/metadata/tables/job-queue.ts'
import { claimJob, insertJob } from '../../src/metadata/tables/job-queue.ts'
import { listJobs } from '../../src/metadata/tables/jobs.ts'

type Open = (now: () => number) => Promise<AsyncDisposable & { readonly metadata: MetadataStore }>

interface World {
  readonly clock: { now: number }
  readonly metadata: MetadataStore
  /** Payloads, in the order they were tried. */
  readonly tried: unknown[]
  readonly enqueue: (job?: Partial<NewJob>) => Promise<void>
  readonly run: (more?: Partial<QueueDeps>, signal?: AbortSignal) => Promise<number>
  readonly jobs: () => Promise<string[]>
}

/** What the queue does on a database, whose clock may be a second behind. */
export function queueSuite(engine: string, open: Open, skip: false | string = false): void {
  const on = (name: string, fn: (world: World) => Promise<void>, more: (attempt: Attempt) => void = () => {}) =>
    test(`queue on ${engine}: ${name}`, { skip }, async () => {
      const clock = { now: 1_000_000_000_000 }
      await using opened = await open(() => clock.now)
      await fn(worldOn(opened.metadata, clock, more))
    })

  on('what is asked twice is done once, in order, and is gone', async ({ enqueue, run, tried, jobs }) => {
    await enqueue({ payload: '1', dedupeKey: 'a' })
    await enqueue({ payload: '2', dedupeKey: 'a' })
    await enqueue({ payload: '3', dedupeKey: 'b' })
    assert.equal(await run(), 2)
    assert.deepEqual(tried, [1, 3])
    assert.deepEqual(await jobs(), [])
  })

  on('what is rolled back with its cause is not done', async ({ metadata, run }) => {
    await assert.rejects(
      metadata.transact(async (sql) => {
        await insertJob(sql, { kind: 'k', payload: '1', dedupeKey: null })
        throw new TypeError('the cause failed')
      }),
    )
    assert.equal(await run(), 0)
  })

  on(
    'what fails waits longer each time, and is kept with its error in the end',
    async ({ clock, enqueue, run, jobs }) => {
      await enqueue({ maxAttempts: 3 })
      assert.equal(await run(), 1)
      assert.deepEqual(await jobs(), ['k ready 1 no luck'])
      assert.equal(await run(), 0)
      clock.now += 3_900
      assert.equal(await run(), 1)
      clock.now += 2_000
      assert.equal(await run(), 0)
      clock.now += 4_000
      assert.equal(await run(), 1)
      assert.deepEqual(await jobs(), ['k dead 3 no luck'])
      clock.now += 1e9
      assert.equal(await run(), 0)
    },
    () => {
      throw new TypeError('no luck')
    },
  )

  on('one lane does not wait for another', async ({ enqueue, run, tried }) => {
    await enqueue({ kind: 'k', payload: '1' })
    await enqueue({ kind: 'slow', payload: '2' })
    assert.equal(await run({ lane: { except: 'k' } }), 1)
    assert.equal(await run({ lane: { only: 'slow' } }), 0)
    assert.equal(await run({ lane: { only: 'k' } }), 1)
    assert.deepEqual(tried, [2, 1])
  })

  on('a node does so many at a time; another one does others', async ({ metadata, enqueue, run, tried }) => {
    await enqueue({ payload: '1' })
    await enqueue({ payload: '2' })
    const by = { node: 'one', leaseMs: 60_000, maxOfNode: 1 }
    assert.equal((await metadata.transact((sql) => claimJob(sql, by)))?.payload, '1')
    assert.equal(await run(), 0)
    assert.equal(await run({ node: 'two' }), 1)
    assert.deepEqual(tried, [2])
  })

  on('the job of a process that died is done when its lease ends', async ({ clock, metadata, enqueue, run, tried }) => {
    await enqueue({ payload: '1' })
    await metadata.transact((sql) => claimJob(sql, { node: 'one', leaseMs: 60_000, maxOfNode: 1 }))
    clock.now += 50_000
    assert.equal(await run({ node: 'two' }), 0)
    clock.now += 20_000
    assert.equal(await run({ node: 'two' }), 1)
    assert.deepEqual(tried, [1])
  })

  on('a job that kills its process each time ends, too', async ({ clock, metadata, enqueue, run, tried, jobs }) => {
    await enqueue({ maxAttempts: 2 })
    for (let times = 0; times < 2; times += 1) {
      await metadata.transact((sql) => claimJob(sql, { node: 'one', leaseMs: 60_000, maxOfNode: 1 }))
      clock.now += 70_000
    }
    await run()
    assert.deepEqual(tried, [])
    assert.deepEqual(await jobs(), ['k dead 3 its process died each time'])
  })

  on('the same is not done twice at once, but once more', async ({ metadata, enqueue, run, clock, tried }) => {
    await enqueue({ payload: '1', dedupeKey: 'a' })
    await metadata.transact((sql) => claimJob(sql, { node: 'one', leaseMs: 60_000, maxOfNode: 1 }))
    await enqueue({ payload: '2', dedupeKey: 'a' })
    assert.equal(await run({ node: 'two' }), 0)
    clock.now += 70_000
    assert.equal(await run({ node: 'two' }), 2)
    assert.deepEqual(tried, [1, 2])
  })

  on('a process that ends hands back what it has in hand', async ({ metadata, enqueue, run, jobs }) => {
    await enqueue()
    const ending = new AbortController()
    const handlers = {
      k: {
        deadlineMs: 60_000,
        run: async ({ signal }: Attempt) => {
          ending.abort()
          signal.throwIfAborted()
        },
      },
    }
    await run({ handlers }, ending.signal)
    assert.deepEqual(await jobs(), ['k ready 0 null'])
    assert.equal(await metadata.read(async (sql) => (await listJobs(sql, ALL)).length), 1)
  })
}

const ALL = { state: null, after: 0, limit: 100 }

function worldOn(metadata: MetadataStore, clock: { now: number }, more: (attempt: Attempt) => void): World {
  const tried: unknown[] = []
  const run = async (attempt: Attempt): Promise<void> => {
    tried.push(attempt.payload)
    more(attempt)
  }
  const deps: QueueDeps = {
    metadata,
    handlers: { k: { deadlineMs: 60_000, run }, slow: { deadlineMs: 60_000, run } },
    node: 'one',
    maxOfNode: 1,
    leaseMs: 60_000,
    random: () => 1,
    onFailure: () => {},
  }
  return {
    clock,
    metadata,
    tried,
    enqueue: (job) => metadata.transact((sql) => insertJob(sql, { kind: 'k', payload: '{}', dedupeKey: null, ...job })),
    run: async (own, signal = new AbortController().signal) => {
      await caughtUp(metadata, clock.now)
      return await runDueJobs({ ...deps, ...own }, signal)
    },
    jobs: async () =>
      (await metadata.read((sql) => listJobs(sql, ALL))).map(
        ({ kind, state, attempts, last_error }) => `${kind} ${state} ${attempts} ${last_error}`,
      ),
  }
}

/** PostgreSQL's clock is asked for from time to time: one that jumped is seen a little later. */
async function caughtUp(metadata: MetadataStore, now: number): Promise<void> {
  while ((await metadata.read(async (sql) => sql.now())) < now - 900) await setTimeout(20)
}
