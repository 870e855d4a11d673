import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import type { ObjectId } from '../../../src/blobs/blob-store.ts'
import { blobStoreContract } from '../../../src/blobs/contract.ts'
import { newObjectId } from '../../../src/blobs/object-id.ts'
import type { S3BlobStore } from '../../../src/blobs/s3.ts'
import { openS3BlobStore } from '../../../src/blobs/s3.ts'
import { DomainError } from '../../../src/domain/error.ts'
import type { S3Settings, TestS3 } from '../../support/s3.ts'
import { skipWithoutS3, startS3 } from '../../support/s3.ts'

const MIB = 1024 * 1024
const skip = skipWithoutS3()
let server: TestS3

before(async () => {
  if (skip === false) server = await startS3()
})
after(async () => await server?.[Symbol.asyncDispose]())

async function openStore(settings: S3Settings, more: { prefix?: string } = {}): Promise<S3BlobStore> {
  return await openS3BlobStore({ ...settings, forcePathStyle: true, ...more })
}

blobStoreContract('s3', async () => await openStore(await server.createBucket()), { skip })

void test('s3: a discarded upload leaves no parts', { skip }, async () => {
  const settings = await server.createBucket()
  await using store = await openStore(settings)
  const writer = await store.create(newObjectId())
  for (let index = 0; index < 30; index++) await writer.write([randomBytes(MIB)])
  assert.ok((await unfinishedUploads(settings)) > 0, 'parts were under way')
  await writer.discard()
  assert.equal(await unfinishedUploads(settings), 0)
})

void test('s3: more objects than one page are all listed', { skip }, async () => {
  await using store = await openStore(await server.createBucket())
  const ids = Array.from({ length: 1_003 }, () => newObjectId())
  for (let at = 0; at < ids.length; at += 50) await Promise.all(ids.slice(at, at + 50).map((id) => put(store, id, 1)))
  const listed = await Array.fromAsync(store.list())
  assert.deepEqual(listed.map(({ id }) => id).toSorted(), ids.toSorted())
})

void test('s3: prefixes keep installations in one bucket apart', { skip }, async () => {
  const settings = await server.createBucket()
  await using one = await openStore(settings, { prefix: 'one/' })
  await using two = await openStore(settings, { prefix: 'two/' })
  const id = newObjectId()
  await put(one, id, 10)
  assert.equal(await two.size(id), null)
  await two.delete(id)
  assert.equal(await one.size(id), 10)
  assert.deepEqual(await Array.fromAsync(two.list()), [])
})

void test('s3: a bucket that does not exist, or a wrong secret, does not look like absent objects', {
  skip,
}, async () => {
  const settings = await server.createBucket()
  for (const wrong of [{ bucket: 'entrepot-nowhere' }, { secretAccessKey: 'wrong' }]) {
    await using store = await openStore({ ...settings, ...wrong })
    const id = newObjectId()
    const writer = await store.create(id)
    await rejectsUnavailable(writer.close())
    await rejectsUnavailable(store.size(id))
    await rejectsUnavailable(Array.fromAsync(store.read(id, 0, 1)))
    await rejectsUnavailable(Array.fromAsync(store.list()))
    await rejectsUnavailable(store.delete(id))
  }
})

void test('s3: a server that dies and comes back loses nothing', { skip }, async () => {
  await using store = await openStore(await server.createBucket())
  const id = newObjectId()
  const bytes = await put(store, id, 40 * MIB)
  const late = await store.create(newObjectId())
  await late.write([randomBytes(20 * MIB)])
  await server.stop()
  try {
    await rejectsUnavailable(store.size(id))
    await rejectsUnavailable(put(store, newObjectId(), 100))
    await rejectsUnavailable(late.close())
  } finally {
    await server.start()
  }
  let at = 0
  for await (const chunk of store.read(id, 0, bytes.length)) {
    assert.ok(bytes.subarray(at, at + chunk.length).equals(chunk))
    at += chunk.length
    if (at !== 8 * MIB) continue
    await server.stop()
    await server.start()
  }
  assert.equal(at, bytes.length, 'a read goes on where the server broke off')
})

async function put(store: S3BlobStore, id: ObjectId, size: number): Promise<Buffer> {
  const bytes = randomBytes(size)
  const writer = await store.create(id)
  await writer.write([bytes])
  await writer.close()
  return bytes
}

async function unfinishedUploads({ bucket, accessKeyId, secretAccessKey, ...settings }: S3Settings): Promise<number> {
  const client = new S3Client({ ...settings, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  try {
    return (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0
  } finally {
    client.destroy()
  }
}

async function rejectsUnavailable(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    return error instanceof DomainError && error.kind === 'unavailable' && error.headers['retry-after'] !== undefined
  })
}
