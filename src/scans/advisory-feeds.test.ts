import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { FeedServer, kevOf } from '../../test/support/feed-server.ts'
import { openSqliteMetadata } from '../../test/support/management.ts'
import { createEgress } from '../http/egress.ts'
import { diffSnapshots } from '../scanner/advisories/diff-snapshots.ts'
import { openSnapshot } from '../scanner/advisories/open-snapshot.ts'
import { refreshAdvisories } from '../scanner/advisories/refresh.ts'
import { Advisories } from './advisories.ts'
import type { AdvisoryFeeds, FeedsDeps } from './advisory-feeds.ts'
import { createAdvisoryFeeds } from './advisory-feeds.ts'

// What comes into force, and what is written of those it came from.

const MINUTE = 60_000
const SETTINGS = { sources: ['kev', 'epss'], folder: null, everyMs: 360 * MINUTE, staleMs: 1e15 }
const BOUNDS = { timeoutMs: MINUTE, maxBytes: 1e9, minFreeBytes: 0 }

test('a new snapshot and what became of its sources come into force in one step', async (t) => {
  const { server, clock, feeds, install } = await open(t)
  await attempt(feeds)
  assert.deepEqual(await seen(feeds), { epss: [null, 1, false], kev: [null, 1, false] })
  server.files['/kev.json'] = kevOf(['CVE-2026-0001'])
  clock.now += 3 * MINUTE
  let states: unknown
  install.after = async () => {
    states = await seen(feeds)
  }
  await attempt(feeds)
  assert.deepEqual(states, { epss: [null, 2, false], kev: [1, 0, true] })
  assert.deepEqual(await seen(feeds), states, 'and once')
})

test('where somebody installs the same just now, nothing is said of what is not in force', async (t) => {
  const { server, feeds, install } = await open(t)
  server.files['/kev.json'] = kevOf(['CVE-2026-0001'])
  install.isOthers = true
  await attempt(feeds)
  assert.deepEqual(await seen(feeds), { epss: [null, 1, false], kev: [null, 1, false] })
  const { asked } = await feeds.state()
  for (const { lastError } of asked) assert.equal(lastError, 'the same advisories were installed meanwhile')
})

async function attempt(feeds: AdvisoryFeeds): Promise<void> {
  await feeds.lookWhetherDue()
  await feeds.handler.run({ payload: {}, number: 1, isLast: false, signal: new AbortController().signal })
}

/** Records in force, failures, and whether it is known by what its publisher knows them. */
async function seen(feeds: AdvisoryFeeds) {
  const { asked } = await feeds.state()
  return Object.fromEntries(
    asked.map(({ name, records, failures, files }) => [name, [records, failures, Object.keys(files).length > 0]]),
  )
}

async function open(t: TestContext) {
  const server = await FeedServer.open()
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-advisory-feeds-'))
  const clock = { now: Date.UTC(2026, 0, 10) }
  const opened = await openSqliteMetadata(() => clock.now)
  const { metadata } = opened
  const advisories = new Advisories({ metadata, openSnapshot, diffSnapshots, cacheDirectory: folder })
  t.after(async () => {
    advisories[Symbol.dispose]()
    await opened[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  const install = { isOthers: false, after: async (): Promise<void> => {} }
  const scans: FeedsDeps['scans'] = {
    snapshotFile: () => advisories.currentFile(),
    installSnapshot: async (path, known) => {
      if (install.isOthers) return false
      const isInstalled = await advisories.install(path, known)
      await install.after()
      return isInstalled
    },
  }
  const fetch = createEgress({ allow: ['127.0.0.1'], timeoutMs: MINUTE, maxBytes: 1e9 })
  const feeds = createAdvisoryFeeds({
    ...{ metadata, scans },
    settings: { ...SETTINGS, mirror: server.url },
    refresh: (asked, signal) => refreshAdvisories({ ...asked, ...BOUNDS, folder }, { fetch, signal }),
    random: () => 0.5,
    audit: async () => {},
    tell: () => {},
  })
  return { server, clock, feeds, install }
}
