import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import {
  bodyOf,
  openTestRegistry,
  place,
  pushBlob,
  pusher,
  readBlob,
  reader,
  sha256,
  sha512,
} from '../../test/support/registry.ts'
import type { TagName } from '../domain/reference.ts'
import { parseReference } from '../domain/reference.ts'
import type { Caller } from './registry.ts'

const app = place('team/app')
const other = place('other')
const kind = (name: string) => (error: Error & { kind?: string }) => error.kind === name
const tag = (name: string) => parseReference(name)

describe('uploads', () => {
  const sizes = [0, 1, 65_536, 1_048_520, 1_048_521, 3_000_000]
  for (const size of sizes)
    test(`a blob of ${size} bytes comes back bit for bit, whole and in pieces`, async () => {
      await using t = await openTestRegistry()
      const bytes = randomBytes(size)
      const digest = await pushBlob(t.registry, app, bytes)
      assert.deepEqual(await t.registry.statBlob(app, pusher, digest), { digest, size })
      for (let again = 0; again < 3; again += 1) assert.ok((await readBlob(t.registry, app, digest)).equals(bytes))
      const [from, to] = [Math.floor(size / 3), Math.floor((size * 2) / 3)]
      assert.ok((await readBlob(t.registry, app, digest, from, to)).equals(bytes.subarray(from, to)))
    })

  test('chunks land in several objects, are hashed once, and may continue in another process', async () => {
    await using t = await openTestRegistry({ limits: { objectBytes: 100_000 } })
    await using second = await t.sibling()
    const bytes = randomBytes(750_000)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    await t.registry.appendToUpload(app, pusher, id, bodyOf(bytes.subarray(0, 300_000)))
    assert.equal((await second.registry.uploadStatus(app, pusher, id)).size, 300_000)
    await second.registry.appendToUpload(
      app,
      pusher,
      id,
      bodyOf(bytes.subarray(300_000, 500_000), { first: 300_000, last: 499_999 }),
    )
    const digest = sha256(bytes)
    await t.registry.finishUpload(app, pusher, id, digest, bodyOf(bytes.subarray(500_000)))
    assert.ok((await readBlob(second.registry, app, digest)).equals(bytes))
  })

  test('a chunk out of order is refused with the true state and the session survives', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(1_000)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    await t.registry.appendToUpload(app, pusher, id, bodyOf(bytes.subarray(0, 500), { first: 0, last: 499 }))
    for (const first of [0, 499, 501])
      await assert.rejects(
        t.registry.appendToUpload(app, pusher, id, bodyOf(bytes.subarray(500), { first, last: first + 499 })),
        (error: Error & { headers?: Record<string, string> }) => error.headers?.['range'] === '0-499',
      )
    const digest = sha256(bytes)
    await t.registry.finishUpload(app, pusher, id, digest, bodyOf(bytes.subarray(500), { first: 500, last: 999 }))
    assert.ok((await readBlob(t.registry, app, digest)).equals(bytes))
  })

  test('a session opened for sha256 may be closed with sha512', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(200_000)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    await t.registry.appendToUpload(app, pusher, id, bodyOf(bytes))
    await t.registry.finishUpload(app, pusher, id, sha512(bytes), bodyOf(Buffer.alloc(0)))
    assert.ok((await readBlob(t.registry, app, sha512(bytes))).equals(bytes))
  })

  test('a wrong digest keeps nothing', async () => {
    await using t = await openTestRegistry()
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    await assert.rejects(
      t.registry.finishUpload(app, pusher, id, sha256(Buffer.from('a')), bodyOf(Buffer.from('b'))),
      kind('digest_mismatch'),
    )
    await assert.rejects(t.registry.uploadStatus(app, pusher, id), kind('blob_upload_unknown'))
    assert.equal(await t.registry.statBlob(app, pusher, sha256(Buffer.from('b'))), null)
  })

  test('a client that goes away leaves what arrived, and continues from there', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(100_000)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    const stream = new PassThrough()
    const patch = t.registry.appendToUpload(app, pusher, id, { stream, length: 100_000, range: null })
    stream.write(bytes.subarray(0, 40_000), () => stream.destroy())
    await assert.rejects(patch, kind('blob_upload_invalid'))
    assert.equal((await t.registry.uploadStatus(app, pusher, id)).size, 40_000)
    await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes.subarray(40_000)))
    assert.ok((await readBlob(t.registry, app, sha256(bytes))).equals(bytes))
  })

  test('a newer writer fences off an older one, whose bytes are not kept', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(50_000)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    const slow = new PassThrough()
    const old = t.registry.appendToUpload(app, pusher, id, { stream: slow, length: null, range: null })
    slow.write(randomBytes(1_000))
    await new Promise((resolve) => setImmediate(resolve))
    await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes))
    slow.end()
    await assert.rejects(old, kind('range_invalid'))
    assert.ok((await readBlob(t.registry, app, sha256(bytes))).equals(bytes))
  })

  test('bytes that come between the reading of a session and its closing never end up under the digest', async () => {
    await using t = await openTestRegistry()
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    const [first, second] = [Buffer.from('first'), Buffer.from('second')]
    await t.registry.appendToUpload(app, pusher, id, bodyOf(first))
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const { current } = t.deps.keyring
    Object.assign(t.deps.keyring, {
      current: async (registryId: number) => {
        Object.assign(t.deps.keyring, { current })
        reached.resolve()
        await gate.promise
        return await current(registryId)
      },
    })
    const put = t.registry.finishUpload(app, pusher, id, sha256(first), bodyOf(Buffer.alloc(0)))
    await reached.promise
    await t.registry.appendToUpload(app, pusher, id, bodyOf(second))
    gate.resolve()
    await assert.rejects(put, kind('range_invalid'))
    assert.equal(await t.registry.statBlob(app, pusher, sha256(first)), null)
    const both = Buffer.concat([first, second])
    await t.registry.finishUpload(app, pusher, id, sha256(both), bodyOf(Buffer.alloc(0)))
    assert.ok((await readBlob(t.registry, app, sha256(both))).equals(both))
  })

  test('a repeated closing PUT of a blob that was deleted meanwhile is told so', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(10)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes))
    await t.registry.deleteBlob(app, pusher, sha256(bytes))
    await assert.rejects(
      t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes)),
      kind('blob_upload_unknown'),
    )
  })

  test('a repeated closing PUT is answered like the first; nobody else may touch the session', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(10)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    const stranger: Caller = { ...pusher, key: 'token:99' }
    await assert.rejects(t.registry.appendToUpload(app, stranger, id, bodyOf(bytes)), kind('blob_upload_unknown'))
    await assert.rejects(t.registry.appendToUpload(other, pusher, id, bodyOf(bytes)), kind('blob_upload_unknown'))
    const first = await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes))
    assert.deepEqual(await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(bytes)), first)
  })

  test('the same digest twice at once is stored once', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(100_000)
    await Promise.all([app, other, app].map((where) => pushBlob(t.registry, where, bytes)))
    const count = await t.metadata.read((sql) => sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM blobs`)
    assert.equal(count?.n, 1)
    for (const where of [app, other]) assert.ok((await readBlob(t.registry, where, sha256(bytes))).equals(bytes))
  })

  test('bytes that the registry has are only hashed: nothing is stored, a liar is refused, a vanished copy is told', async () => {
    await using t = await openTestRegistry()
    const objects = async () =>
      (await t.metadata.read((sql) => sql.all<{ state: string }>`SELECT state FROM objects`)).length
    const bytes = randomBytes(100_000)
    const digest = await pushBlob(t.registry, app, bytes)
    await pushBlob(t.registry, other, bytes)
    assert.equal(await objects(), 1)
    assert.ok((await readBlob(t.registry, other, digest)).equals(bytes))
    const { id } = await t.registry.startUpload(place('third'), pusher, 'sha256')
    const lie = t.registry.finishUpload(place('third'), pusher, id, digest, bodyOf(randomBytes(100_000)))
    await assert.rejects(lie, kind('digest_mismatch'))
    assert.equal(await t.registry.statBlob(place('third'), pusher, digest), null)
    const late = await t.registry.startUpload(place('third'), pusher, 'sha256')
    const stream = new PassThrough()
    const put = t.registry.finishUpload(place('third'), pusher, late.id, digest, { stream, length: null, range: null })
    stream.write(bytes.subarray(0, 50_000))
    await t.metadata.read((sql) => sql.get`SELECT 1 AS one`)
    while (stream.listenerCount('data') === 0) await new Promise((resolve) => setImmediate(resolve))
    await t.metadata.transact((sql) => sql.run`UPDATE blobs SET state = 'deleting'`)
    stream.end(bytes.subarray(50_000))
    await assert.rejects(put, kind('unavailable'))
  })

  test('a body that is announced and does not come leaves no object', async () => {
    await using t = await openTestRegistry()
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    const stream = new PassThrough()
    stream.end()
    assert.equal((await t.registry.appendToUpload(app, pusher, id, { stream, length: null, range: null })).size, 0)
    const rows = await t.metadata.read(
      (sql) => sql.all<{ state: string }>`SELECT state FROM objects WHERE state <> 'deleting'`,
    )
    assert.equal(rows.length, 0)
    const empty = sha256(Buffer.alloc(0))
    await t.registry.finishUpload(app, pusher, id, empty, bodyOf(Buffer.alloc(0)))
    assert.equal((await readBlob(t.registry, app, empty)).length, 0)
  })

  test('a thousand tiny chunks become one object again', async () => {
    await using t = await openTestRegistry()
    const bytes = randomBytes(1_105)
    const { id } = await t.registry.startUpload(app, pusher, 'sha256')
    for (let at = 0; at < bytes.length; at += 1)
      await t.registry.appendToUpload(app, pusher, id, bodyOf(bytes.subarray(at, at + 1)))
    await t.registry.finishUpload(app, pusher, id, sha256(bytes), bodyOf(Buffer.alloc(0)))
    const parts = await t.metadata.read((sql) => sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM blob_objects`)
    assert.ok((parts?.n ?? 0) < 200, `${parts?.n} objects`)
    assert.ok((await readBlob(t.registry, app, sha256(bytes))).equals(bytes))
  })
})

