import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { selfSigned } from '../../test/support/self-signed.ts'
import { createClientOf } from './client.ts'
import { SILENT } from './log.ts'
import type { RequestFacts } from './request-log.ts'
import { labelRoute } from './request-log.ts'
import type { ServerOptions } from './server.ts'
import { createServer } from './server.ts'
import { loadCertificate } from './tls.ts'

const MIB = 1024 * 1024

function options(more: Partial<ServerOptions> = {}): ServerOptions {
  return {
    log: SILENT,
    clientOf: createClientOf({ trustedProxies: [] }),
    tls: null,
    progress: { minBytes: 1024, windowMs: 60_000 },
    closeDeadlineMs: 1_000,
    ...more,
  }
}

async function running(
  more: Partial<ServerOptions>,
  routes: (app: FastifyInstance) => void,
): Promise<{ app: FastifyInstance; port: number } & AsyncDisposable> {
  const app = createServer(options(more))
  routes(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, port, [Symbol.asyncDispose]: async () => await app.close() }
}

/** What a server says to raw bytes, until it closes or `until` appears. */
async function converse(port: number, send: string, until?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(send)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    if (until !== undefined && heard.includes(until)) socket.destroy()
  })
  await once(socket, 'close')
  return heard
}

const hello = (app: FastifyInstance) => {
  app.get('/hello', () => ({ hello: true }))
  app.get('/fail', () => {
    throw new Error('a secret path')
  })
  app.post('/echo', (request) => request.body)
}

