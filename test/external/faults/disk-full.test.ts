import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answer } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { must, run } from '../../support/tools.ts'
import type { Image } from './registry-client.ts'
import { assertWhole, digestOf, imageOf, RegistryClient } from './registry-client.ts'

const MIB = 1024 * 1024
const DISK_MIB = 64

interface SmallDisk extends AsyncDisposable {
  readonly path: string
  /** Leaves this much, to the page; 0: not a byte. */
  fill(leaveBytes: number): Promise<void>
  free(): Promise<void>
}

/** A file system of its own, in memory; null where that is not permitted. */
async function mountSmallDisk(): Promise<SmallDisk | null> {
  const path = await mkdtemp(join(tmpdir(), 'entrepot-disk-'))
  const { code } = await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', path])
  if (code !== 0) {
    await rm(path, { recursive: true })
    return null
  }
  const ballast = join(path, 'ballast')
  return {
    path,
    fill: async (leaveBytes) => {
      const { bavail, bsize } = await statfs(path)
      await using file = await open(ballast, 'a')
      const size = (await file.stat()).size
      const more = Math.max(0, bavail * bsize - leaveBytes)
      for (let at = 0; at < more; at += MIB)
        await file.write(Buffer.alloc(Math.min(MIB, more - at)), 0, null, size + at)
    },
    free: () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      await must('umount', ['--lazy', path])
      await rm(path, { recursive: true })
    },
  }
}

const isPermitted = await (async () => {
  await using disk = await mountSmallDisk()
  return disk !== null
})()
const skip = isPermitted ? false : 'mounting a tmpfs is not permitted here (needs root)'

/** A refusal a client can act on, and nothing that looks like a mistake of ours. */
function assertClear(answer: Answer): void {
  assert.equal(answer.status, 503, answer.text)
  assert.match(answer.text, /disk|storage/i)
  assert.match(answer.text, /full/i)
  assert.ok(answer.headers['retry-after'] !== undefined, 'when to try again')
}

/** Pushes until the disk is full; the refusal. */
async function pushUntilRefused(client: RegistryClient, most: number): Promise<{ refused: Answer; blob: Buffer }> {
  for (let count = 0; count < most; count += 1) {
    const blob = randomBytes(5 * MIB)
    const started = await client.request(client.at('app', 'blobs/uploads/'), { method: 'POST' })
    if (started.status !== 202) return { refused: started, blob }
    const location = new URL(String(started.headers.location), 'http://any').pathname
    const answer = await client.put(location, digestOf(blob), blob)
    if (answer.status !== 201) return { refused: answer, blob }
  }
  throw new Error(`${most} blobs went onto a full disk`)
}

async function recovers(client: RegistryClient, before: Image): Promise<void> {
  const image = imageOf('app', 'afterwards', [randomBytes(3 * MIB)])
  await client.push(image)
  await client.assertPullable(image)
  await client.assertPullable(before)
  await assertWhole(client.server)
}

test('a disk that fills up while blobs are pushed', { skip, timeout: 120_000 }, async () => {
  await using disk = await mountSmallDisk()
  assert.ok(disk)
  await using server = await startEntrepot({
    dataDir: join(disk.path, 'data'),
    env: { ENTREPOT_MIN_FREE_BYTES: '0' },
  })
  const client = await RegistryClient.create(server)
  const before = imageOf('app', 'before', [randomBytes(3 * MIB)])
  await client.push(before)
  await disk.fill(12 * MIB)

  const { refused, blob } = await pushUntilRefused(client, 10)
  assertClear(refused)
  assert.equal((await client.blob('app', digestOf(blob), { method: 'HEAD' })).status, 404, 'half a blob is visible')
  await client.assertPullable(before)
  assert.equal((await server.request('/livez')).status, 200)

  await disk.free()
  await recovers(client, before)
  await client.pushBlob('app', blob)
})

test('a disk without a byte left: nothing can be written, everything can be read', {
  skip,
  timeout: 120_000,
}, async () => {
  await using disk = await mountSmallDisk()
  assert.ok(disk)
  await using server = await startEntrepot({
    dataDir: join(disk.path, 'data'),
    env: { ENTREPOT_MIN_FREE_BYTES: '0' },
  })
  const client = await RegistryClient.create(server)
  const before = imageOf('app', 'before', [randomBytes(3 * MIB)])
  await client.push(before)
  const next = imageOf('app', 'next', [])
  await client.pushBlob('app', next.config)
  const location = await client.startUpload('app')
  await disk.fill(0)

  const sent = randomBytes(2 * MIB)
  assertClear(await client.patch(location, sent))
  const tagged = await writeUntilRefused(client, next)
  assertClear(tagged)
  await client.assertPullable(before)
  assert.equal((await client.manifest('app', 'next')).status === 200, false, 'a refused manifest is visible')

  await disk.free()
  expectStatus(await client.putManifest(next), 201)
  await client.assertPullable(next)
  const held = await client.uploaded(location)
  expectStatus(await client.patch(location, sent.subarray(held), held), 202)
  expectStatus(await client.put(location, digestOf(sent)), 201)
  await recovers(client, before)
})

/** Pages that the database has already may take a few more rows. */
async function writeUntilRefused(client: RegistryClient, image: Image): Promise<Answer> {
  for (let count = 0; count < 2_000; count += 1) {
    const started = await client.request(client.at('app', 'blobs/uploads/'), { method: 'POST' })
    if (started.status === 202) continue
    const answer = await client.putManifest(image)
    if (answer.status !== 201) return answer
  }
  throw new Error('the database went on without a byte of disk')
}

test('a disk that runs low: new uploads are refused before the database is in danger', {
  skip,
  timeout: 120_000,
}, async () => {
  await using disk = await mountSmallDisk()
  assert.ok(disk)
  await using server = await startEntrepot({
    dataDir: join(disk.path, 'data'),
    env: { ENTREPOT_MIN_FREE_BYTES: String(16 * MIB) },
  })
  const client = await RegistryClient.create(server)
  const before = imageOf('app', 'before', [randomBytes(3 * MIB)])
  await client.push(before)
  await disk.fill(20 * MIB)

  const { refused } = await pushUntilRefused(client, 10)
  assertClear(refused)
  const { bavail, bsize } = await statfs(disk.path)
  assert.ok(bavail * bsize > 4 * MIB, 'the watermark left nothing')
  await client.assertPullable(before)
  // What needs no space worth the name goes on: tags, deletes, management.
  expectStatus(await client.putManifest({ ...before, tag: 'again' }), 201)
  await server.createRegistry('second')

  await disk.free()
  await recovers(client, before)
})
