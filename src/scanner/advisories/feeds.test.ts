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
import { sourceNamed, sourcesFor } from './feed-list.ts'
import type { FeedOptions } from './feeds.ts'
import { fetchFeed, forgetFeed } from './feeds.ts'
import { fetchOsvChanges } from './osv-changes.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

test('a source is known by its word, at its publisher or at a mirror', () => {
  const urls = (name: string, mirror?: string) => sourceNamed(name, mirror)?.feeds.map(({ url }) => url)
  assert.deepEqual(urls('osv:Rocky Linux'), [
    'https://storage.googleapis.com/osv-vulnerabilities/Rocky%20Linux/all.zip',
  ])
  assert.deepEqual(
    urls('alpine:v3.20', 'https://m.example/a/'),
    ['main', 'community'].map((name) => `https://m.example/a/alpine/v3.20/${name}.json`),
  )
  assert.deepEqual(urls('kev', 'https://m.example'), ['https://m.example/kev.json'])
  for (const none of ['osv:../../etc', 'alpine:v3', 'alpine:../x', 'KEV', '', 'osv:'])
    assert.equal(sourceNamed(none), null, none)
})

test('sources of what images hold; for nothing, nothing', () => {
  assert.deepEqual(sourcesFor([]), [])
  assert.deepEqual(sourcesFor(['Nobody:1']), [])
  assert.deepEqual(sourcesFor(['Alpine:v3.20', 'Alpine:edge', 'Debian:11', 'Debian:12', 'npm', 'Ubuntu:22.04', 'X']), [
    ...['kev', 'epss', 'alpine:edge', 'alpine:v3.20', 'debian', 'osv:Ubuntu', 'osv:npm'],
  ])
})

for (const [name, validator, ask] of [
  ['ETag', { etag: '"1"' }, 'if-none-match'],
  ['Last-Modified', { 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 'if-modified-since'],
] as const) {
  test(`a file comes once; unchanged it is not sent again: ${name}`, async (t) => {
    const asked: (string | undefined)[] = []
    const [value] = Object.values(validator)
    const { feed, options } = await open(t, (request, response) => {
      asked.push(String(request.headers[ask]))
      if (request.headers[ask] === value) response.writeHead(304).end()
      else response.writeHead(200, validator).end('content')
    })
    const first = await fetchFeed(feed, null, options)
    assert.ok(first.outcome === 'new')
    assert.equal(readFileSync(first.path, 'utf8'), 'content')
    assert.equal((await fetchFeed(feed, null, options)).outcome, 'new', 'it waits to be taken in')
    await forgetFeed(feed, options.folder)
    assert.ok(!existsSync(first.path))
    assert.equal((await fetchFeed(feed, first.validators, options)).outcome, 'unchanged')
    assert.deepEqual(asked, ['undefined', value, value])
  })
}

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
    const first = await fetchFeed(feed, null, options)
    assert.equal(first.outcome, 'failed')
    assert.ok(!existsSync(join(options.folder, feed.name)), 'half a file is not there')
    const second = await fetchFeed(feed, null, options)
    assert.deepEqual([second.outcome, ranges], ['new', [undefined, 'bytes=5-']])
    assert.ok(second.outcome === 'new')
    assert.equal(readFileSync(second.path, 'utf8'), changed ? 'abcdefghij' : '0123456789')
  })
}

const failures: readonly { name: string; answer: Answer; why: RegExp; timeoutMs?: number }[] = [
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
  {
    name: 'a redirect to elsewhere',
    answer: (_, response) => response.writeHead(302, { location: 'http://elsewhere.example/x' }).end(),
    why: /redirect to another host/,
  },
  { name: 'no answer', answer: () => {}, timeoutMs: 200, why: /took more than 0.2 s/ },
]
for (const { name, answer, why, timeoutMs = 60_000 } of failures) {
  test(`what fails says why, and leaves the former file: ${name}`, async (t) => {
    let isFirst = true
    const { feed, options } = await open(t, (request, response) => {
      if (!isFirst) return answer(request, response)
      isFirst = false
      response.writeHead(200, { etag: '"1"' }).end('former')
    })
    await fetchFeed(feed, null, options)
    const result = await fetchFeed(feed, null, { ...options, timeoutMs, maxBytes: 1000 })
    assert.match(result.outcome === 'failed' ? result.reason : 'it did not', why)
    assert.equal(readFileSync(join(options.folder, feed.name), 'utf8'), 'former')
    assert.ok(!existsSync(join(options.folder, `${feed.name}.part`)))
  })
}

test('what is whole already, but for its name, is asked for anew', async (t) => {
  let cut = true
  const { feed, options } = await open(t, (request, response) => {
    if (request.headers.range !== undefined) return void response.writeHead(416).end()
    response.writeHead(200, { etag: '"1"', ...(cut ? { 'content-length': '6' } : {}) })
    if (!cut) return void response.end('whole')
    cut = false
    response.write('whole')
    const part = join(options.folder, `${feed.name}.part`)
    const whenItCame = () => (sizeOf(part) === 5 ? response.destroy() : setImmediate(whenItCame))
    whenItCame()
  })
  assert.equal((await fetchFeed(feed, null, options)).outcome, 'failed')
  const result = await fetchFeed(feed, null, options)
  assert.equal(result.outcome === 'new' && readFileSync(result.path, 'utf8'), 'whole')
})

const CSV = '2024-03-02T00:00:00Z,GHSA-2\n2024-03-01T00:00:00Z,GHSA-1\n2024-01-01T00:00:00Z,GHSA-0\n'
const many = Array.from({ length: 301 }, (_, n) => `2024-03-02T00:00:00Z,GHSA-${n}\n`).join('')
const changes = [
  {
    name: 'a few come one by one, in one file',
    csv: CSV,
    want: '{"id":"/osv/npm/GHSA-2.json"}\n{"id":"/osv/npm/GHSA-1.json"}\n',
  },
  { name: 'none', csv: '2024-01-01T00:00:00Z,GHSA-0\n', want: 'unchanged' },
  { name: 'many', csv: many, want: 'too many' },
  { name: 'a list that is none', csv: '<html>', want: 'too many' },
  { name: 'an id that is a path', csv: '2024-03-02T00:00:00Z,../../x\n', want: 'too many' },
  { name: 'no list', csv: null, want: 'too many' },
]
for (const { name, csv, want } of changes) {
  test(`OSV, what changed since: ${name}`, async (t) => {
    const { feed, options } = await open(t, (request, response) => {
      if (!request.url?.endsWith('.csv')) response.end(JSON.stringify({ id: request.url }, null, 2))
      else if (csv === null) response.writeHead(404).end()
      else response.writeHead(200, { etag: '"1"' }).end(csv)
    })
    const source = sourceNamed('osv:npm', feed.url.replace('/feed', ''))
    assert.ok(source)
    const result = await fetchOsvChanges(source, { since: Date.UTC(2024, 1, 1), list: null }, options)
    assert.equal(result.outcome === 'new' ? readFileSync(result.path, 'utf8') : result.outcome, want)
  })
}

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
  const options = { fetch: egress, folder, timeoutMs: 60_000, maxBytes: 1_000_000 }
  return { feed: { name: 'feed.json', url: `http://127.0.0.1:${port}/feed` }, options }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
