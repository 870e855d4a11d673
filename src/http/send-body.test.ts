import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { sendBody, sendChunks } from './send-body.ts'

const MIB = 1024 * 1024

interface Seen {
  readonly status: number
  readonly bytes: number
  /** Ended as HTTP says a whole body ends. */
  readonly whole: boolean
}

/** One request against `serve`; the client reads at once, or goes away after `leaveAfter` bytes. */
async function exchange(
  serve: (req: IncomingMessage, res: ServerResponse) => Promise<unknown>,
  leaveAfter = Number.POSITIVE_INFINITY,
): Promise<{ seen: Seen; served: PromiseSettledResult<unknown> }> {
  const { promise, resolve } = Promise.withResolvers<PromiseSettledResult<unknown>>()
  const server = createServer((req, res) => {
    serve(req, res).then(
      (value) => resolve({ status: 'fulfilled', value }),
      (reason: unknown) => resolve({ status: 'rejected', reason }),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const seen = await get((server.address() as AddressInfo).port, leaveAfter)
  const served = await promise
  server.closeAllConnections()
  server.close()
  return { seen, served }
}

function get(port: number, leaveAfter: number): Promise<Seen> {
  return new Promise((resolve) => {
    const req = request({ port, host: '127.0.0.1' }, (res) => {
      let bytes = 0
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes >= leaveAfter) req.destroy()
      })
      res.on('error', () => undefined)
      res.on('close', () => resolve({ status: res.statusCode ?? 0, bytes, whole: res.complete }))
    })
    req.on('error', () => resolve({ status: 0, bytes: 0, whole: false }))
    req.end()
  })
}

async function* pieces(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(size, i)
}

const head = (length: number) => ({ status: 200, headers: { 'content-length': length }, length })

test('sendBody: many pieces arrive whole', async () => {
  const { seen, served } = await exchange((_req, res) => sendBody(res, { ...head(20 * MIB), source: pieces(20, MIB) }))
  assert.deepEqual(seen, { status: 200, bytes: 20 * MIB, whole: true })
  assert.deepEqual(served, { status: 'fulfilled', value: 20 * MIB })
})

test('sendBody: an empty body, and empty pieces, end as they should', async () => {
  const empty = await exchange((_req, res) => sendBody(res, { ...head(0), source: pieces(0, 0) }))
  assert.deepEqual(empty.seen, { status: 200, bytes: 0, whole: true })
  const hollow = await exchange((_req, res) => sendBody(res, { ...head(0), source: pieces(3, 0) }))
  assert.deepEqual(hollow.seen, { status: 200, bytes: 0, whole: true })
})

test('sendBody: a piece is gone from our hands before the next is asked for', async () => {
  const shared = Buffer.alloc(MIB)
  async function* reusing(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 8; i++) yield shared.fill(i)
  }
  const server = createServer((_req, res) => {
    sendBody(res, { ...head(8 * MIB), source: reusing() }).catch(() => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const body = Buffer.from(await response.arrayBuffer())
  for (let i = 0; i < 8; i++) assert.ok(body.subarray(i * MIB, (i + 1) * MIB).equals(Buffer.alloc(MIB, i)))
  server.closeAllConnections()
  server.close()
})

test('sendBody: a source that fails at once can still be answered', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* []
    throw new Error('disk')
  }
  const { seen } = await exchange(async (_req, res) => {
    await sendBody(res, { ...head(5), source: broken() }).catch(() => res.writeHead(503).end())
  })
  assert.deepEqual(seen, { status: 503, bytes: 0, whole: true })
})

const unequal: [name: string, given: number, length: number][] = [
  ['ends early', 3 * MIB, 4 * MIB],
  ['gives too much', 3 * MIB, 2.5 * MIB],
]
for (const [name, given, length] of unequal) {
  test(`sendBody: a source that ${name} never looks whole`, async () => {
    const source = pieces(given / MIB, MIB)
    const { seen, served } = await exchange((_req, res) => sendBody(res, { ...head(length), source }))
    assert.equal(seen.whole, false)
    assert.equal(served.status, 'rejected')
  })
}

test('sendBody: a source that fails in the middle never looks whole', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield* pieces(2, MIB)
    throw new Error('disk')
  }
  const { seen, served } = await exchange((_req, res) => sendBody(res, { ...head(4 * MIB), source: failing() }))
  assert.equal(seen.whole, false)
  assert.ok(served.status === 'rejected' && (served.reason as Error).message === 'disk')
})

test('sendBody: a client that leaves ends the reading, and the source is closed', async () => {
  let read = 0
  let closed = false
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        read += 1
        yield Buffer.alloc(MIB)
      }
    } finally {
      closed = true
    }
  }
  const { served } = await exchange((_req, res) => sendBody(res, { ...head(10_000 * MIB), source: endless() }), 3 * MIB)
  assert.equal(served.status, 'fulfilled')
  assert.ok(closed)
  assert.ok(read < 100, `${read} MiB were read for a client that took 3`)
})

test('sendBody: an aborted signal cuts the answer off', async () => {
  const stop = new AbortController()
  async function* stopped(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(MIB)
    stop.abort()
    yield Buffer.alloc(MIB)
  }
  const { seen } = await exchange((_req, res) =>
    sendBody(res, { ...head(4 * MIB), source: stopped(), signal: stop.signal }),
  )
  assert.equal(seen.whole, false)
})

test('sendChunks: what is at hand goes out in one piece', async () => {
  const chunks = [Buffer.alloc(10), Buffer.alloc(MIB), Buffer.alloc(3)]
  const { seen } = await exchange(async (_req, res) => sendChunks(res, head(MIB + 13), chunks))
  assert.deepEqual(seen, { status: 200, bytes: MIB + 13, whole: true })
})
