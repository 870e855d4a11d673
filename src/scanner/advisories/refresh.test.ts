import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { FeedServer, kevOf, osvZip, secdbOf } from '../../../test/support/feed-server.ts'
import { createEgress } from '../../http/egress.ts'
import type { Fetch } from './feeds.ts'
import type { AskedSource, SourceOutcome } from './fetch-sources.ts'
import { folderSource, NOTHING_KNOWN } from './fetch-sources.ts'
import { openSnapshot } from './open-snapshot.ts'
import type { RefreshRequest, RefreshResult } from './refresh.ts'
import { refreshAdvisories } from './refresh.ts'

const NOW = Date.UTC(2026, 0, 10)

test('what each source says becomes one snapshot; unchanged, nothing is made', async (t) => {
  const world = await open(t)
  world.server.files = {
    '/kev.json': kevOf(['CVE-2026-0001']),
    '/osv/npm/all.zip': osvZip('npm', 3),
    '/alpine/v3.20/main.json': secdbOf('v3.20', 'main', 2),
    '/alpine/v3.20/community.json': secdbOf('v3.20', 'community', 1),
  }
  const first = await world.refresh(['kev', 'osv:npm', 'alpine:v3.20'])
  assert.deepEqual(wordsOf(first), { kev: 'new', 'osv:npm': 'new', 'alpine:v3.20': 'new' })
  assert.deepEqual(world.records(), { 'alpine:v3.20': 3, kev: 1, 'osv:npm': 3 })
  assert.equal(first.changed, null)
  assert.deepEqual(readdirSync(join(world.folder, 'feeds')), [], 'what was taken in does not stay on the disk')

  const again = await world.refresh(['kev', 'osv:npm', 'alpine:v3.20'])
  assert.deepEqual(wordsOf(again), { kev: 'unchanged', 'osv:npm': 'unchanged', 'alpine:v3.20': 'unchanged' })
  assert.equal(again.snapshot, null)

  world.server.files['/osv/npm/modified_id.csv'] = Buffer.from('2026-01-10T00:00:00Z,GHSA-9\n')
  world.server.files['/osv/npm/GHSA-9.json'] = Buffer.from(
    JSON.stringify({
      id: 'GHSA-9',
      modified: '2026-01-10T00:00:00Z',
      affected: [{ package: { ecosystem: 'npm', name: 'new' }, versions: ['1'] }],
    }),
  )
  const changed = await world.refresh(['osv:npm'])
  assert.deepEqual(changed.changed, [{ ecosystem: 'npm', name: 'new' }])
  assert.equal(world.records()['osv:npm'], 4)
  assert.deepEqual(world.server.asked.slice(-2), ['/osv/npm/modified_id.csv', '/osv/npm/GHSA-9.json'])
})

const broken: readonly { name: string; file: Buffer; why: RegExp }[] = [
  { name: 'a page instead of JSON', file: Buffer.from('<!DOCTYPE html><html>Sign in</html>'), why: /no such file/ },
  { name: 'half of it', file: kevOf(many('CVE-2026-1', 200)).subarray(0, 3000), why: /no such file/ },
  { name: 'an empty list', file: kevOf([]), why: /cannot be read|no such file|would have 0 records/ },
  {
    name: 'a tenth of it',
    file: kevOf(many('CVE-2026-1', 20)),
    why: /would have 20 records where 200 are known.*fetch "kev" --force/,
  },
]
for (const { name, file, why } of broken) {
  test(`what cannot be believed is left out, and keeps back nobody: ${name}`, async (t) => {
    const world = await open(t)
    world.server.files = { '/kev.json': kevOf(many('CVE-2026-1', 200)), '/osv/npm/all.zip': osvZip('npm', 3) }
    await world.refresh(['kev', 'osv:npm'])
    world.server.files = { '/kev.json': file, '/osv/npm/all.zip': osvZip('npm', 5) }
    const result = await world.refresh(['kev', 'osv:npm'])
    assert.match(reasonOf(result.sources['kev']), why)
    assert.deepEqual([wordsOf(result)['osv:npm'], world.records()], ['new', { kev: 200, 'osv:npm': 5 }])
    assert.deepEqual(readdirSync(join(world.folder, 'feeds')), [])
  })
}

