import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { createEgress } from '../../http/egress.ts'
import { feedsOf, osvFeed } from './feed-list.ts'
import type { FeedOptions } from './feeds.ts'
import { feedState, fetchFeed, fetchFeeds, fetchOsvChanges } from './feeds.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const KEV = { osv: [], alpine: [], debian: false, kev: true, epss: false } as const

test('feedsOf: only what is asked for, at the published addresses or at a mirror', () => {
  assert.deepEqual(feedsOf({ ...KEV, kev: false }), [])
  const all = feedsOf({ osv: ['npm', 'Rocky Linux'], alpine: ['v3.20'], debian: true, kev: true, epss: true })
  assert.deepEqual(
    all.map(({ name }) => name),
    [
      'osv-npm-all.zip',
      'osv-Rocky_Linux-all.zip',
      'alpine-v3.20-main.json',
      'alpine-v3.20-community.json',
      'debian-tracker.json',
      'kev.json',
      'epss.csv.gz',
    ],
  )
  assert.ok(all[1]?.url.endsWith('/Rocky%20Linux/all.zip'))
  assert.throws(() => feedsOf({ ...KEV, osv: ['../../etc'] }), /no source of advisories/)
  assert.equal(feedsOf({ ...KEV, from: { kev: 'https://mirror.example/kev' } })[0]?.url, 'https://mirror.example/kev')
})

test('a file comes once; unchanged it is not sent again, and its publisher was heard of', async (t) => {
  const asked: (string | undefined)[] = []
  const { feed, options } = await open(t, (request, response) => {
    asked.push(request.headers['if-none-match'])
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"1"' }).end('content')
  })
  assert.equal((await fetchFeed(feed, options)).outcome, 'new')
  const again = await fetchFeed(feed, { ...options, now: () => 9 })
  assert.deepEqual([again.outcome, asked], ['unchanged', [undefined, '"1"']])
  assert.equal(readFileSync(again.path ?? '', 'utf8'), 'content')
  assert.equal((await feedState(feed, options.folder))?.succeededAt, 9)
})

for (const changed of [false, true]) {
  test(`cut off, the next time goes on ${changed ? 'anew, for the file has changed' : 'where it ended'}`, async (t) => {
    let calls = 0
    const ranges: (string | undefined)[] = []
    const { feed, options } = await open(t, (request, response) => {
      calls++
      ranges.push(request.headers.range)
      if (calls === 1) {
        response.writeHead(200, { etag: '"1"', 'content-length': '10' }).write('01234')
        const part = join(options.folder, `${feed.name}.part`)
        const whenItCame = () => (sizeOf(part) === 5 ? response.destroy() : setImmediate(whenItCame))
        whenItCame()
        return
      }
      assert.equal(request.headers['if-range'], '"1"')
      if (changed) response.writeHead(200, { etag: '"2"' }).end('abcdefghij')
      else response.writeHead(206, { etag: '"1"', 'content-range': 'bytes 5-9/10' }).end('56789')
    })
    const first = await fetchFeed(feed, options)
    assert.equal(first.outcome, 'failed')
    assert.ok(!existsSync(join(options.folder, feed.name)), 'half a file is not there')
    const second = await fetchFeed(feed, options)
    assert.deepEqual([second.outcome, ranges], ['new', [undefined, 'bytes=5-']])
    assert.equal(readFileSync(second.path ?? '', 'utf8'), changed ? 'abcdefghij' : '0123456789')
  })
}

const failures: readonly { name: string; answer: Answer; why: RegExp }[] = [
  { name: 'an error', answer: (_, response) => response.writeHead(503).end('busy'), why: /the answer is 503/ },
  {
    name: 'more than the limit',
    answer: (_, response) => response.writeHead(200).end('x'.repeat(5000)),
    why: /more than 1000 bytes/,
  },
  {
    name: 'a part that nobody asked for',
    answer: (_, response) => response.writeHead(206, { 'content-range': 'bytes 7-8/9' }).end('x'),
    why: /the answer is 206/,
  },
  { name: 'no answer', answer: () => {}, why: /took more than 200 ms/ },
]
for (const { name, answer, why } of failures) {
  test(`what fails says why, and leaves the former file: ${name}`, async (t) => {
    let isFirst = true
    const { feed, options } = await open(t, (request, response) => {
      if (!isFirst) return answer(request, response)
      isFirst = false
      response.writeHead(200, { etag: '"1"' }).end('former')
    })
    await fetchFeed(feed, options)
    const result = await fetchFeed(feed, { ...options, timeoutMs: 200, maxBytes: 1000 })
    assert.match(result.outcome === 'failed' ? result.reason : 'it did not', why)
    assert.equal(readFileSync(join(options.folder, feed.name), 'utf8'), 'former')
    assert.ok(!existsSync(join(options.folder, `${feed.name}.part`)))
  })
}

test('one source that fails does not stop the others', async (t) => {
  const { feed, options } = await open(t, (request, response) =>
    response.writeHead(request.url === '/bad' ? 500 : 200).end('x'),
  )
  const results = await fetchFeeds([{ name: 'bad', url: new URL('/bad', feed.url).href }, feed], options)
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['failed', 'new'],
  )
})

test('OSV: a few changed records come one by one, in one file; many, or for the first time, as a whole', async (t) => {
  const asked: string[] = []
  const { feed, options } = await open(t, (request, response) => {
    asked.push(request.url ?? '')
    if (request.url?.endsWith('.csv'))
      response.end('2024-03-02T00:00:00Z,GHSA-2\n2024-03-01T00:00:00Z,GHSA-1\n2024-01-01T00:00:00Z,GHSA-0\n')
    else response.end(JSON.stringify({ id: request.url }, null, 2))
  })
  const base = feed.url.replace('/feed', '')
  const changes = await fetchOsvChanges('npm', { ...options, base, since: Date.UTC(2024, 1, 1) })
  assert.equal(readFileSync(changes.path ?? '', 'utf8'), '{"id":"/npm/GHSA-2.json"}\n{"id":"/npm/GHSA-1.json"}\n')
  const whole = await fetchOsvChanges('npm', { ...options, base, since: null })
  assert.equal(whole.feed.name, osvFeed('npm', 'all.zip').name)
  assert.deepEqual(asked, ['/npm/modified_id.csv', '/npm/GHSA-2.json', '/npm/GHSA-1.json', '/npm/all.zip'])
})

async function open(
  t: TestContext,
  answer: Answer,
): Promise<{ feed: { name: string; url: string }; options: FeedOptions }> {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-feeds-'))
  const server: Server = createServer(answer)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { port } = server.address() as AddressInfo
  const egress = createEgress({ allow: ['127.0.0.1'], timeoutMs: 60_000, maxBytes: 1_000_000 })
  const options = { fetch: egress, folder, now: () => 1, timeoutMs: 60_000, maxBytes: 1_000_000 }
  return { feed: { name: 'feed.json', url: `http://127.0.0.1:${port}/feed` }, options }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