describe('mounts', () => {
  test('from a named repository, from any, and from none', async () => {
    await using t = await openTestRegistry()
    const digest = await pushBlob(t.registry, app, randomBytes(100))
    assert.equal(await t.registry.mountBlob(other, pusher, digest, app.repository), true)
    assert.equal(await t.registry.mountBlob(place('third'), pusher, digest, null), true)
    const shy: Caller = { ...pusher, mayPull: () => false }
    assert.equal(await t.registry.mountBlob(place('fourth'), shy, digest, app.repository), false)
    assert.equal(await t.registry.mountBlob(place('fourth'), shy, digest, null), false)
    assert.equal(await t.registry.mountBlob(place('fourth'), pusher, sha256(Buffer.from('absent')), null), false)
    assert.equal(await t.registry.statBlob(place('fourth'), pusher, digest), null)
  })
})

const config = Buffer.from('{}')
function image(layer: Buffer, extra: object = {}): Buffer {
  const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
      ...extra,
    }),
  )
}

describe('manifests', () => {
  test('by tag and digest, moved, deleted, and pushed again', async () => {
    await using t = await openTestRegistry()
    const layer = randomBytes(100)
    await pushBlob(t.registry, app, config)
    await pushBlob(t.registry, app, layer)
    const bytes = image(layer)
    const pushed = await t.registry.pushManifest(app, pusher, tag('v1'), ['latest' as TagName], {
      mediaType: null,
      bytes,
    })
    assert.deepEqual(pushed, { digest: sha256(bytes), subject: null, tags: ['v1', 'latest'] })
    for (const reference of [tag('v1'), tag('latest'), tag(pushed.digest)])
      assert.ok(Buffer.from((await t.registry.pullManifest(app, reader, reference, true)).bytes).equals(bytes))
    assert.deepEqual(await t.registry.listTags(app, { limit: 1, after: null }), { names: ['latest'], more: true })
    await t.registry.deleteManifest(app, pusher, tag('v1'))
    assert.equal(await t.registry.statManifest(app, pusher, tag('v1')), null)
    await assert.rejects(t.registry.deleteBlob(app, pusher, sha256(layer)), kind('in_use'))
    await t.registry.deleteManifest(app, pusher, tag(pushed.digest))
    assert.equal(await t.registry.statManifest(app, pusher, tag('latest')), null)
    await t.registry.deleteBlob(app, pusher, sha256(layer))
    await assert.rejects(t.registry.openBlob(app, pusher, sha256(layer)), kind('blob_unknown'))
    await assert.rejects(
      t.registry.pushManifest(app, pusher, tag('latest'), [], { mediaType: null, bytes }),
      kind('manifest_blob_unknown'),
    )
    await pushBlob(t.registry, app, layer)
    await t.registry.pushManifest(app, pusher, tag('latest'), [], { mediaType: null, bytes })
    assert.deepEqual((await t.registry.listTags(app, { limit: 10, after: null })).names, ['latest'])
  })

  test('a config must be there even if the manifest also names it as a layer from elsewhere', async () => {
    await using t = await openTestRegistry()
    const absent = Buffer.from('absent')
    const layer = {
      mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
      digest: sha256(absent),
      size: absent.length,
    }
    const bytes = image(absent, {
      config: { ...layer, mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: [layer],
    })
    await assert.rejects(
      t.registry.pushManifest(app, pusher, tag('x'), [], { mediaType: null, bytes }),
      kind('manifest_blob_unknown'),
    )
  })

  test('referrers in digest order, by type, of subjects that do not exist too', async () => {
    await using t = await openTestRegistry()
    const layer = randomBytes(10)
    await pushBlob(t.registry, app, config)
    await pushBlob(t.registry, app, layer)
    const subject = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: sha256(Buffer.from('nowhere')),
      size: 7,
    }
    for (const artifactType of ['a/b', 'a/c', 'a/b'])
      await t.registry.pushManifest(app, pusher, tag('x'), [], {
        mediaType: null,
        bytes: image(layer, { subject, artifactType, annotations: { n: randomBytes(4).toString('hex') } }),
      })
    const all = await t.registry.listReferrers(app, subject.digest, { artifactType: null }, { limit: 10, after: null })
    assert.equal(all.referrers.length, 3)
    const some = await t.registry.listReferrers(app, subject.digest, { artifactType: 'a/b' }, { limit: 1, after: null })
    assert.equal(some.more, true)
    assert.equal(some.referrers[0]?.artifactType, 'a/b')
    const none = await t.registry.listReferrers(
      place('absent'),
      subject.digest,
      { artifactType: null },
      { limit: 1, after: null },
    )
    assert.deepEqual(none, { referrers: [], more: false })
  })

  test('a child that a live index lists is not deleted', async () => {
    await using t = await openTestRegistry()
    const layer = randomBytes(10)
    await pushBlob(t.registry, app, config)
    await pushBlob(t.registry, app, layer)
    const child = await t.registry.pushManifest(app, pusher, tag('c'), [], { mediaType: null, bytes: image(layer) })
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [
          { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: child.digest, size: image(layer).length },
          { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: sha256(Buffer.from('absent')), size: 1 },
        ],
      }),
    )
    const index = await t.registry.pushManifest(app, pusher, tag('i'), [], { mediaType: null, bytes })
    await assert.rejects(t.registry.deleteManifest(app, pusher, tag(child.digest)), kind('in_use'))
    await t.registry.deleteManifest(app, pusher, tag(index.digest))
    await t.registry.deleteManifest(app, pusher, tag(child.digest))
  })
})

