import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ObjectId } from '../blobs/blob-store.ts'
import { createMemoryBlobStore } from '../blobs/memory.ts'
import type { Keyring } from '../encryption/keyring.ts'
import type { Part } from './blob-reader.ts'
import { BlobReader } from './blob-reader.ts'
import { SealedObject } from './sealed-object.ts'

const MIB = 1024 * 1024
const key = { id: 1, registryId: 1, objects: randomBytes(32), manifests: randomBytes(32) }
const keyring: Keyring = { current: async () => key, byId: async () => key }

test('two readers in turns each see their own blob', async () => {
  const { reader, store } = open()
  const blobs = [await store(3 * MIB), await store(3 * MIB)] as const
  const readers = blobs.map(({ parts, size }) => reader.read(parts, 0, size))
  const places = [0, 0]
  for (let open = 2; open > 0; ) {
    const steps = await Promise.all(readers.map((one) => one.next()))
    open = steps.filter(({ done }) => done !== true).length
    for (const [index, { value }] of steps.entries()) {
      if (!value) continue
      const at = places[index] ?? 0
      assert.ok(blobs[index]?.bytes.subarray(at, at + value.length).equals(value), `blob ${index} from ${at}`)
      places[index] = at + value.length
    }
  }
  assert.deepEqual(places, [3 * MIB, 3 * MIB])
})

test('the buffer of a chunk serves the next one, unless its reader went away in the middle of it', async () => {
  const { reader, store } = open()
  const [first, second] = [await store(3 * MIB), await store(3 * MIB)]
  const buffers = new Set<ArrayBufferLike>()
  for await (const chunk of reader.read(first.parts, 0, first.size)) buffers.add(chunk.buffer)
  assert.ok(buffers.size < 3, `${buffers.size} buffers for three segments`)
  const leaving = reader.read(first.parts, 0, first.size, { cache: false })
  const { value: left } = await leaving.next()
  const was = Buffer.from(left ?? '')
  await leaving.return()
  for await (const chunk of reader.read(second.parts, 0, second.size, { cache: false })) {
    assert.notEqual(chunk.buffer, left?.buffer)
  }
  assert.ok(was.equals(left ?? Buffer.alloc(0)), 'a socket may still hold it')
})

for (const { how, times } of [
  { how: { own: true, cache: false }, times: 1 },
  { how: {}, times: 3 },
]) {
  test(`what is ${times > 1 ? 'in the cache' : "the reader's own"} stays as it is`, async () => {
    const { reader, store } = open()
    const [kept, others] = [await store(2 * MIB), await store(4 * MIB)]
    const chunks: Uint8Array[] = []
    for (let time = 1; time <= times; time += 1) {
      for await (const chunk of reader.read(kept.parts, 0, kept.size, how)) if (time === times) chunks.push(chunk)
    }
    for await (const _ of reader.read(others.parts, 0, others.size));
    assert.ok(Buffer.concat(chunks).equals(kept.bytes))
    assert.equal(reader.peek(kept.parts, 0, kept.size) === null, times === 1)
  })
}

test('a damaged segment gives no byte of it, and its buffer serves on', async () => {
  const { reader, store } = open()
  const [good, bad] = [await store(2 * MIB), await store(2 * MIB, 1_500_000)]
  const seen: Buffer[] = []
  await assert.rejects(async () => {
    for await (const chunk of reader.read(bad.parts, 0, bad.size)) seen.push(Buffer.from(chunk))
  }, /damaged/)
  const got = Buffer.concat(seen)
  assert.ok(got.length < 1_500_000)
  assert.ok(bad.bytes.subarray(0, got.length).equals(got))
  const whole: Buffer[] = []
  for await (const chunk of reader.read(good.parts, 0, good.size)) whole.push(Buffer.from(chunk))
  assert.ok(Buffer.concat(whole).equals(good.bytes))
})

function open() {
  const blobs = createMemoryBlobStore()
  const reader = new BlobReader(blobs, keyring, 16 * MIB)
  /** @param damageAt of the ciphertext: one bit is turned. */
  const store = async (size: number, damageAt: number | null = null) => {
    const bytes = randomBytes(size)
    const id = randomBytes(16).toString('hex') as ObjectId
    const writer = await blobs.create(id)
    let at = 0
    const damaging = {
      write: async (chunks: readonly Uint8Array[]) => {
        const copies = chunks.map((chunk) => Buffer.from(chunk))
        for (const copy of copies) {
          const inside = (damageAt ?? -1) - at
          if (inside >= 0 && inside < copy.length) copy[inside] = (copy[inside] ?? 0) ^ 1
          at += copy.length
        }
        await writer.write(copies)
      },
      close: () => writer.close(),
      discard: () => writer.discard(),
    }
    const object = new SealedObject(id, key.objects, damaging, 0)
    for (let from = 0; from < size; from += 64 * 1024) object.push(bytes.subarray(from, from + 64 * 1024))
    await object.finish()
    const parts: Part[] = [{ object_id: id, start: 0, size, data_key_id: 1 }]
    return { bytes, parts, size }
  }
  return { reader, store }
}
