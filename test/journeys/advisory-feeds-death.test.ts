import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { FeedServer, kevOf, secdbOf } from '../support/feed-server.ts'
import { ScanServer } from '../support/scan-server.ts'
import { until } from '../support/tools.ts'

// Fetching advisories when processes die, end, and are several.

const MINUTE = 60_000
const skip = process.platform === 'linux' ? false : 'finds children in /proc'

interface Asked {
  name: string
  lastError: string | null
  failures: number
  records: number | null
}

test('a process that is killed half way costs a retry, and what has come stays', { skip }, async (t) => {
  const { mirror, server, data, open } = await world(t)
  const alpine = secdbOf('v3.20', 'main', 20_000)
  mirror.files['/alpine/v3.20/main.json'] = alpine
  mirror.cutAfter.set('/alpine/v3.20/main.json', alpine.length >> 1)
  await server.tick()
  const part = join(data, 'advisories', 'feeds', 'alpine-v3.20-main.json.part')
  const came = () => statSync(part, { throwIfNoEntry: false })?.size === alpine.length >> 1
  await until(came, () => `asked: ${mirror.asked.join()}`, 60_000)
  killChild()
  const failed = await sources(server, (items) => items.every(({ failures }) => failures === 1))
  for (const { lastError } of failed) assert.match(lastError ?? '', /ended with signal SIGKILL/)
  assert.equal((await server.get('/api/v1/advisories')).snapshot, null)
  mirror.cutAfter.clear()
  server.clock.now += 2 * MINUTE
  await server.tick()
  await sources(server, (items) => items.every(({ records }) => records !== null))
  assert.deepEqual(mirror.ranges.slice(-1), [`bytes=${alpine.length >> 1}-`], 'it went on where it was')

  await t.test('a server that ends hands it on: the next one begins at once', async () => {
    mirror.files['/kev.json'] = kevOf(['CVE-2026-0001', 'CVE-2026-0002'])
    mirror.cutAfter.set('/kev.json', 10)
    server.clock.now += 7 * 60 * MINUTE
    await server.tick()
    await until(
      () => mirror.isHeld(),
      () => `asked: ${mirror.asked.join()}`,
      60_000,
    )
    await server[Symbol.asyncDispose]()
    mirror.cutAfter.clear()
    await using next = await open(server.clock.now)
    await sources(next, (items) => items.some(({ name, records }) => name === 'kev' && records === 2))
  })
})

test('of two servers on one database one fetches, and both judge by it', async (t) => {
  const { mirror, server, open } = await world(t)
  await using other = await open(server.clock.now)
  await Promise.all([server.tick(), other.tick()])
  for (const one of [server, other]) {
    await sources(one, (items) => items.length === 2 && items.every(({ records }) => records !== null))
    await one.tick()
  }
  const [here, there] = [await server.get('/api/v1/advisories'), await other.get('/api/v1/advisories')]
  assert.equal(here.snapshot, there.snapshot)
  assert.deepEqual(mirror.asked.sort(), ['/alpine/v3.20/community.json', '/alpine/v3.20/main.json', '/kev.json'])
})

async function sources(server: ScanServer, isAsWanted: (items: Asked[]) => boolean): Promise<Asked[]> {
  const { items } = await server.see(
    '/api/v1/advisories/sources',
    ({ items: all }) => all.length > 0 && isAsWanted(all),
  )
  return items
}

async function world(t: TestContext) {
  const mirror = await FeedServer.open()
  const data = await mkdtemp(join(tmpdir(), 'entrepot-feeds-death-'))
  mirror.files = {
    '/kev.json': kevOf(['CVE-2026-0001']),
    '/alpine/v3.20/main.json': secdbOf('v3.20', 'main', 5),
    '/alpine/v3.20/community.json': secdbOf('v3.20', 'community', 2),
  }
  const open = async (now?: number) => {
    const server = await ScanServer.open({
      ENTREPOT_DATA: data,
      ENTREPOT_ADVISORY_SOURCES: 'kev,alpine:v3.20',
      ENTREPOT_ADVISORY_MIRROR: mirror.url,
      ENTREPOT_EGRESS_ALLOW: '127.0.0.1',
      ENTREPOT_MIN_FREE_BYTES: '0',
    })
    if (now !== undefined) server.clock.now = now
    await server.makeOperator()
    return server
  }
  const server = await open()
  t.after(async () => {
    await server[Symbol.asyncDispose]()
    await mirror[Symbol.asyncDispose]()
    await rm(data, { recursive: true, force: true })
  })
  return { mirror, server, data, open }
}

/** Of this process, the one that fetches. */
function killChild(): void {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name))
  assert.equal(pids.length, 1)
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
}

function isOurs(pid: string): boolean {
  try {
    const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('feeds-child')
  } catch {
    return false // it has ended
  }
}
