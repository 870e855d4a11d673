import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { basic, CI, inMemory, listen, READER } from '../support/distribution-server.ts'
import { sha256, sha512 } from '../support/memory-registry.ts'

const MIB = 1024 * 1024
const authorization = basic(CI)
let app: FastifyInstance
let url: string

before(async () => {
  app = (await inMemory()).app
  url = await listen(app)
})
after(() => app.close())

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: RequestInit['body']) {
  const init = {
    method,
    headers: { authorization, ...headers },
    duplex: 'half',
    ...(body === undefined ? {} : { body }),
  }
  const answer = await fetch(new URL(path, url), init as RequestInit)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

async function open(repository = 'acme/app'): Promise<string> {
  const answer = await ask('POST', `/v2/${repository}/blobs/uploads/`)
  assert.equal(answer.status, 202)
  return answer.headers.get('location') ?? ''
}

const codeOf = (text: string) => (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code

test('POST with a digest takes the whole blob', async () => {
  const blob = Buffer.from('whole')
  const answer = await ask('POST', `/v2/acme/app/blobs/uploads/?digest=${sha256(blob)}`, {}, blob)
  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('docker-content-digest'), sha256(blob))
  assert.equal((await ask('GET', answer.headers.get('location') ?? '')).text, 'whole')
})

test('POST with a digest takes an empty chunked body', async () => {
  const empty = new ReadableStream({ start: (controller) => controller.close() })
  const digest = sha512(Buffer.alloc(0))
  const answer = await ask('POST', `/v2/acme/app/blobs/uploads/?digest=${digest}`, {}, empty)
  assert.equal(answer.status, 201)
  const head = await ask('HEAD', `/v2/acme/app/blobs/${digest}`)
  assert.equal(head.headers.get('content-length'), '0')
})

test('POST with a wrong digest is 400 and leaves no session', async () => {
  const { registry, app: other } = await inMemory()
  const answer = await other.inject({
    method: 'POST',
    url: `/v2/acme/app/blobs/uploads/?digest=${sha256(Buffer.from('right'))}`,
    headers: { authorization },
    payload: 'wrong',
  })
  assert.equal(answer.statusCode, 400)
  assert.equal(codeOf(answer.body), 'DIGEST_INVALID')
  assert.ok('acts' in registry)
  assert.deepEqual(registry.acts, ['startUpload', 'finishUpload', 'cancelUpload'])
  await other.close()
})

test('digest-algorithm: served ones are taken, others named', async () => {
  assert.equal((await ask('POST', '/v2/acme/app/blobs/uploads/?digest-algorithm=sha512')).status, 202)
  const refused = await ask('POST', '/v2/acme/app/blobs/uploads/?digest-algorithm=md5')
  assert.equal(refused.status, 400)
  assert.match(refused.text, /md5.*sha256 or sha512/)
})

test('a streamed PATCH, then a closing PUT', async () => {
  const location = await open()
  const body = new ReadableStream({
    start: (controller) => {
      for (const word of ['one ', 'two ', 'three']) controller.enqueue(Buffer.from(word))
      controller.close()
    },
  })
  const patched = await ask('PATCH', location, {}, body)
  assert.equal(patched.status, 202)
  assert.equal(patched.headers.get('range'), '0-12')
  assert.ok(patched.headers.get('docker-upload-uuid'))
  const closed = await ask('PUT', `${location}?digest=${sha256(Buffer.from('one two three'))}`)
  assert.equal(closed.status, 201)
})

test('chunks in order, out of order, and where to go on', async () => {
  const location = await open()
  const status = await ask('GET', location)
  assert.deepEqual([status.status, status.headers.get('range')], [204, '0-0'])
  assert.equal((await ask('PATCH', location, { 'content-range': '0-3' }, 'abcd')).status, 202)
  assert.equal((await ask('PATCH', location, { 'content-range': 'bytes 4-7/*' }, 'efgh')).status, 202)
  for (const [method, path] of [
    ['PATCH', location],
    ['PUT', `${location}?digest=${sha256(Buffer.from('x'))}`],
  ] as const) {
    for (const contentRange of ['0-3', '9-12', 'nonsense']) {
      const refused = await ask(method, path, { 'content-range': contentRange }, 'wxyz')
      assert.equal(refused.status, 416, `${method} ${contentRange}`)
      assert.equal(codeOf(refused.text), 'BLOB_UPLOAD_INVALID')
      assert.equal(refused.headers.get('location'), location)
      if (contentRange !== 'nonsense') assert.equal(refused.headers.get('range'), '0-7')
    }
  }
  const after = await ask('GET', `${location}?digest=whatever`)
  assert.deepEqual([after.status, after.headers.get('range')], [204, '0-7'])
  const lying = await ask('PATCH', location, { 'content-range': '8-20' }, 'ijkl')
  assert.deepEqual([lying.status, codeOf(lying.text)], [400, 'SIZE_INVALID'])
  const path = `${location}?digest=${sha256(Buffer.from('abcdefghijkl'))}`
  assert.equal((await ask('PUT', path, { 'content-range': '8-11' }, 'ijkl')).status, 201)
})

test('a refused chunk of 5 MiB is read to its end: the client hears 416, and the connection goes on', async () => {
  const location = await open()
  const refused = await ask('PATCH', location, { 'content-range': '5-5242884' }, Buffer.alloc(5 * MIB))
  assert.equal(refused.status, 416)
  assert.equal(refused.headers.get('connection'), 'keep-alive')
})

test('PATCH of nothing', async () => {
  const location = await open()
  for (const headers of [{}, { 'content-range': '0-0' }]) {
    const answer = await ask('PATCH', location, headers, new Uint8Array(0))
    assert.deepEqual([answer.status, answer.headers.get('range')], [202, '0-0'])
  }
})

test('PUT without a digest, or with a wrong one', async () => {
  const location = await open()
  for (const query of [
    '',
    '?digest=',
    '?digest=sha256:abc',
    '?digest=md5:abc',
    `?digest=${sha256(Buffer.from('no'))}`,
  ]) {
    const answer = await ask('PUT', location + query, {}, 'yes')
    assert.deepEqual([answer.status, codeOf(answer.text)], [400, 'DIGEST_INVALID'], query)
  }
})

test('cancel: 204, and the upload is gone', async () => {
  const location = await open()
  assert.equal((await ask('DELETE', location)).status, 204)
  const gone = await ask('GET', location)
  assert.deepEqual([gone.status, codeOf(gone.text)], [404, 'BLOB_UPLOAD_UNKNOWN'])
})

for (const id of ['nothing', 'x'.repeat(200), 'a.b', 'a b']) {
  test(`an upload that never was: ${id.slice(0, 20)}`, async () => {
    for (const method of ['GET', 'PATCH', 'DELETE', 'PUT']) {
      const answer = await ask(
        method,
        `/v2/acme/app/blobs/uploads/${encodeURIComponent(id)}?digest=${sha256(Buffer.alloc(0))}`,
      )
      assert.deepEqual([method, answer.status, codeOf(answer.text)], [method, 404, 'BLOB_UPLOAD_UNKNOWN'])
    }
  })
}

test('an upload belongs to its repository', async () => {
  const location = await open()
  assert.equal((await ask('GET', location.replace('acme/app', 'acme/other'))).status, 404)
})

test('mount: from a repository by its full name, from anywhere, and what cannot be', async () => {
  const blob = Buffer.from('shared')
  const digest = sha256(blob)
  await ask('POST', `/v2/acme/source/blobs/uploads/?digest=${digest}`, {}, blob)
  const cases: [query: string, status: number][] = [
    [`mount=${digest}&from=acme/source`, 201],
    [`mount=${digest}&from=acme%2Fsource`, 201],
    [`mount=${digest}`, 201],
    [`mount=${digest}&from=acme/nothing`, 202],
    [`mount=${digest}&from=source`, 202],
    [`mount=${digest}&from=acme-two/source`, 202],
    [`mount=${digest}&from=ACME/%20`, 202],
    [`mount=${sha256(Buffer.from('nowhere'))}`, 202],
    ['mount=nonsense', 202],
    ['mount=', 202],
  ]
  for (const [index, [query, status]] of cases.entries()) {
    const answer = await ask('POST', `/v2/acme/target-${index}/blobs/uploads/?${query}`)
    assert.equal(answer.status, status, query)
    if (status === 201) assert.equal((await ask('GET', answer.headers.get('location') ?? '')).text, 'shared')
    else assert.match(answer.headers.get('location') ?? '', /\/blobs\/uploads\//)
  }
})

test('a reader may not push, and is told 403 by Basic', async () => {
  const answer = await ask('POST', '/v2/acme/app/blobs/uploads/', { authorization: basic(READER) })
  assert.deepEqual([answer.status, codeOf(answer.text)], [403, 'DENIED'])
})

test('a big upload without credentials is refused before it is sent, and the answer arrives', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  let heard = ''
  let sent = 0
  socket.on('data', (chunk) => {
    heard += chunk.toString()
  })
  socket.write(`PATCH /v2/acme/app/blobs/uploads/x HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * MIB}\r\n\r\n`)
  const chunk = Buffer.alloc(256 * 1024)
  const closed = once(socket, 'close')
  while (!socket.destroyed && !heard.includes('}')) {
    sent += chunk.length
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), closed])
  }
  assert.match(heard, /^HTTP\/1.1 401 /)
  assert.match(heard, /connection: close/i)
  assert.ok(sent < 64 * MIB, `${sent} bytes were taken`)
  socket.end()
  await closed
})

test('a client that goes away in the middle is no error of ours', async () => {
  const served = await inMemory()
  const { app: other, log } = served
  const base = await listen(other)
  const socket = connect(Number(new URL(base).port), '127.0.0.1')
  const opened = await fetch(`${base}/v2/acme/app/blobs/uploads/`, { method: 'POST', headers: { authorization } })
  const path = opened.headers.get('location')
  socket.write(
    `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 1000\r\n\r\nhalf`,
  )
  const { registry } = served
  assert.ok('acts' in registry)
  while (!registry.acts.includes('appendToUpload')) await setImmediate()
  socket.destroy()
  while (!log.some(({ message }) => message === 'the client went away')) await setImmediate()
  await other.close()
  assert.deepEqual(
    log.filter(({ level }) => level === 'error' || level === 'warn'),
    [],
  )
})
