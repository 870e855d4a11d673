import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { basic, CI, distributionUnderTest, listen, READER } from '../support/distribution-server.ts'
import { runs } from '../support/fuzz.ts'
import type { MemoryRegistry } from '../support/memory-registry.ts'
import { createMemoryRegistry, sha256, sha512 } from '../support/memory-registry.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const registry: MemoryRegistry = createMemoryRegistry()
let app: FastifyInstance
let port: number
let problems: () => readonly unknown[]

before(async () => {
  const domain = 'example.com'
  const server = await distributionUnderTest({ registry, deps: { maxManifestBytes: 4096, domain } })
  app = server.app
  problems = () => server.log.filter(({ level }) => level === 'error' || level === 'warn')
  port = Number(new URL(await listen(app)).port)
  await send('POST', `/v2/acme/app/blobs/uploads/?digest=${sha256(Buffer.from('x'))}`, {}, 'x')
  await send('PUT', '/v2/acme/app/manifests/v1', {}, '{}')
})
after(async () => {
  agent.destroy()
  await app.close()
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function send(method: string, path: string, headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer> {
  // node:http frames no body of a DELETE by itself.
  const framed = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const sent = { authorization: basic(CI), ...headers, ...framed }
  return new Promise((resolve, reject) => {
    const options = { agent, port, host: '127.0.0.1', method, path, headers: sent }
    const req = request({ ...options, timeout: 5_000 }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString() })
      })
    })
    req.on('timeout', () => req.destroy(new Error(`${method} ${path} hangs`)))
    req.on('error', reject)
    req.end(body)
  })
}

/** Refusals have the form of the specification; nothing is unforeseen. */
function checkAnswer(method: string, { status, headers, text }: Answer, what: string): void {
  assert.ok(status >= 200 && status < 500, `${status} for ${what}`)
  assert.deepEqual(problems(), [], what)
  if (status < 400) return
  assert.equal(headers['content-type'], 'application/json', what)
  if (method === 'HEAD') return
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] }
  assert.equal(errors.length, 1, what)
  assert.match(errors[0]?.code ?? '', /^[A-Z_]+$/, what)
  assert.ok((errors[0]?.message ?? '').length > 0 && text.length < 2_000, what)
}

const digest = sha256(Buffer.from('x'))
const segment = fc.oneof(
  fc.constantFrom(
    'acme',
    'app',
    'manifests',
    'blobs',
    'uploads',
    'tags',
    'list',
    'referrers',
    '_catalog',
    'v1',
    digest,
  ),
  fc.constantFrom('', '.', '..', '%2F', '%2e%2e', '%00', '%zz', '%', 'A', '"', '<', '\\', '|', '{', '%E2%82%AC'),
  fc.stringMatching(/^[\x21-\x22\x24-\x7e]{0,12}$/),
)
const parameter = fc.tuple(
  fc.constantFrom('n', 'last', 'digest', 'mount', 'from', 'tag', 'artifactType', 'digest-algorithm', 'ns', 'x'),
  fc.oneof(fc.constantFrom('', '0', '1', '-1', digest, sha512(Buffer.from('x')), 'acme/app', 'sha256', 'v9'), segment),
)
const path = fc
  .tuple(fc.array(segment, { maxLength: 7 }), fc.array(parameter, { maxLength: 3 }))
  .map(([segments, parameters]) => {
    const query = parameters.map(([key, value]) => `${key}=${value.replaceAll('#', '')}`).join('&')
    return `/v2/${segments.join('/')}${query === '' ? '' : `?${query}`}`
  })
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND')
const value = fc.oneof(
  fc.constantFrom('bytes=0-', 'bytes=5-1', '0-0', '0-9', 'bytes 0-0/1', '*', `"${digest}"`, 'text/html', '-', 'x'),
  fc.stringMatching(/^[\x20-\x7e]{0,30}$/),
)
const headers = fc.dictionary(
  fc.constantFrom(
    ...['range', 'content-range', 'if-none-match', 'if-range', 'accept', 'content-type', 'host', 'oci-namespace'],
    ...['x-forwarded-for', 'forwarded', 'expect', 'content-encoding', 'te', 'upgrade', 'origin'],
  ),
  value,
  { maxKeys: 3 },
)
const body = fc.oneof(fc.constantFrom('', 'x', '{}', '[]', 'null', '{"subject":{}}'), fc.string({ maxLength: 200 }))

test('any request is answered: never 500, never a hang, always the form of the specification', async () => {
  await fc.assert(
    fc.asyncProperty(method, path, headers, body, async (verb, target, more, payload) => {
      fc.pre(more['expect'] === undefined)
      const sent = verb === 'GET' || verb === 'HEAD' ? undefined : payload
      checkAnswer(verb, await send(verb, target, more, sent), `${verb} ${target} ${JSON.stringify(more)}`)
    }),
    runs(800),
  )
})

test('without credentials any request is 401', async () => {
  await fc.assert(
    fc.asyncProperty(method, path, headers, async (verb, target, more) => {
      fc.pre(more['expect'] === undefined)
      const answer = await send(verb, target, { ...more, authorization: '' })
      assert.equal(answer.status, 401, `${verb} ${target}`)
      assert.match(String(answer.headers['www-authenticate']), /^Bearer realm="[^"]+",service="[^"]+"/)
    }),
    runs(300),
  )
})

