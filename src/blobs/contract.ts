import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ErrorKind } from '../domain/error.ts'
import { DomainError } from '../domain/error.ts'
import type { ListableBlobStore, ObjectId, SnapshotKeepingBlobStore } from './blob-store.ts'
import { newObjectId } from './object-id.ts'
import { snapshotName } from './snapshot-store.ts'

const MIB = 1024 * 1024

/** What the contract is run on; disposed after each test. */
export type StoreUnderTest = ListableBlobStore & SnapshotKeepingBlobStore & Partial<AsyncDisposable>

export interface ContractOptions {
  /** Why the whole suite cannot run here. */
  readonly skip?: string | false
}

/** What every blob store must do: the docstrings of blob-store.ts as tests. `open` gives an empty store, once per test. */
export function blobStoreContract(
  name: string,
  open: () => Promise<StoreUnderTest>,
  { skip = false }: ContractOptions = {},
): void {
  for (const [title, check] of Object.entries(PROMISES)) {
    void test(`${name}: ${title}`, { skip }, async () => {
      const store = await open()
      try {
        await check(store)
        const left = await Array.fromAsync(store.list())
        assert.deepEqual(left, [], 'the test leaves objects behind')
      } finally {
        await store[Symbol.asyncDispose]?.()
      }
    })
  }
}

