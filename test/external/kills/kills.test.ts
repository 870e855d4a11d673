import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { childrenOf, until } from '../../support/tools.ts'
import type { Image } from '../faults/registry-client.ts'
import { assertWhole, digestOf, endOf, imageOf, RegistryClient } from '../faults/registry-client.ts'

/** How often the whole server is killed; .ci/long raises it to at least 200. */
const KILLS = Number(process.env['KILLS'] ?? 40)
const WRITERS = 4
const LAYER_BYTES = [0, 1, 20_000, 300_000, 1_048_520, 1_048_521, 3_000_000]

/** An upload as its client knows it. */
interface Upload {
  readonly repository: string
  readonly location: string
  readonly bytes: Buffer
  /** What the server has acknowledged, and what was sent at most. */
  acknowledged: number
  sent: number
  /** The closing PUT was sent. */
  closing: boolean
}

interface Writer {
  /** Whose manifest was answered 201. */
  readonly acknowledged: Image[]
  upload: Upload | null
}

/** Pushes image after image until the server is gone. */
async function pushUntilKilled(client: RegistryClient, writer: Writer, name: string): Promise<void> {
  for (let count = 0; ; count += 1) {
    const layers = Array.from({ length: randomInt(1, 4) }, () => randomLayer())
    const image = imageOf(`team/${name}`, `${Date.now().toString(36)}-${count}`, layers)
    try {
      for (const bytes of [image.config, ...layers]) await pushInPieces(client, writer, image.repository, bytes)
      expectStatus(await client.putManifest(image), 201)
    } catch (error) {
      if (isConnectionError(error)) return
      throw error
    }
    writer.acknowledged.push(image)
  }
}

function randomLayer(): Buffer {
  const size = LAYER_BYTES[randomInt(LAYER_BYTES.length)] ?? 0
  return randomBytes(size)
}

async function pushInPieces(client: RegistryClient, writer: Writer, repository: string, bytes: Buffer): Promise<void> {
  writer.upload = null
  const location = await client.startUpload(repository)
  const upload: Upload = { repository, location, bytes, acknowledged: 0, sent: 0, closing: false }
  writer.upload = upload
  const pieces = randomInt(1, 5)
  for (let piece = 0; piece < pieces; piece += 1) {
    const end = Math.ceil((bytes.length * (piece + 1)) / pieces)
    const chunk = bytes.subarray(upload.acknowledged, end)
    if (chunk.length === 0) continue
    upload.sent = end
    expectStatus(await client.patch(location, chunk, upload.acknowledged), 202)
    upload.acknowledged = end
  }
  upload.closing = true
  expectStatus(await client.put(location, digestOf(bytes)), 201)
  writer.upload = null
}

function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(code)
}

/** The client comes back after the restart and goes on where it was. */
async function resume(client: RegistryClient, upload: Upload): Promise<void> {
  const { location, bytes, acknowledged, sent, closing, repository } = upload
  const status = await client.request(location)
  if (status.status === 404) assert.ok(closing, `a session vanished at ${acknowledged} of ${bytes.length} bytes`)
  else {
    const held = endOf(expectStatus(status, 204))
    assert.ok(held >= acknowledged || held <= 1, `${acknowledged} bytes were acknowledged, ${held} are there`)
    assert.ok(held <= sent, `${sent} bytes were sent, ${held} are there`)
    await sendRest(client, location, bytes, held)
  }
  expectStatus(await client.put(location, digestOf(bytes)), 201)
  const { body } = expectStatus(await client.blob(repository, digestOf(bytes)), 200)
  assert.ok(bytes.equals(body), 'a resumed upload has other bytes')
}

async function sendRest(client: RegistryClient, location: string, bytes: Buffer, held: number): Promise<void> {
  const rest = bytes.subarray(held)
  if (rest.length === 0) return
  const sent = await client.patch(location, rest, held)
  if (sent.status !== 416 || held !== 0) expectStatus(sent, 202)
  else if (bytes.length > 1) expectStatus(await client.patch(location, bytes.subarray(1), 1), 202) // it held one byte
}

test(`kill -9 of the whole server, ${KILLS} times in the middle of pushes: nothing acknowledged is lost`, {
  timeout: 60_000 + KILLS * 30_000,
}, async (context) => {
  await using server = await startEntrepot({ workers: 2 })
  const client = await RegistryClient.create(server)
  const all: Image[] = []
  let resumed = 0
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const writers: Writer[] = Array.from({ length: WRITERS }, () => ({ acknowledged: [], upload: null }))
    const pushes = writers.map((writer, index) => pushUntilKilled(client, writer, `writer-${index}`))
    await sleep(randomInt(1, 1_000)) // the point of the kill is what is random here
    await server.kill('SIGKILL')
    await Promise.all(pushes)
    await server.start()
    for (const { acknowledged, upload } of writers) {
      for (const image of acknowledged) await client.assertPullable(image)
      all.push(...acknowledged)
      if (upload === null) continue
      await resume(client, upload)
      resumed += 1
    }
    if (kill % 10 === 0) await assertWhole(server)
  }
  for (const image of all) await client.assertPullable(image)
  await assertWhole(server)
  assert.ok(all.length > 0 && resumed > 0, `${all.length} images and ${resumed} resumed uploads prove nothing`)
  context.diagnostic(`${all.length} images acknowledged, ${resumed} uploads resumed`)
})

test('kill -9 of one worker of three: others go on, clients come back, another takes its place', {
  timeout: 180_000,
}, async () => {
  await using server = await startEntrepot({ workers: 3 })
  const client = await RegistryClient.create(server)
  const workers = () => childrenOf(server.pid)
  assert.equal(workers().length, 3)
  const images: Image[] = []
  let pushing = true
  const pushes = Array.from({ length: WRITERS }, async (_, index) => {
    while (pushing || images.length < WRITERS) {
      const image = imageOf(`team/${index}`, `v${images.length}`, [randomLayer(), randomLayer()])
      await pushWithRetries(client, image)
      images.push(image)
    }
  })
  const done = Promise.all(pushes)
  done.catch(() => {}) // told below
  try {
    for (let kill = 0; kill < 6; kill += 1) {
      const [victim] = workers()
      assert.ok(victim !== undefined)
      process.kill(victim, 'SIGKILL')
      const isReplaced = () => !workers().includes(victim) && workers().length === 3
      await until(isReplaced, () => `workers ${workers()} after the death of ${victim}`, 20_000)
      const pushed = images.length
      await until(
        () => images.length > pushed,
        () => `nobody could push after the death of ${victim}`,
        20_000,
      )
    }
  } finally {
    pushing = false
  }
  await done
  for (const image of images) await client.assertPullable(image)
  await assertWhole(server)
})

/** What docker does: a connection that broke is tried again, from the beginning of that blob. */
async function pushWithRetries(client: RegistryClient, image: Image): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.push(image)
      return
    } catch (error) {
      if (!isConnectionError(error) || attempt === 20) throw error
      await sleep(attempt * 20)
    }
  }
}
