import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { until } from '../../support/tools.ts'
import { RawConnection } from './raw-connection.ts'
import { assertWhole, digestOf, endOf, imageOf, RegistryClient } from './registry-client.ts'

const STALL_SECONDS = 2
const MIB = 1024 * 1024

// They wait for time-outs of the server: all at once.
suite('clients that do not do what they say', { concurrency: true, timeout: 120_000 }, () => {
  let server: EntrepotUnderTest
  let client: RegistryClient
  before(async () => {
    server = await startEntrepot({ env: { ENTREPOT_STALL_SECONDS: String(STALL_SECONDS) } })
    client = await RegistryClient.create(server)
  })
  after(async () => {
    await assertWhole(server)
    await server[Symbol.asyncDispose]()
  })

  const octets = () => ({ authorization: client.authorization, 'content-type': 'application/octet-stream' })

  /** The client goes on from `held` bytes, or from where the server says it is, to the right end. */
  async function completes(location: string, bytes: Buffer, held: number): Promise<void> {
    let at = held
    for (let attempt = 1; at < bytes.length; attempt += 1) {
      const sent = await client.patch(location, bytes.subarray(at), at)
      // What a broken connection brought may still be on its way to the disk.
      if (sent.status !== 416 || attempt === 10) expectStatus(sent, 202)
      const end = endOf(sent)
      at = sent.status === 416 && end === 0 && at === 0 ? 1 : end // `0-0` is one byte or none
    }
    expectStatus(await client.put(location, digestOf(bytes)), 201)
    const { body } = expectStatus(await client.blob('app', digestOf(bytes)), 200)
    assert.ok(bytes.equals(body), 'other bytes')
  }

  async function settles(location: string, size: number): Promise<void> {
    let held = -1
    const isThere = async () => {
      held = await client.uploaded(location)
      return held === size
    }
    await until(isThere, () => `the session holds ${held} bytes, not ${size}`, 10_000)
  }

  for (const [how, size] of [
    ['a few bytes', 1_000],
    ['several megabytes', 5 * MIB + 17],
  ] as const) {
    for (const framing of ['content-length', 'chunked'] as const) {
      test(`stops after ${how} of a ${framing} PATCH: what arrived is kept`, async () => {
        const bytes = randomBytes(2 * size)
        const location = await client.startUpload('app')
        using raw = await RawConnection.open(server)
        const length = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes.length }
        await raw.head('PATCH', location, { ...octets(), ...length })
        if (framing === 'chunked') await raw.chunk(bytes.subarray(0, size))
        else await raw.send(bytes.subarray(0, size))
        await sleep(200) // let it arrive; a reset would take unread bytes with it
        raw.reset()
        await settles(location, size)
        await completes(location, bytes, size)
      })
    }
  }

  test('stops in the middle of a POST with digest: nothing is visible', async () => {
    const bytes = randomBytes(200_000)
    using raw = await RawConnection.open(server)
    const path = `${client.at('app', 'blobs/uploads/')}?digest=${digestOf(bytes)}`
    await raw.head('POST', path, { ...octets(), 'content-length': bytes.length })
    await raw.send(bytes.subarray(0, 150_000))
    await sleep(200)
    raw.reset()
    assert.equal((await client.blob('app', digestOf(bytes), { method: 'HEAD' })).status, 404)
    await client.pushBlob('app', bytes)
  })

  test('stops in the middle of the closing PUT: not committed, and goes on', async () => {
    const bytes = randomBytes(300_000)
    const location = await client.startUpload('app')
    expectStatus(await client.patch(location, bytes.subarray(0, 100_000)), 202)
    using raw = await RawConnection.open(server)
    await raw.head('PUT', `${location}?digest=${digestOf(bytes)}`, { ...octets(), 'content-length': 200_000 })
    await raw.send(bytes.subarray(100_000, 150_000))
    await sleep(200)
    raw.reset()
    await settles(location, 150_000)
    assert.equal((await client.blob('app', digestOf(bytes), { method: 'HEAD' })).status, 404)
    await completes(location, bytes, 150_000)
  })

  test('goes silent in the middle of a PATCH: disconnected, and what arrived is kept', async () => {
    const bytes = randomBytes(90_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': bytes.length })
    await raw.send(bytes.subarray(0, 40_000))
    const began = Date.now()
    await raw.received()
    assert.ok(Date.now() - began < 4 * STALL_SECONDS * 1_000, 'it was waited for too long')
    await settles(location, 40_000)
    await completes(location, bytes, 40_000)
  })

  test('goes silent before the first byte: disconnected, the session stays', async () => {
    const bytes = randomBytes(1_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': bytes.length })
    await raw.received()
    await completes(location, bytes, 0)
  })

  test('sends one byte a second: disconnected, and what arrived is kept', async () => {
    const bytes = randomBytes(1_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': bytes.length })
    let sent = 0
    for (; await raw.send(bytes.subarray(sent, sent + 1)); sent += 1) {
      assert.ok(sent < 10 * STALL_SECONDS, 'it is still connected')
      await sleep(1_000) // the behaviour itself
    }
    await raw.received()
    await completes(location, bytes, 0)
  })

  test('sends a few kilobytes a second: slow is not silent', async () => {
    const bytes = randomBytes(24_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': bytes.length, connection: 'close' })
    for (let sent = 0; sent < bytes.length; sent += 2_000) {
      await sleep(400) // the behaviour itself
      assert.ok(await raw.send(bytes.subarray(sent, sent + 2_000)), 'it was disconnected')
    }
    await raw.received()
    assert.equal(raw.status, 202, raw.text)
    await completes(location, bytes, bytes.length)
  })

  test('takes nothing of the answer: disconnected, others are served', async () => {
    const bytes = randomBytes(24 * MIB)
    await client.pushBlob('app', bytes)
    using raw = await RawConnection.open(server)
    raw.pause()
    await raw.head('GET', client.at('app', `blobs/${digestOf(bytes)}`), octets())
    expectStatus(await client.blob('app', digestOf(bytes)), 200)
    const isReported = () => server.logs().includes('"side":"receiving"')
    await until(isReported, () => 'the silent reader is still connected', 8 * STALL_SECONDS * 1_000)
  })

  test('sends its headers one byte a second: 408, others are served', async () => {
    using raw = await RawConnection.open(server)
    const began = Date.now()
    await raw.send(`GET ${client.at('app', 'tags/list')} HTTP/1.1\r\nhost: localhost\r\nx-slow: `)
    while (await raw.send('a')) {
      assert.ok(Date.now() - began < 40_000, 'it was waited for too long')
      assert.equal((await client.request('/v2/')).status, 200)
      await sleep(1_000) // the behaviour itself
    }
    await raw.received()
    assert.equal(raw.status, 408, raw.text)
  })

  test('sends more than Content-Length says: only that much is taken', async () => {
    const bytes = randomBytes(5_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': bytes.length })
    await raw.send(Buffer.concat([bytes, Buffer.from('and some more that nobody announced')]))
    await raw.received()
    assert.match(raw.text, /HTTP\/1\.1 400/, 'the rest is no request')
    await settles(location, bytes.length)
    await completes(location, bytes, bytes.length)
  })

  for (const [what, announced] of [
    ['more', 900],
    ['less', 1_100],
  ] as const) {
    for (const framing of ['content-length', 'chunked'] as const) {
      test(`sends ${what} than Content-Range says (${framing}): refused, nothing is taken`, async () => {
        const bytes = randomBytes(1_000)
        const location = await client.startUpload('app')
        using raw = await RawConnection.open(server)
        const length = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes.length }
        const range = { 'content-range': `0-${announced - 1}`, connection: 'close' }
        await raw.head('PATCH', location, { ...octets(), ...length, ...range })
        if (framing === 'chunked') {
          await raw.chunk(bytes)
          await raw.chunk(Buffer.alloc(0))
        } else await raw.send(bytes)
        await raw.received()
        assert.equal(raw.status, 400, raw.text)
        assert.match(raw.text, /SIZE_INVALID/)
        await completes(location, bytes, await client.uploaded(location))
      })
    }
  }

  test('sends a body that is no chunked encoding: disconnected, no wrong byte is kept', async () => {
    const bytes = randomBytes(2_000)
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'transfer-encoding': 'chunked' })
    await raw.chunk(bytes.subarray(0, 1_000))
    await raw.send('this is no chunk size\r\n')
    await raw.received()
    const held = await client.uploaded(location)
    assert.ok(held === 0 || held === 1_000, `${held} bytes`)
    await completes(location, bytes, held)
  })

  test('sends chunks out of order: 416 with the true range, and nothing changes', async () => {
    const bytes = randomBytes(4_000)
    const location = await client.startUpload('app')
    expectStatus(await client.patch(location, bytes.subarray(0, 1_000), 0), 202)
    for (const first of [2_000, 999, 0, 1_001]) {
      const refused = expectStatus(await client.patch(location, bytes.subarray(first, first + 500), first), 416)
      assert.equal(endOf(refused), 1_000)
    }
    await completes(location, bytes, 1_000)
  })

  test('sends twice at once to one session: the later one wins, the bytes are never mixed', async () => {
    const [early, late] = [Buffer.alloc(400_000, 'early'), Buffer.alloc(300_000, 'late')]
    const location = await client.startUpload('app')
    using raw = await RawConnection.open(server)
    await raw.head('PATCH', location, { ...octets(), 'content-length': early.length, connection: 'close' })
    await raw.send(early.subarray(0, 200_000))
    await sleep(200) // the early one is in the middle of it
    expectStatus(await client.patch(location, late), 202)
    await raw.send(early.subarray(200_000))
    await raw.received()
    assert.equal(raw.status, 416, raw.text)
    assert.equal(await client.uploaded(location), late.length)
    await completes(location, late, late.length)
  })

  test('sends the same PUT twice at once: one blob, and nobody is told wrong', async () => {
    const bytes = randomBytes(100_000)
    const location = await client.startUpload('app')
    expectStatus(await client.patch(location, bytes), 202)
    const answers = await Promise.all([1, 2, 3].map(() => client.put(location, digestOf(bytes))))
    assert.ok(answers.some(({ status }) => status === 201))
    for (const { status, text } of answers) assert.ok([201, 404, 416].includes(status), text)
    expectStatus(await client.put(location, digestOf(bytes)), 201)
    assert.ok(bytes.equals(expectStatus(await client.blob('app', digestOf(bytes)), 200).body))
  })

  test('closes with a wrong digest: 400, and nothing is kept', async () => {
    const bytes = randomBytes(10_000)
    const location = await client.startUpload('app')
    const refused = expectStatus(await client.put(location, digestOf(randomBytes(1)), bytes), 400)
    assert.match(refused.text, /DIGEST_INVALID/)
    assert.equal((await client.request(location)).status, 404)
    assert.equal((await client.blob('app', digestOf(bytes), { method: 'HEAD' })).status, 404)
  })

  test('pushes a manifest before its layers: refused, naming the blob; afterwards accepted', async () => {
    const image = imageOf('late', 'v1', [randomBytes(500)])
    await client.pushBlob('late', image.config)
    const refused = expectStatus(await client.putManifest(image), 400)
    assert.match(refused.text, /MANIFEST_BLOB_UNKNOWN/)
    assert.ok(refused.text.includes(digestOf(image.layers[0] ?? Buffer.alloc(0))))
    await client.push(image)
    await client.assertPullable(image)
  })
})