const PROMISES: Readonly<Record<string, (store: StoreUnderTest) => Promise<void>>> = {
  'a snapshot of the metadata lies apart from the objects, and is listed once it is closed': async (store) => {
    const { snapshots } = store
    const list = () => Array.fromAsync(snapshots.list())
    const bytes = randomBytes(2_500_000)
    const name = snapshotName(Date.UTC(2026, 0, 31, 12, 0, 0, 7), randomBytes(8).toString('hex'))
    assert.match(name, /^20260131T120000\.007Z-/)
    const writer = await snapshots.create(name)
    await writer.write([bytes.subarray(0, 1_000_000)])
    assert.deepEqual(await list(), [])
    await writer.write([bytes.subarray(1_000_000)])
    await writer.close()
    assert.deepEqual(await list(), [{ name, size: bytes.length }])
    const chunks = await Array.fromAsync(snapshots.read(name, 5, bytes.length, MIB), (chunk) => Buffer.from(chunk))
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [MIB, MIB, bytes.length - 5 - 2 * MIB],
    )
    assert.ok(Buffer.concat(chunks).equals(bytes.subarray(5)))
    await snapshots.delete(name)
    await snapshots.delete(name)
    assert.deepEqual(await list(), [])
    await rejects(Array.fromAsync(snapshots.read(name, 0, 1)), 'not_found')
    await assert.rejects(snapshots.create('../x' as typeof name), TypeError)
  },

  'a snapshot that is given up leaves nothing': async ({ snapshots }) => {
    const name = snapshotName(0, randomBytes(8).toString('hex'))
    const writer = await snapshots.create(name)
    await writer.write([randomBytes(100)])
    await writer.discard()
    await writer.discard()
    assert.deepEqual(await Array.fromAsync(snapshots.list()), [])
  },

  'an object comes back as it was written, whatever the chunks were': async (store) => {
    const bytes = randomBytes(300_000)
    const id = newObjectId()
    const writer = await store.create(id)
    await writer.write([bytes.subarray(0, 1), bytes.subarray(1, 1), bytes.subarray(1, 70_000)])
    await writer.write([])
    await writer.write([new Uint8Array(bytes.subarray(70_000, 80_000))])
    await writer.write(many(bytes.subarray(80_000), 100))
    await writer.close()
    assert.equal(await store.size(id), bytes.length)
    assert.ok((await readAll(store, id, 0, bytes.length)).equals(bytes))
    await store.delete(id)
  },

  'nothing is visible before close': async (store) => {
    const id = newObjectId()
    const writer = await store.create(id)
    await writer.write([randomBytes(100)])
    assert.equal(await store.size(id), null)
    await rejects(readAll(store, id, 0, 100), 'not_found')
    assert.deepEqual(await Array.fromAsync(store.list()), [])
    await writer.close()
    assert.equal(await store.size(id), 100)
    assert.equal((await Array.fromAsync(store.list())).length, 1)
    await store.delete(id)
  },

  'a discarded object never was': async (store) => {
    for (const bytes of [0, 10, 9 * MIB, 20 * MIB]) {
      const id = newObjectId()
      const writer = await store.create(id)
      if (bytes > 0) await writer.write([randomBytes(bytes)])
      await writer.discard()
      await writer.discard()
      assert.equal(await store.size(id), null)
      await rejects(readAll(store, id, 0, 1), 'not_found')
    }
  },

  'discard after close does nothing': async (store) => {
    const id = newObjectId()
    const writer = await store.create(id)
    await writer.write([Buffer.from('kept')])
    await writer.close()
    await writer.discard()
    assert.equal(String(await readAll(store, id, 0, 4)), 'kept')
    await store.delete(id)
  },

  'chunks are exactly as long as asked for, but the last': async (store) => {
    const bytes = randomBytes(2 * MIB + 4321)
    const id = await put(store, bytes)
    const cases = [
      { start: 0, end: bytes.length, chunkBytes: undefined },
      { start: 0, end: 2 * MIB, chunkBytes: MIB },
      { start: 5, end: bytes.length, chunkBytes: MIB },
      { start: 0, end: bytes.length, chunkBytes: 1_000_003 },
      { start: 17, end: bytes.length - 1, chunkBytes: 65_536 },
      { start: 0, end: bytes.length, chunkBytes: 16 * MIB },
      { start: 100, end: 110, chunkBytes: 1 },
    ]
    for (const { start, end, chunkBytes } of cases) {
      const lengths: number[] = []
      const hash = createHash('sha256')
      for await (const chunk of store.read(id, start, end, chunkBytes)) {
        lengths.push(chunk.length)
        hash.update(chunk)
      }
      const whole = chunkBytes ?? MIB
      const wanted = Array.from({ length: Math.ceil((end - start) / whole) }, (_, index) =>
        Math.min(whole, end - start - index * whole),
      )
      assert.deepEqual(lengths, wanted, `${start}-${end} by ${chunkBytes}`)
      assert.equal(hash.digest('hex'), sha256(bytes.subarray(start, end)))
    }
    await store.delete(id)
  },

  'any range is read': async (store) => {
    const bytes = randomBytes(200_000)
    const id = await put(store, bytes)
    const offset = fc.integer({ min: 0, max: bytes.length })
    await fc.assert(
      fc.asyncProperty(offset, offset, fc.integer({ min: 1000, max: 250_000 }), async (a, b, chunkBytes) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        assert.ok((await readAll(store, id, start, end, chunkBytes)).equals(bytes.subarray(start, end)))
      }),
      { numRuns: 30 },
    )
    await store.delete(id)
  },

  'an empty range gives nothing, an empty object too': async (store) => {
    const id = await put(store, Buffer.from('abc'))
    for (const at of [0, 2, 3]) assert.deepEqual(await Array.fromAsync(store.read(id, at, at)), [])
    await rejects(readAll(store, newObjectId(), 0, 0), 'not_found')
    const empty = await put(store, Buffer.alloc(0))
    assert.equal(await store.size(empty), 0)
    assert.deepEqual(await Array.fromAsync(store.read(empty, 0, 0)), [])
    await store.delete(id)
    await store.delete(empty)
  },

  'an object that ends early is an error, never just less': async (store) => {
    const id = await put(store, randomBytes(1000))
    await rejects(readAll(store, id, 0, 1001), 'unavailable')
    await rejects(readAll(store, id, 0, 1001, 100), 'unavailable')
    await rejects(readAll(store, id, 1000, 1001), 'unavailable')
    await rejects(readAll(store, id, 5000, 5001), 'unavailable')
    await store.delete(id)
  },

  'a range that is none is a mistake of the caller': async (store) => {
    const id = await put(store, randomBytes(10))
    for (const [start, end] of [
      [-1, 5],
      [5, 4],
      [0.5, 2],
      [0, Number.NaN],
    ] as const) {
      await assert.rejects(readAll(store, id, start, end), RangeError)
    }
    await assert.rejects(readAll(store, id, 0, 5, 0), RangeError)
    await store.delete(id)
  },

  'what is absent is null, not_found, or already deleted': async (store) => {
    const id = newObjectId()
    assert.equal(await store.size(id), null)
    await rejects(readAll(store, id, 0, 1), 'not_found')
    await store.delete(id)
  },

  'a deleted object is gone, and deleting it again is no error': async (store) => {
    const id = await put(store, randomBytes(10))
    await store.delete(id)
    await store.delete(id)
    assert.equal(await store.size(id), null)
    await rejects(readAll(store, id, 0, 1), 'not_found')
  },

  'names that are no ids reach nothing': async (store) => {
    const names = [
      '',
      '..',
      '../../etc/passwd',
      'A'.repeat(32),
      'a'.repeat(31),
      `${'a'.repeat(32)}\n`,
      `a/${'a'.repeat(30)}`,
    ]
    for (const name of names) {
      const id = name as ObjectId
      await assert.rejects(async () => await store.create(id), TypeError, name)
      await assert.rejects(async () => await readAll(store, id, 0, 1), TypeError, name)
      await assert.rejects(async () => await store.delete(id), TypeError, name)
      await assert.rejects(async () => await store.size(id), TypeError, name)
    }
  },

  'an object of 64 MiB and its overhead': async (store) => {
    const piece = randomBytes(MIB)
    const id = newObjectId()
    const writer = await store.create(id)
    const hash = createHash('sha256')
    for (let index = 0; index < 64; index++) {
      piece.writeUInt32BE(index)
      hash.update(piece)
      await writer.write([piece.subarray(0, 600_000), piece.subarray(600_000)])
    }
    hash.update(piece.subarray(0, 1064))
    await writer.write([piece.subarray(0, 1064)])
    await writer.close()
    assert.equal(await store.size(id), 64 * MIB + 1064)
    const back = createHash('sha256')
    for await (const chunk of store.read(id, 0, 64 * MIB + 1064)) back.update(chunk)
    assert.equal(back.digest('hex'), hash.digest('hex'))
    await store.delete(id)
  },

  'twenty writers at once do not mix': async (store) => {
    const objects = Array.from({ length: 20 }, () => ({ id: newObjectId(), bytes: randomBytes(150_000) }))
    await Promise.all(
      objects.map(async ({ id, bytes }) => {
        const writer = await store.create(id)
        for (const chunk of many(bytes, 7)) await writer.write([chunk])
        await writer.close()
      }),
    )
    await Promise.all(
      objects.map(async ({ id, bytes }) => assert.ok((await readAll(store, id, 0, bytes.length, 9999)).equals(bytes))),
    )
    await Promise.all(objects.map(({ id }) => store.delete(id)))
  },

  'a buffer may be used again once write has resolved': async (store) => {
    for (const pieces of [3, 40]) {
      const id = newObjectId()
      const writer = await store.create(id)
      const buffer = Buffer.alloc(500_000)
      for (let index = 0; index < pieces; index++) {
        buffer.fill(index + 1)
        await writer.write([buffer])
      }
      buffer.fill(0)
      await writer.close()
      let seen = 0
      for await (const chunk of store.read(id, 0, pieces * buffer.length, buffer.length)) {
        seen += 1
        assert.ok(chunk.every((byte) => byte === seen))
      }
      assert.equal(seen, pieces)
      await store.delete(id)
    }
  },

  'readers of one object do not share buffers': async (store) => {
    const bytes = randomBytes(3 * MIB)
    const id = await put(store, bytes)
    const readers = Array.from({ length: 8 }, (_, index) => readAll(store, id, index, bytes.length - index, MIB))
    for (const [index, back] of (await Promise.all(readers)).entries()) {
      assert.ok(back.equals(bytes.subarray(index, bytes.length - index)))
    }
    await store.delete(id)
  },

  'who stops reading early leaves nothing open': async (store) => {
    const id = await put(store, randomBytes(4 * MIB))
    for (let round = 0; round < 50; round++) {
      for await (const chunk of store.read(id, 0, 4 * MIB, 256 * 1024)) {
        assert.equal(chunk.length, 256 * 1024)
        if (round % 3 !== 0) break
        if (chunk[0] === 7) break
      }
    }
    await assert.rejects(async () => {
      for await (const _ of store.read(id, 0, 4 * MIB)) throw new Error('the consumer failed')
    }, /the consumer failed/)
    await store.delete(id)
  },

  'all objects are listed with size and time': async (store) => {
    const sizes = [0, 1, 1000, 70_000]
    const before = Date.now()
    const ids = await Promise.all(sizes.map((size) => put(store, randomBytes(size))))
    const listed = await Array.fromAsync(store.list())
    assert.deepEqual(
      listed.map(({ id, size }) => ({ id, size })).toSorted((a, b) => a.size - b.size),
      ids.map((id, index) => ({ id, size: sizes[index] })),
    )
    for (const { modifiedAt } of listed) assert.ok(Math.abs(modifiedAt - before) < 3_600_000, String(modifiedAt))
    await Promise.all(ids.map((id) => store.delete(id)))
  },
}

async function put(store: StoreUnderTest, bytes: Buffer): Promise<ObjectId> {
  const id = newObjectId()
  const writer = await store.create(id)
  await writer.write([bytes])
  await writer.close()
  return id
}

async function readAll(
  store: StoreUnderTest,
  id: ObjectId,
  start: number,
  end: number,
  chunkBytes?: number,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of store.read(id, start, end, chunkBytes)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** `bytes` in `count` nearly equal pieces. */
function many(bytes: Buffer, count: number): Buffer[] {
  const length = Math.ceil(bytes.length / count)
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * length, (index + 1) * length))
}

async function rejects(promise: Promise<unknown>, kind: ErrorKind): Promise<void> {
  await assert.rejects(promise, (error: unknown) => error instanceof DomainError && error.kind === kind)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
