import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFile, open, readdir, rename, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import type { Answer, EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { RawConnection } from './raw-connection.ts'
import { assertWhole, check, digestOf, imageOf, RegistryClient } from './registry-client.ts'

// One object of three segments: 1,048,520 + 1,048,560 + the rest. Layout: docs on Tink's streaming AEAD, design 5.
const SEGMENT = 1024 * 1024
const SIZE = 2_500_000

interface Damage {
  readonly name: string
  readonly act: (path: string) => Promise<void>
  /** Plaintext bytes that may leave before the damage is met. */
  readonly before: number
}

const damages: readonly Damage[] = [
  { name: 'the length byte of the header', act: (path) => flip(path, 0), before: 0 },
  { name: 'the salt', act: (path) => flip(path, 7), before: 0 },
  { name: 'the nonce prefix', act: (path) => flip(path, 39), before: 0 },
  { name: 'the first byte of the first segment', act: (path) => flip(path, 40), before: 0 },
  { name: "the first segment's tag", act: (path) => flip(path, SEGMENT - 1), before: 0 },
  { name: 'the first byte of the second segment', act: (path) => flip(path, SEGMENT), before: SEGMENT },
  { name: 'the middle of the second segment', act: (path) => flip(path, SEGMENT + SEGMENT / 2), before: SEGMENT },
  { name: "the second segment's tag", act: (path) => flip(path, 2 * SEGMENT - 1), before: SEGMENT },
  { name: 'the last segment', act: (path) => flip(path, 2 * SEGMENT + 5), before: 2 * SEGMENT },
  { name: 'the last byte', act: (path) => flip(path, -1), before: 2 * SEGMENT },
  { name: 'nothing, but the last byte is cut off', act: (path) => cut(path, -1), before: 2 * SEGMENT },
  { name: 'nothing, but it ends after one segment', act: (path) => cut(path, SEGMENT), before: SEGMENT },
  { name: 'nothing, but it is empty', act: (path) => cut(path, 0), before: 0 },
  { name: 'nothing, but two segments are exchanged', act: exchangeSegments, before: 0 },
]

async function flip(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+')
  const at = position < 0 ? (await file.stat()).size + position : position
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 0x10
  await file.write(byte, 0, 1, at)
}

async function cut(path: string, size: number): Promise<void> {
  await truncate(path, size < 0 ? (await stat(path)).size + size : size)
}

async function exchangeSegments(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  const [first, second] = [Buffer.alloc(SEGMENT), Buffer.alloc(SEGMENT)]
  await file.read(first, 0, SEGMENT, 0)
  await file.read(second, 0, SEGMENT, SEGMENT)
  await file.write(second, 0, SEGMENT, 0)
  await file.write(first, 0, SEGMENT, SEGMENT)
}

suite('bytes that changed on the disk', { timeout: 300_000 }, () => {
  let server: EntrepotUnderTest
  let client: RegistryClient
  before(async () => {
    server = await startEntrepot()
    client = await RegistryClient.create(server)
  })
  after(() => server[Symbol.asyncDispose]())

  const objects = async (): Promise<string[]> => {
    const folder = join(server.dataDir, 'objects')
    const files = await readdir(folder, { recursive: true })
    return files
      .filter((file) => /^..\/.{30}$/.test(file) && !file.startsWith('00/0000000000'))
      .map((file) => join(folder, file))
  }

  /** A blob of one object, and the object's file. */
  async function pushOne(bytes: Buffer): Promise<string> {
    const known = new Set(await objects())
    await client.pushBlob('app', bytes)
    const [path, ...others] = (await objects()).filter((file) => !known.has(file))
    assert.ok(path !== undefined && others.length === 0)
    return path
  }

  /** The bytes of the body that reach a client, however the answer ends. */
  async function pull(digest: string): Promise<{ status: number; body: Buffer; whole: boolean }> {
    using raw = await RawConnection.open(server)
    await raw.head('GET', client.at('app', `blobs/${digest}`), {
      authorization: client.authorization,
      connection: 'close',
    })
    const text = await raw.received()
    const [head = '', ...rest] = text.split('\r\n\r\n')
    const body = Buffer.from(rest.join('\r\n\r\n'), 'latin1')
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN)
    return { status: raw.status, body, whole: body.length === length }
  }

  for (const { name, act, before: most } of damages) {
    test(`changed: ${name}`, async () => {
      const bytes = randomBytes(SIZE)
      const digest = digestOf(bytes)
      const path = await pushOne(bytes)
      await copyFile(path, `${path}.kept`)
      await act(path)

      const { status, body, whole } = await pull(digest)
      if (status === 200) {
        assert.ok(!whole, 'damaged bytes were delivered as if they were whole')
        assert.ok(body.length <= most && body.equals(bytes.subarray(0, body.length)), 'a wrong byte left the server')
      } else assert.equal(status, 503, body.toString())
      const { problems } = await check(server)
      assert.equal(problems.filter((problem) => problem.includes(digest)).length, 1, problems.join('\n'))

      await rename(`${path}.kept`, path)
      assert.ok(bytes.equals(expectStatus(await client.blob('app', digest), 200).body), 'not whole again')
    })
  }

  test('changed: a segment; the others are served as ranges', async () => {
    const bytes = randomBytes(SIZE)
    const path = await pushOne(bytes)
    await copyFile(path, `${path}.kept`)
    await flip(path, SEGMENT + 1_000)
    const range = async (first: number, last: number): Promise<Answer> =>
      await client.blob('app', digestOf(bytes), { headers: { range: `bytes=${first}-${last}` } })
    for (const [first, last] of [
      [0, 1_000_000],
      [2_200_000, SIZE - 1],
    ] as const) {
      const answer = expectStatus(await range(first, last), 206)
      assert.ok(bytes.subarray(first, last + 1).equals(answer.body))
    }
    assert.equal((await range(1_048_520, 1_048_530)).status, 503)
    await rename(`${path}.kept`, path)
  })

  test('exchanged: two objects of the same size', async () => {
    const blobs = [randomBytes(SIZE), randomBytes(SIZE)]
    const [one = '', other = ''] = [await pushOne(blobs[0] as Buffer), await pushOne(blobs[1] as Buffer)]
    const swap = async () => {
      await rename(one, `${one}.kept`)
      await rename(other, one)
      await rename(`${one}.kept`, other)
    }
    // Often enough that every worker meets the damage, and later what was put back.
    const everywhere = [...blobs, ...blobs, ...blobs, ...blobs]
    await swap()
    for (const bytes of everywhere) assert.equal((await pull(digestOf(bytes))).status, 503)
    assert.equal((await check(server)).problems.length, 2)
    await swap()
    for (const bytes of everywhere) assert.ok(bytes.equals((await pull(digestOf(bytes))).body), 'not whole again')
  })

  test('gone: the file of an object', async () => {
    const bytes = randomBytes(SIZE)
    const path = await pushOne(bytes)
    const aside = join(server.dataDir, 'aside')
    await rename(path, aside)
    assert.equal((await pull(digestOf(bytes))).status, 503)
    const { problems } = await check(server)
    assert.ok(
      problems.some((problem) => problem.startsWith('object_missing')),
      problems.join('\n'),
    )
    await rename(aside, path)
    await assertWhole(server)
  })

  test('changed: a manifest in the database', async () => {
    const image = imageOf('app', 'v1', [randomBytes(100)])
    await client.push(image)
    await server.stop()
    const change = (position: number) => {
      using database = new DatabaseSync(join(server.dataDir, 'entrepot.db'))
      const row = database.prepare('SELECT id, content FROM manifests').get() as { id: number; content: Uint8Array }
      row.content[position] = (row.content[position] ?? 0) ^ 1
      database.prepare('UPDATE manifests SET content = ? WHERE id = ?').run(row.content, row.id)
    }
    change(30)
    await server.start()
    const refused = await client.manifest('app', 'v1')
    assert.ok(refused.status >= 500, `${refused.status}`)
    assert.ok(!refused.text.includes('schemaVersion'))
    assert.ok((await check(server)).problems.some((problem) => problem.startsWith('manifest_damaged')))
    await server.stop()
    change(30)
    await server.start()
    await client.assertPullable(image)
    await assertWhole(server)
  })
})
