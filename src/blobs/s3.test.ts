import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import { newObjectId } from './object-id.ts'
import type { S3BlobStore } from './s3.ts'
import { openS3BlobStore } from './s3.ts'

const MIB = 1024 * 1024

interface Script extends AsyncDisposable {
  readonly store: S3BlobStore
  /** `GET bytes=0-9`, `PUT`, … as they came. */
  readonly requests: string[]
}

/** A store whose server answers the nth request with the nth of `answers`, and all further ones with the last. */
async function scripted(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]): Promise<Script> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]
    requests.push([request.method, request.headers.range].filter(Boolean).join(' '))
    request.resume()
    request.on('end', () => answer?.(request, response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const store = await openS3BlobStore({
    bucket: 'test',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    forcePathStyle: true,
  })
  return {
    store,
    requests,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** A GET's answer that is cut off after `bytes`. */
function cutAfter(content: Buffer, bytes: number): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const body = content.subarray(Number(first), Number(last) + 1)
    response.writeHead(206, {
      'content-range': `bytes ${first}-${last}/${content.length}`,
      'content-length': body.length,
    })
    response.write(body.subarray(0, bytes), () => {
      if (bytes < body.length) response.destroy()
      else response.end()
    })
  }
}

function failing(status: number, code: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' })
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`)
  }
}

function succeeding(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { etag: '"e"' }).end()
}

async function readAll({ store }: Script, size: number, chunkBytes?: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of store.read(newObjectId(), 0, size, chunkBytes)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function isA(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof DomainError && error.kind === kind
}

void test('s3: an answer that breaks off goes on in a new request, not from the beginning', async () => {
  const content = randomBytes(3 * MIB)
  await using script = await scripted(
    cutAfter(content, MIB + 5),
    cutAfter(content, 100_000),
    cutAfter(content, 4 * MIB),
  )
  assert.ok((await readAll(script, content.length)).equals(content))
  assert.equal(script.requests.length, 3)
  assert.equal(script.requests[0], `GET bytes=0-${3 * MIB - 1}`)
  assert.match(script.requests[1] ?? '', new RegExp(`^GET bytes=[1-9]\\d*-${3 * MIB - 1}$`))
})

void test('s3: answers that break off without a byte end in an error', async () => {
  const content = randomBytes(1000)
  await using script = await scripted(cutAfter(content, 0))
  await assert.rejects(readAll(script, 1000), isA('unavailable'))
  assert.ok(script.requests.length <= 16, String(script.requests.length))
})

void test('s3: a server that ignores ranges is not believed', async () => {
  await using script = await scripted((_request, response) => {
    response.writeHead(200, { 'content-length': 1000 }).end(Buffer.alloc(1000))
  })
  await assert.rejects(readAll(script, 10), isA('unavailable'))
})

void test('s3: "slow down" is tried again, and becomes unavailable with a time to come back', async () => {
  await using patient = await scripted(failing(503, 'SlowDown'), succeeding)
  await patient.store.delete(newObjectId())
  assert.equal(patient.requests.length, 2)
  await using hopeless = await scripted(failing(503, 'ServiceUnavailable'))
  await assert.rejects(hopeless.store.delete(newObjectId()), (error: unknown) => {
    return error instanceof DomainError && error.kind === 'unavailable' && error.headers['retry-after'] === '10'
  })
})

for (const [status, code] of [
  [507, 'InsufficientStorage'],
  [403, 'QuotaExceeded'],
] as const) {
  void test(`s3: ${code} is a full storage`, async () => {
    await using script = await scripted(failing(status, code))
    const writer = await script.store.create(newObjectId())
    await writer.write([randomBytes(10)])
    await assert.rejects(writer.close(), isA('storage_full'))
  })
}

void test('s3: an upload that may have arrived all the same is removed', async () => {
  await using script = await scripted(failing(403, 'AccessDenied'), succeeding)
  const writer = await script.store.create(newObjectId())
  await writer.write([randomBytes(10)])
  await assert.rejects(writer.close(), isA('unavailable'))
  assert.deepEqual(script.requests, ['PUT', 'DELETE'])
  await writer.discard()
})

void test('s3: a failed part ends the writing, not only the closing', async () => {
  await using script = await scripted(failing(403, 'AccessDenied'))
  const writer = await script.store.create(newObjectId())
  await assert.rejects(async () => {
    for (let index = 0; index < 64; index++) await writer.write([randomBytes(MIB)])
  }, isA('unavailable'))
  await writer.discard()
})

void test('s3: nothing is asked of the server before there is something to ask', async () => {
  await using script = await scripted(succeeding)
  const writer = await script.store.create(newObjectId())
  await writer.discard()
  assert.deepEqual(script.requests, [])
})