test('any body in the place of a manifest is stored as it is, or refused', async () => {
  const json = fc.json({ maxDepth: 4 })
  const manifest = fc.record(
    { schemaVersion: fc.anything(), subject: fc.anything(), config: fc.anything(), annotations: fc.anything() },
    { requiredKeys: [] },
  )
  const text = fc.oneof(json, manifest.map(safeJson), fc.string({ unit: 'binary', maxLength: 6_000 }))
  const reference = fc.constantFrom('fuzz', digest, 'sha256:short', `v${'1'.repeat(200)}`)
  await fc.assert(
    fc.asyncProperty(text, reference, value, async (content, where, contentType) => {
      const bytes = Buffer.from(content)
      const answer = await send('PUT', `/v2/acme/fuzz/manifests/${where}`, { 'content-type': contentType }, bytes)
      checkAnswer('PUT', answer, content)
      if (bytes.length > 4096) assert.ok(answer.status === 413 || answer.status === 400)
      if (answer.status !== 201) return
      const got = await send('GET', String(answer.headers.location), {})
      assert.equal(got.text, bytes.toString())
    }),
    runs(300),
  )
})

function safeJson(manifest: unknown): string {
  return JSON.stringify(manifest, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)) ?? ''
}

const piece = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), placed: fc.boolean(), unit: fc.boolean() })
type Piece = { readonly bytes: Uint8Array; readonly placed: boolean; readonly unit: boolean }

/** Uploads the pieces one by one, the last with the closing PUT or before it. */
async function pushPieces(parts: readonly Piece[], putLast: boolean, whole: Buffer): Promise<void> {
  const opened = await send('POST', '/v2/acme/pieces/blobs/uploads/', {})
  const location = String(opened.headers.location)
  const close = `${location}?digest=${sha256(whole)}`
  let at = 0
  for (const [index, { bytes, placed, unit }] of parts.entries()) {
    const range = `${at}-${at + bytes.length - 1}`
    const more = placed ? { 'content-range': unit ? `bytes ${range}/*` : range } : {}
    const isLast = putLast && index === parts.length - 1
    const answer = await send(isLast ? 'PUT' : 'PATCH', isLast ? close : location, more, Buffer.from(bytes))
    assert.equal(answer.status, isLast ? 201 : 202, answer.text)
    at += bytes.length
  }
  if (!putLast) assert.equal((await send('PUT', close, {})).status, 201)
}

test('a blob in any pieces, streamed or placed, comes back whole and in ranges', async () => {
  const pieces = fc.array(piece, { minLength: 1, maxLength: 6 })
  const between = fc.tuple(fc.nat(1000), fc.nat(1000)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), between, async (parts, putLast, [first, last]) => {
      const whole = Buffer.concat(parts.map(({ bytes }) => bytes))
      await pushPieces(parts, putLast, whole)
      registry.chunkBytes = 1 + (first % 97)
      registry.hot = last % 2 === 0
      const part = await send('GET', `/v2/acme/pieces/blobs/${sha256(whole)}`, { range: `bytes=${first}-${last}` })
      const want = whole.subarray(first, last + 1).toString()
      if (first >= whole.length) assert.equal(part.status, 416)
      else assert.deepEqual([part.status, part.text], [206, want])
    }),
    runs(100),
  )
})

test('any token request is answered in a form that clients read', async () => {
  const key = fc.constantFrom(
    'service',
    'scope',
    'grant_type',
    'username',
    'password',
    'access_type',
    'refresh_token',
    'x',
  )
  const known = fc.constantFrom('entrepot', 'password', 'refresh_token', 'ci', 'secret', 'offline', 'repository:a:pull')
  const form = fc.array(fc.tuple(key, fc.oneof(known, fc.string({ unit: 'binary', maxLength: 40 }))), { maxLength: 8 })
  const authorization = fc.oneof(fc.constantFrom(basic(CI), basic(READER), 'Basic', 'Basic %', 'Bearer x', ''), value)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('GET', 'POST', 'PUT'), form, authorization, async (verb, pairs, shown) => {
      const text = new URLSearchParams(
        pairs.map(([name, given]): [string, string] => [name, given.toWellFormed()]),
      ).toString()
      const answer =
        verb === 'POST'
          ? await send(verb, '/token', { authorization: shown }, text)
          : await send(verb, `/token?${text}`, { authorization: shown })
      checkAnswer(verb, answer, `${verb} ${text}`)
      if (answer.status === 200) assert.equal(typeof (JSON.parse(answer.text) as { token: unknown }).token, 'string')
    }),
    runs(200),
  )
})

test('any bytes on a socket are answered or dropped, and the server goes on', async () => {
  const line = fc.oneof(
    fc.constantFrom(
      'GET /v2/ HTTP/1.1',
      'GET /v2/\x00 HTTP/1.1',
      'POST /token HTTP/1.1',
      'PUT /v2/acme/app/manifests/x HTTP/1.1',
    ),
    fc.constantFrom(
      'Host: x',
      'Content-Length: 5',
      'Content-Length: -1',
      'Transfer-Encoding: chunked',
      'Expect: 100-continue',
    ),
    fc.constantFrom(
      '',
      '5',
      'hello',
      '0',
      'fffffffffff',
      'Connection: close',
      'Authorization: Basic',
      ': x',
      ' folded',
    ),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  const bytes = fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => lines.join('\r\n'))
  await fc.assert(
    fc.asyncProperty(bytes, async (text) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1')
      })
      socket.end(Buffer.from(text))
      await once(socket, 'close')
      assert.doesNotMatch(heard, /^HTTP\/1.1 5/m, text)
    }),
    runs(200),
  )
  assert.equal((await send('GET', '/v2/', {})).status, 200)
})
