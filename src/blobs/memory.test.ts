import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import { blobStoreContract } from './contract.ts'
import { createMemoryBlobStore } from './memory.ts'
import { newObjectId } from './object-id.ts'

blobStoreContract('memory', async () => createMemoryBlobStore())

void test('memory: a full store says so, and has room again after a discard', async () => {
  const store = createMemoryBlobStore({ capacity: 100 })
  const writer = await store.create(newObjectId())
  await writer.write([Buffer.alloc(60)])
  assert.deepEqual(await store.space(), { freeBytes: 40, totalBytes: 100 })
  await assert.rejects(writer.write([Buffer.alloc(41)]), (error: unknown) => {
    return error instanceof DomainError && error.kind === 'storage_full'
  })
  await writer.discard()
  assert.deepEqual(await store.space(), { freeBytes: 100, totalBytes: 100 })
})

void test('memory: an id is used once', async () => {
  const store = createMemoryBlobStore()
  const id = newObjectId()
  const writer = await store.create(id)
  await assert.rejects(store.create(id), TypeError)
  await writer.close()
  await assert.rejects(store.create(id), TypeError)
})

void test('memory: a chunk that was kept past its time is visibly wrong', async () => {
  const store = createMemoryBlobStore()
  const id = newObjectId()
  const writer = await store.create(id)
  await writer.write([Buffer.from('abcd')])
  await writer.close()
  const kept = await Array.fromAsync(store.read(id, 0, 4, 2))
  assert.notEqual(String(kept[0]), 'ab')
})