test('an operator who says so makes a source shrink; OSV loses nothing by a short list, and is told', async (t) => {
  const world = await open(t)
  world.server.files = { '/kev.json': kevOf(many('CVE-2026-1', 200)), '/osv/npm/all.zip': osvZip('npm', 300) }
  await world.refresh(['kev', 'osv:npm'])
  world.server.files = { '/kev.json': kevOf(['CVE-2026-1001']), '/osv/npm/all.zip': osvZip('npm', 5) }
  const refused = await world.refresh(['osv:npm'])
  assert.match(reasonOf(refused.sources['osv:npm']), /would have 5 records where 300 are known/)
  await world.refresh(['kev'], { forced: true })
  assert.deepEqual(world.records(), { kev: 1, 'osv:npm': 300 })
})

test('one that fails, is slow, or does not exist keeps back nobody', async (t) => {
  const world = await open(t)
  world.server.files = { '/kev.json': kevOf(['CVE-2026-0001']) }
  world.server.never.add('/epss.csv.gz')
  const result = await world.refresh(['epss', 'debian', 'nobody', 'kev'], { timeoutMs: 1_500 })
  assert.match(reasonOf(result.sources['epss']), /took more than 1.5 s/)
  assert.match(reasonOf(result.sources['debian']), /the answer is 404/)
  assert.match(reasonOf(result.sources['nobody']), /there is no source of advisories "nobody"/)
  assert.deepEqual(world.records(), { kev: 1 })
})

test('a folder is a source: taken in when a file of it is another one; a bad file is named', async (t) => {
  const world = await open(t)
  const folder = join(world.folder, '..', `${NOW}-stick-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const name = folderSource(folder)
  assert.match(reasonOf((await world.refresh([name])).sources[name]), /it holds no file that is called/)
  writeFileSync(join(folder, 'kev.json'), kevOf(['CVE-2026-0001']))
  writeFileSync(join(folder, 'README'), 'hello')
  writeFileSync(join(folder, 'bad.json'), 'hello')
  const first = (await world.refresh([name])).sources[name]
  assert.ok(first?.outcome === 'new')
  assert.match(first.remark ?? '', /bad\.json: it is neither JSON/)
  assert.deepEqual(wordsOf(await world.refresh([name])), { [name]: 'unchanged' })
  rmSync(join(folder, 'bad.json'))
  assert.deepEqual(wordsOf(await world.refresh([name])), { [name]: 'new' })
  assert.ok(existsSync(join(folder, 'kev.json')), "somebody's files stay")
  assert.match(reasonOf((await world.refresh([folderSource('/nowhere')])).sources['folder:/nowhere']), /ENOENT/)
})

test('nothing is begun while the disk is nearly full', async (t) => {
  const world = await open(t)
  await assert.rejects(world.refresh(['kev'], { minFreeBytes: Number.MAX_SAFE_INTEGER }), /the disk is nearly full/)
  assert.deepEqual(world.server.asked, [])
})

function many(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`)
}

function reasonOf(outcome: SourceOutcome | undefined): string {
  return outcome?.outcome === 'failed' ? outcome.reason : JSON.stringify(outcome)
}

function wordsOf({ sources }: RefreshResult): Record<string, string> {
  return Object.fromEntries(Object.entries(sources).map(([name, { outcome }]) => [name, outcome]))
}

async function open(t: TestContext) {
  const server = await FeedServer.open()
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-refresh-'))
  t.after(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  const egress = createEgress({ allow: ['127.0.0.1'], timeoutMs: 60_000, maxBytes: 1e9 })
  // However slow this machine is: who answers is not late.
  const patient = new AbortController().signal
  const fetch: Fetch = (url, request) =>
    egress(url, server.never.has(new URL(url).pathname) ? request : { ...request, signal: patient })
  const known = new Map<string, AskedSource['known']>()
  let base: string | null = null
  return {
    server,
    folder,
    async refresh(names: readonly string[], more: Partial<RefreshRequest> & { forced?: boolean } = {}) {
      const sources = names.map((name) => ({
        name,
        known: known.get(name) ?? NOTHING_KNOWN,
        forced: more.forced ?? false,
      }))
      const common = { folder, base, mirror: server.url, sources, now: NOW }
      const bounds = { timeoutMs: 60_000, maxBytes: 1e9, minFreeBytes: 0 }
      const result = await refreshAdvisories({ ...common, ...bounds, ...more }, { fetch })
      base = result.snapshot?.path ?? base
      for (const [name, outcome] of Object.entries(result.sources))
        if (outcome.outcome !== 'failed') known.set(name, outcome.known)
      return result
    },
    records(): Record<string, number> {
      if (base === null) return {}
      using index = openSnapshot(base)
      return Object.fromEntries(index.info.sources.map(({ name, records }) => [name, records]))
    },
  }
}