const unreadable: { name: string; send: string; status: number }[] = [
  { name: 'no HTTP at all', send: 'hello\r\n\r\n', status: 400 },
  { name: 'TLS bytes on a plain port', send: '\x16\x03\x01\x02\x00\x01\x00', status: 400 },
  { name: 'an unknown method', send: 'FROB /hello HTTP/1.1\r\nHost: x\r\n\r\n', status: 400 },
  { name: 'headers without end', send: `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, status: 431 },
  { name: 'a target without end', send: `GET /${'y'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, status: 431 },
  {
    name: 'two lengths',
    send: 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    status: 400,
  },
  { name: 'no host', send: 'GET /hello HTTP/1.1\r\n\r\n', status: 400 },
]
for (const { name, send, status } of unreadable) {
  test(`createServer: ${name} gets a clear answer`, async () => {
    await using server = await running({}, hello)
    const heard = await converse(server.port, send)
    assert.match(heard, new RegExp(`^HTTP/1.1 ${status} `))
    if (name === 'no host') return // node:http's own answer
    const body = JSON.parse(heard.slice(heard.indexOf('\r\n\r\n') + 4)) as { status: number; errors: object[] }
    assert.equal(body.status, status)
    assert.equal(body.errors.length, 1)
  })
}

test('createServer: nonsense behind an answered request is answered too', async () => {
  await using server = await running({}, hello)
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.write('nonsense\r\n\r\n')
  const [heard] = (await once(socket, 'data')) as [Buffer]
  assert.match(heard.toString(), /^HTTP\/1.1 400 /)
  await once(socket, 'close')
})

test('createServer: 404, 405 with Allow, and 500 without the reason', async () => {
  await using server = await running({}, hello)
  const { app } = server
  const missing = await app.inject('/nothing')
  assert.equal(missing.statusCode, 404)
  assert.equal(missing.json().errors[0].code, 'NOT_FOUND')
  const wrong = await app.inject({ method: 'DELETE', url: '/hello' })
  assert.equal(wrong.statusCode, 405)
  assert.equal(wrong.headers.allow, 'GET, HEAD')
  const failed = await app.inject('/fail')
  assert.equal(failed.statusCode, 500)
  assert.ok(!failed.body.includes('secret'))
  assert.ok(failed.json().id)
  const bad = await app.inject({ url: '/%zz' })
  assert.equal(bad.statusCode, 400)
  assert.equal(bad.json().errors[0].code, 'BAD_REQUEST')
  const unparsed = await app.inject({
    method: 'POST',
    url: '/echo',
    payload: '{',
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(unparsed.statusCode, 400)
})

test('createServer: the absolute form is a path, and its authority the host', async () => {
  await using server = await running({}, (app) => app.get('/host', (request) => ({ host: request.headers.host })))
  const heard = await converse(
    server.port,
    'GET http://cr.example.com/host?x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n',
  )
  assert.match(heard, /^HTTP\/1.1 200 [\s\S]*{"host":"cr.example.com"}/)
})

test('createServer: below an opaque prefix the router sees nothing else', async () => {
  const targets: (string | undefined)[] = []
  await using server = await running({ opaquePrefixes: ['/v2'] }, (app) => {
    app.all('/v2', (request) => {
      targets.push(request.originalUrl)
      return request.url
    })
  })
  for (const url of ['/v2/a%2Fb/%zz?x=%', '/v2', '/v2?x', '/v2/..//']) {
    const heard = await converse(server.port, `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.match(heard, /^HTTP\/1.1 200 /, url)
  }
  assert.equal((await server.app.inject('/v2x')).statusCode, 404)
  assert.deepEqual(targets, ['/v2/a%2Fb/%zz?x=%', '/v2', '/v2?x', '/v2/..//'])
})

/** Whoever watches progress looks when the test says so: no machine is too slow for that. */
function windows(t: TestContext, windowMs: number): () => void {
  t.mock.timers.enable({ apis: ['setInterval'] })
  return () => t.mock.timers.tick(windowMs)
}

/** The server's ends of its connections, in the order in which they came. */
function serverEnds(app: FastifyInstance): Socket[] {
  const ends: Socket[] = []
  app.server.on('connection', (socket: Socket) => ends.push(socket))
  return ends
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}

const START = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: '

test('createServer: a client that stalls in its body is disconnected, a slow but steady one is not', async (t) => {
  const pass = windows(t, 500)
  await using server = await running({ progress: { minBytes: 10, windowMs: 500 } }, hello)
  const ends = serverEnds(server.app)
  const head = `${START}1000\r\n\r\n`
  const stalled = connect(server.port, '127.0.0.1')
  stalled.write(`${head}half`)
  const closed = once(stalled, 'close')
  await until(() => ends[0]?.bytesRead === head.length + 4)
  for (let look = 0; look < 2; look++) {
    assert.ok(!ends[0]?.destroyed)
    pass()
  }
  await closed
  const steady = connect(server.port, '127.0.0.1')
  steady.write(head)
  for (let written = head.length; ; ) {
    await until(() => ends[1]?.bytesRead === written)
    if (written === head.length + 990) break
    pass()
    steady.write('0123456789')
    written += 10
  }
  steady.write('0123456789')
  const [chunk] = (await once(steady, 'data')) as [Buffer]
  assert.match(chunk.toString(), /^HTTP\/1.1 200 /)
  steady.destroy()
})

test('createServer: a client that does not read its answer is disconnected, whatever it dribbles', async (t) => {
  const pass = windows(t, 60)
  await using server = await running({ progress: { minBytes: 1024, windowMs: 60 } }, (app) => {
    app.get('/big', (_request, reply) => reply.send(Buffer.alloc(64 * MIB)))
  })
  const ends = serverEnds(server.app)
  const socket = connect({ port: server.port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'readable')
  while (!ends[0]?.destroyed) {
    socket.read(1)
    pass()
    await turn()
  }
  socket.destroy()
})

test('createServer: over TLS, stalled bodies and stalled readers are disconnected, slow readers are not', async (t) => {
  const pass = windows(t, 100)
  const directory = mkdtempSync(join(tmpdir(), 'entrepot-tls-'))
  makeCertificate(directory, 'stall')
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem'), pollMs: 3_600_000 }
  const tls = { certificate: await loadCertificate(files), files }
  rmSync(directory, { recursive: true })
  let asked = 0
  await using server = await running({ tls, progress: { minBytes: 1024, windowMs: 100 } }, (app) => {
    hello(app)
    app.addHook('onRequest', async () => {
      asked += 1
    })
    app.get('/big', (_request, reply) => reply.send(Buffer.alloc(64 * MIB)))
  })
  const ends = serverEnds(server.app)
  using opened = new DisposableStack() // a client that never reads does not notice its end, and keeps the process
  const open = async (text: string) => {
    const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    opened.defer(() => socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    socket.write(text)
    return socket
  }
  await open(`${START}9000\r\n\r\nhalf`)
  await open('GET /big HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => asked === 2)
  while (ends.length < 2 || !ends.every((end) => end.destroyed)) {
    pass()
    await turn()
  }
  const slow = await open('GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let bytes = 0
  let looks = 0
  for await (const chunk of slow) {
    bytes += (chunk as Buffer).length
    // What the kernels of both ends hold is less than what a reader may leave lying for four windows.
    for (; looks < Math.trunc(bytes / (4 * MIB)); looks++) pass()
  }
  assert.ok(bytes > 64 * MIB)
})

test('createServer: a server that is slow itself does not blame the client', async (t) => {
  const pass = windows(t, 20)
  const beSlow = async () => {
    for (let look = 0; look < 8; look++) {
      pass()
      await turn()
    }
  }
  await using server = await running({ progress: { minBytes: 1024, windowMs: 20 } }, (app) => {
    app.get('/slow', async () => {
      await beSlow()
      return { done: true }
    })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.post('/unread', async (request) => {
      await beSlow()
      let bytes = 0
      for await (const chunk of request.body as AsyncIterable<Buffer>) bytes += chunk.length
      return { bytes }
    })
  })
  const url = `http://127.0.0.1:${server.port}`
  assert.equal((await fetch(`${url}/slow`)).status, 200)
  const answer = await fetch(`${url}/unread`, { method: 'POST', body: Buffer.alloc(4 * MIB) })
  assert.deepEqual(await answer.json(), { bytes: 4 * MIB })
})

test('createServer: 100-continue is said when the body is read, not before', async () => {
  await using server = await running({}, (app) => {
    hello(app)
    app.post('/refuse', { onRequest: async (_request, reply) => reply.code(401).send() }, () => 'never')
  })
  const ask = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`
  const refused = await converse(server.port, ask('/refuse'), '401')
  assert.match(refused, /^HTTP\/1.1 401 /)
  const socket = connect(server.port, '127.0.0.1')
  socket.write(ask('/echo'))
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.match(first.toString(), /^HTTP\/1.1 100 Continue/)
  socket.write('hello')
  const [second] = (await once(socket, 'data')) as [Buffer]
  assert.match(second.toString(), /^HTTP\/1.1 200 [\s\S]*hello$/)
  socket.destroy()
})

test('createServer: closing answers what runs, refuses nothing that is in, and does not wait for idle connections', async () => {
  const deadline = 3_600_000 // idle connections would be waited for as long
  const isIn = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const { app, port } = await running({ closeDeadlineMs: deadline }, (server) => {
    server.get('/slow', async () => {
      isIn.resolve()
      await finish.promise
      return { done: true }
    })
  })
  const idle: Socket = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const slow = fetch(`http://127.0.0.1:${port}/slow`)
  await isIn.promise
  const closed = app.close()
  await until(() => !app.server.listening)
  finish.resolve()
  await closed
  assert.deepEqual(await (await slow).json(), { done: true })
  idle.destroy()
})

test('createServer: what still runs at the deadline is cut off', async () => {
  const isIn = Promise.withResolvers<void>()
  const { app, port } = await running({ closeDeadlineMs: 50 }, (server) => {
    server.get('/never', () => {
      isIn.resolve()
      return new Promise(() => undefined)
    })
  })
  const never = fetch(`http://127.0.0.1:${port}/never`)
  never.catch(() => undefined)
  await isIn.promise
  await app.close()
  await assert.rejects(never)
})

test('onAnswered: one line of facts per request, of hijacked ones too, without the query', async () => {
  const facts: RequestFacts[] = []
  await using server = await running({ onAnswered: (fact) => facts.push(fact) }, (app) => {
    hello(app)
    app.get('/raw', (request, reply) => {
      reply.hijack()
      labelRoute(request.raw, 'manifest')
      reply.raw.writeHead(202, { 'content-length': 3 }).end('raw')
    })
  })
  const url = `http://127.0.0.1:${server.port}`
  for (const path of ['/hello?token=secret', '/raw', '/nothing']) await (await fetch(url + path)).text()
  await until(() => facts.length === 3)
  const told = facts.map(({ method, route, path, status, address, aborted }) => [
    method,
    route,
    path,
    status,
    address,
    aborted,
  ])
  assert.deepEqual(told, [
    ['GET', '/hello', '/hello', 200, '127.0.0.1', false],
    ['GET', 'manifest', '/raw', 202, '127.0.0.1', false],
    ['GET', 'none', '/nothing', 404, '127.0.0.1', false],
  ])
  assert.ok(facts.every((fact) => fact.ms >= 0 && fact.bytesOut > 50 && fact.bytesIn > 20 && fact.id !== ''))
})

test('createServer: a replaced certificate is used without a restart; a broken one is not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'entrepot-tls-'))
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem'), pollMs: 20 }
  try {
    makeCertificate(directory, 'first')
    const tls = { certificate: await loadCertificate(files), files }
    const told = { error: 0, warn: 0 }
    const log = { ...SILENT, error: () => told.error++, warn: () => told.warn++ }
    await using server = await running({ tls, log }, hello)
    assert.equal(await certificateName(server.port), 'first')
    makeCertificate(directory, 'second')
    while ((await certificateName(server.port)) !== 'second') await sleep(10)
    told.error = 0 // the two files are not written at the same instant
    makeCertificate(directory, 'third', 'other-key.pem')
    await until(() => told.error > 0)
    renameSync(files.keyFile, join(directory, 'away'))
    await until(() => told.warn > 0)
    assert.equal(await certificateName(server.port), 'second')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

function makeCertificate(directory: string, name: string, keyFile = 'key.pem'): void {
  const { cert, key } = selfSigned(name)
  writeFileSync(join(directory, 'cert.pem'), cert)
  writeFileSync(join(directory, keyFile), key)
}

function certificateName(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const req = httpsRequest(
      { port, host: '127.0.0.1', path: '/hello', rejectUnauthorized: false, agent: false },
      (res) => {
        const { subject } = (
          res.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
        ).getPeerCertificate()
        res.resume().on('end', () => resolve(subject.CN))
      },
    )
    req.on('error', reject).end()
  })
}
