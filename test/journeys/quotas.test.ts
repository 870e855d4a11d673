import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { basic, CI, distributionUnderTest, listen } from '../support/distribution-server.ts'
import { sha256 } from '../support/registry.ts'
import { actorOf, UsageWorld } from '../support/usage-world.ts'

// Quotas as a client meets them: the data plane over HTTP, on a real registry.

const authorization = basic(CI)
const MIB = 1024 * 1024

async function open(t: TestContext, limit: number) {
  const world = await UsageWorld.open()
  t.after(() => world[Symbol.asyncDispose]())
  await world.usage.setRegistryQuota(actorOf(), 'r1', limit)
  const { app } = await distributionUnderTest({ registry: world.registry })
  t.after(() => app.close())
  const url = await listen(app)
  const ask = async (
    method: string,
    path: string,
    body?: RequestInit['body'],
    headers: Record<string, string> = {},
  ) => {
    const init = {
      method,
      headers: { authorization, ...headers },
      duplex: 'half',
      ...(body === undefined ? {} : { body }),
    }
    const answer = await fetch(new URL(path, url), init as RequestInit)
    const text = await answer.text()
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      error: text === '' ? null : JSON.parse(text).errors[0],
    }
  }
  const start = async (repository = 'acme/app') =>
    (await ask('POST', `/v2/${repository}/blobs/uploads/`)).headers.get('location') ?? ''
  const push = (bytes: Buffer, repository = 'acme/app') =>
    ask('POST', `/v2/${repository}/blobs/uploads/?digest=${sha256(bytes)}`, new Uint8Array(bytes))
  const quota = () => world.usage.registryQuota(actorOf(), 'r1')
  return { world, url, ask, start, push, quota }
}

function streamOf(bytes: Buffer): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 65_536)
        controller.enqueue(new Uint8Array(bytes.subarray(at, at + 65_536)))
      controller.close()
    },
  })
}

test('to the limit; then 403 DENIED names what is used, the limit and who can raise it', async (t) => {
  const { push, quota } = await open(t, 3 * MIB)
  assert.equal((await push(randomBytes(2 * MIB))).status, 201)
  const refused = await push(randomBytes(MIB + 1))
  assert.equal(refused.status, 403)
  assert.equal(refused.error.code, 'DENIED')
  assert.match(refused.error.message, /registry "acme".*2097152 bytes used and 0 reserved .*3145728 allowed.*1048577/)
  assert.match(refused.error.message, /owner or admin/)
  assert.equal(refused.error.detail.limitBytes, 3 * MIB)
  assert.equal((await push(randomBytes(MIB))).status, 201)
  assert.deepEqual(await quota(), { limit: 3 * MIB, used: 3 * MIB, reserved: 0, free: 0 })
})

test('a body whose length tells that it does not fit is refused before a byte of it is sent', async (t) => {
  const { url, start, quota } = await open(t, 1000)
  const { hostname, port } = new URL(url)
  for (const method of ['PATCH', 'PUT']) {
    const socket = connect(Number(port), hostname)
    t.after(() => socket.destroy())
    const path = `${await start()}${method === 'PUT' ? `?digest=${sha256(Buffer.alloc(1001))}` : ''}`
    socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-length: 1001\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 403 /)
  }
  assert.equal((await quota()).reserved, 0)
})

test('docker’s way, PATCH without a length: stored as far as it fits; beyond, nothing is kept', async (t) => {
  const { world, ask, start, quota } = await open(t, 2 * MIB)
  const fits = randomBytes(2 * MIB)
  const location = await start()
  assert.equal((await ask('PATCH', location, streamOf(fits))).status, 202)
  assert.deepEqual((await quota()).reserved, 2 * MIB)
  const beyond = await start()
  const refused = await ask('PATCH', beyond, streamOf(randomBytes(1)))
  assert.deepEqual([refused.status, refused.error.code], [403, 'DENIED'])
  assert.equal((await ask('GET', beyond)).status, 404)
  assert.equal((await ask('PUT', `${location}?digest=${sha256(fits)}`)).status, 201)
  assert.deepEqual(await quota(), { limit: 2 * MIB, used: 2 * MIB, reserved: 0, free: 0 })
  await world.gc.removeObjects()
  assert.equal((await ask('HEAD', `/v2/acme/app/blobs/${sha256(fits)}`)).status, 200)
})

test('in the middle of a body without a length the client hears why', async (t) => {
  const { ask, start, push, quota } = await open(t, 2 * MIB)
  for (const method of ['PATCH', 'PUT']) {
    const bytes = randomBytes(6 * MIB)
    const location = await start()
    const refused = await ask(
      method,
      method === 'PUT' ? `${location}?digest=${sha256(bytes)}` : location,
      streamOf(bytes),
    )
    assert.deepEqual([refused.status, refused.error.code], [403, 'DENIED'])
    assert.match(refused.error.message, /this upload needs at least 2097153/)
    assert.deepEqual((await quota()).free, 2 * MIB)
  }
  assert.equal((await push(randomBytes(2 * MIB))).status, 201)
})

test('cancelling gives the room back at once', async (t) => {
  const { ask, start, push, quota } = await open(t, 1000)
  const location = await start()
  assert.equal((await ask('PATCH', location, randomBytes(1000))).status, 202)
  assert.equal((await push(randomBytes(1))).status, 403)
  assert.equal((await ask('DELETE', location)).status, 204)
  assert.deepEqual((await quota()).free, 1000)
  assert.equal((await push(randomBytes(1000))).status, 201)
})

test('what the registry has is pushed again, into other repositories and mounted when nothing is left', async (t) => {
  const { ask, push, quota } = await open(t, 1000)
  const bytes = randomBytes(1000)
  assert.equal((await push(bytes)).status, 201)
  for (const repository of ['acme/app', 'acme/other']) assert.equal((await push(bytes, repository)).status, 201)
  const mounted = await ask('POST', `/v2/acme/third/blobs/uploads/?mount=${sha256(bytes)}&from=acme/app`)
  assert.equal(mounted.status, 201)
  assert.equal((await quota()).used, 1000)
})

test('deleting a blob makes room at once; its manifest’s own bytes cost nothing', async (t) => {
  const { ask, push } = await open(t, 1000)
  const bytes = randomBytes(1000)
  await push(bytes)
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations: { a: 'x'.repeat(5000) } })
  assert.equal((await ask('PUT', '/v2/acme/app/manifests/v1', index, { 'content-type': mediaType })).status, 201)
  assert.equal((await push(randomBytes(1000))).status, 403)
  assert.equal((await ask('DELETE', `/v2/acme/app/blobs/${sha256(bytes)}`)).status, 202)
  assert.equal((await push(randomBytes(1000))).status, 201)
})

test('of two clients at once that both would fit alone one is refused', async (t) => {
  const { push, quota } = await open(t, 3 * MIB)
  const answers = await Promise.all([push(randomBytes(2 * MIB)), push(randomBytes(2 * MIB))])
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 403])
  assert.deepEqual(await quota(), { limit: 3 * MIB, used: 2 * MIB, reserved: 0, free: MIB })
})