describe('leases', () => {
  test('who may push and is told "present" holds a lease; who only pulls does not', async () => {
    await using t = await openTestRegistry()
    const digest = await pushBlob(t.registry, app, randomBytes(10))
    const until = async () =>
      (await t.metadata.read((sql) => sql.get<{ u: number }>`SELECT lease_until AS u FROM repository_blobs`))?.u
    const { leaseMs, renewLeaseBelowMs } = t.deps.limits
    const first = t.clock.now + leaseMs
    assert.equal(await until(), first)
    t.clock.now += leaseMs - renewLeaseBelowMs
    await t.registry.statBlob(app, pusher, digest)
    assert.equal(await until(), first, 'not renewed while a day is left')
    t.clock.now += 1
    await t.registry.statBlob(app, reader, digest)
    assert.equal(await until(), first)
    await t.registry.statBlob(app, pusher, digest)
    assert.equal(await until(), t.clock.now + leaseMs)
  })

  test('pulls are counted out of band', async () => {
    await using t = await openTestRegistry()
    const layer = randomBytes(10)
    await pushBlob(t.registry, app, config)
    await pushBlob(t.registry, app, layer)
    await t.registry.pushManifest(app, pusher, tag('v1'), [], { mediaType: null, bytes: image(layer) })
    for (let n = 0; n < 3; n += 1) await t.registry.pullManifest(app, reader, tag('v1'), true)
    await t.registry.pullManifest(app, reader, tag('v1'), false)
    await t.deps.pulls.flush(t.metadata)
    const row = await t.metadata.read(
      (sql) => sql.get<object>`SELECT pull_count, push_count, last_pulled_at FROM repository_counters`,
    )
    assert.deepEqual({ ...row }, { pull_count: 3, push_count: 1, last_pulled_at: t.clock.now })
  })
})
