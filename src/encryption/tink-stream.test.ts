import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { IntegrityError } from './integrity-error.ts'
import {
  openRange,
  plaintextSize,
  SEGMENT_BYTES,
  StreamOpener,
  StreamSealer,
  sealedSize,
  segmentAt,
  segmentCount,
  segmentPlain,
  segmentsOf,
} from './tink-stream.ts'

const key = randomBytes(32)
const FIRST = 1_048_520
const LATER = 1_048_560

function seal(plain: Buffer, chunkBytes: number, associatedData = 'object'): Buffer {
  const sealer = new StreamSealer(key, associatedData)
  const sealed: Uint8Array[] = []
  for (let at = 0; at < plain.length; at += chunkBytes) {
    sealer.push(plain.subarray(at, at + chunkBytes))
    sealed.push(...sealer.drain())
  }
  sealed.push(...sealer.finish())
  assert.equal(sealer.plaintextBytes, plain.length)
  return Buffer.concat(sealed)
}

function opener(sealed: Buffer, size: number, associatedData = 'object'): StreamOpener {
  return StreamOpener.fromHeader(key, associatedData, sealed, size)
}

function segment(sealed: Buffer, index: number): Buffer {
  return sealed.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES)
}

function openAll(sealed: Buffer, size: number, associatedData = 'object'): Buffer {
  const stream = opener(sealed, size, associatedData)
  return Buffer.concat(
    Array.from({ length: segmentCount(size) }, (_, index) => stream.open(index, segment(sealed, index))),
  )
}

/** As a blob store hands them out: whole segments, the last one shorter. */
async function* inSegments(sealed: Buffer, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += SEGMENT_BYTES) yield sealed.subarray(at, Math.min(end, at + SEGMENT_BYTES))
}

async function readRange(sealed: Buffer, start: number, end: number, size: number): Promise<Buffer> {
  const { sealedStart, sealedEnd } = segmentsOf(start, end, size)
  const pieces: Buffer[] = []
  for await (const piece of openRange(opener(sealed, size), inSegments(sealed, sealedStart, sealedEnd), start, end)) {
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const sizes = [
  { name: 'nothing', size: 0, segments: 1 },
  { name: 'one byte', size: 1, segments: 1 },
  { name: 'one byte less than the first segment', size: FIRST - 1, segments: 1 },
  { name: 'exactly the first segment, which is the last', size: FIRST, segments: 1 },
  { name: 'one byte more than the first segment', size: FIRST + 1, segments: 2 },
  { name: 'a round megabyte', size: 1024 * 1024, segments: 2 },
  { name: 'one byte less than two segments', size: FIRST + LATER - 1, segments: 2 },
  { name: 'exactly two segments', size: FIRST + LATER, segments: 2 },
  { name: 'one byte more than two segments', size: FIRST + LATER + 1, segments: 3 },
  { name: 'exactly four segments', size: FIRST + 3 * LATER, segments: 4 },
]

for (const { name, size, segments } of sizes) {
  void test(`a stream of ${name} comes back`, () => {
    const plain = randomBytes(size)
    for (const chunkBytes of [65_536, 1_000_000, 5_000_000]) {
      const sealed = seal(plain, chunkBytes)
      assert.equal(segmentCount(size), segments)
      assert.equal(sealed.length, size + 40 + 16 * segments)
      assert.equal(sealed.length, sealedSize(size))
      assert.equal(plaintextSize(sealed.length), size)
      assert.deepEqual(openAll(sealed, size), plain)
    }
  })
}

void test('a fixed salt and key give the bytes they have always given', () => {
  const fixed = new StreamSealer(Buffer.alloc(32, 7), 'an object id', (bytes) => Buffer.alloc(bytes, 9))
  const plain = Buffer.alloc(FIRST + 10, 'entrepot')
  fixed.push(plain)
  const sealed = Buffer.concat(fixed.finish())
  assert.equal(
    createHash('sha256').update(sealed).digest('hex'),
    '4c64d4e3106dca3afc40e1d8abc428fe9541666f4bd8b4f2d9cf23ce204f29be',
  )
})

void test('segment bounds tile the stream and agree with segmentAt', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), fc.nat(), (size, pick) => {
      const offset = size === 0 ? 0 : pick % size
      const { start, end } = segmentPlain(segmentAt(offset), size)
      assert.ok(start <= offset && (offset < end || size === 0))
      assert.equal(segmentPlain(segmentCount(size) - 1, size).end, size)
      assert.equal(plaintextSize(sealedSize(size)), size)
    }),
  )
})

void test('sealed sizes that no plaintext gives are refused', () => {
  for (const bytes of [0, 1, 40, 55, SEGMENT_BYTES + 1, SEGMENT_BYTES + 16, 3 * SEGMENT_BYTES + 15]) {
    assert.throws(() => plaintextSize(bytes), IntegrityError, String(bytes))
  }
})

void test('any range is read from its own segments only', async () => {
  const size = FIRST + 2 * LATER + 12_345
  const plain = randomBytes(size)
  const sealed = seal(plain, 65_536)
  const edges = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + LATER - 1, FIRST + LATER, FIRST + 2 * LATER, size - 1, size]
  const offset = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max: size }))
  await fc.assert(
    fc.asyncProperty(offset, offset, async (a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)]
      assert.ok(plain.subarray(start, end).equals(await readRange(sealed, start, end, size)))
      const range = segmentsOf(start, end, size)
      if (start < end) assert.equal(range.end - range.first, segmentAt(end - 1) - segmentAt(start) + 1)
    }),
    { numRuns: 60 },
  )
})

void test('chunks of any sizes give the same stream', () => {
  const plain = randomBytes(FIRST + LATER + 77)
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 0, max: 600_000 }))),
      (steps) => {
        const sealer = new StreamSealer(key, 'object')
        const sealed: Uint8Array[] = []
        let at = 0
        for (const step of steps) {
          sealer.push(plain.subarray(at, at + step))
          at = Math.min(plain.length, at + step)
          sealed.push(...sealer.drain())
        }
        sealed.push(...sealer.finish())
        assert.ok(openAll(Buffer.concat(sealed), at).equals(plain.subarray(0, at)))
      },
    ),
    { numRuns: 40 },
  )
})

void test('single bytes are held in few buffers', () => {
  const sealer = new StreamSealer(key, 'object')
  const plain = randomBytes(300_000)
  for (const byte of plain) sealer.push(Buffer.of(byte))
  const pieces = sealer.finish()
  assert.ok(pieces.length < 10, `${pieces.length} pieces`)
  assert.ok(openAll(Buffer.concat(pieces), plain.length).equals(plain))
})

void test('a full segment is held back until more plaintext follows', () => {
  const sealer = new StreamSealer(key, 'object')
  sealer.push(randomBytes(FIRST))
  assert.equal(Buffer.concat(sealer.drain()).length, 40, 'the header only')
  sealer.push(randomBytes(1))
  assert.equal(Buffer.concat(sealer.drain()).length, SEGMENT_BYTES - 40)
  assert.equal(Buffer.concat(sealer.finish()).length, 17)
})

void test('a finished stream takes nothing more', () => {
  const sealer = new StreamSealer(key, 'object')
  sealer.finish()
  assert.throws(() => sealer.push(Buffer.of(1)), TypeError)
  assert.throws(() => sealer.finish(), TypeError)
})

void test('two streams of the same bytes share nothing', () => {
  const plain = Buffer.alloc(1000)
  assert.notDeepEqual(seal(plain, 1000).subarray(1, 40), seal(plain, 1000).subarray(1, 40))
})

void test('a flipped bit anywhere is an error and gives no byte', () => {
  const size = FIRST + 5_000
  const sealed = seal(randomBytes(size), 65_536)
  const header = Array.from({ length: 40 }, (_, index) => index)
  const around = [
    40,
    41,
    FIRST + 39,
    FIRST + 40,
    SEGMENT_BYTES - 1,
    SEGMENT_BYTES,
    sealed.length - 17,
    sealed.length - 1,
  ]
  const sample = Array.from({ length: 40 }, () => Math.floor(Math.random() * sealed.length))
  for (const position of [...header, ...around, ...sample]) {
    const damaged = Buffer.from(sealed)
    damaged[position] = (damaged[position] ?? 0) ^ (1 << (position % 8))
    assert.throws(() => openAll(damaged, size), IntegrityError, `bit ${position % 8} of byte ${position}`)
  }
})

const attacks = [
  { name: 'cut inside the last segment', change: (s: Buffer) => s.subarray(0, -1) },
  { name: 'without its last segment', change: (s: Buffer) => s.subarray(0, 2 * SEGMENT_BYTES) },
  { name: 'with bytes behind', change: (s: Buffer) => Buffer.concat([s, Buffer.alloc(1)]) },
  {
    name: 'with two segments exchanged',
    change: (s: Buffer) => Buffer.concat([segment(s, 0), segment(s, 2), segment(s, 1), segment(s, 3)]),
  },
  {
    name: 'with one segment twice',
    change: (s: Buffer) => Buffer.concat([segment(s, 0), segment(s, 1), segment(s, 1)]),
  },
  { name: 'of nothing', change: () => Buffer.alloc(0) },
  { name: 'shorter than a header', change: (s: Buffer) => s.subarray(0, 39) },
]

for (const { name, change } of attacks) {
  void test(`a stream ${name} is an error`, () => {
    const size = FIRST + 2 * LATER + 100
    assert.throws(() => openAll(Buffer.from(change(seal(randomBytes(size), 65_536))), size), IntegrityError)
  })
}

void test('a stream cut at a segment border fails even for one who trusts the size of the file', () => {
  const sealed = seal(randomBytes(FIRST + LATER), 65_536).subarray(0, SEGMENT_BYTES)
  assert.throws(() => openAll(sealed, FIRST), IntegrityError)
})

void test('another object id, another key or another stream’s segment is an error', () => {
  const size = FIRST + 100
  const sealed = seal(randomBytes(size), 65_536)
  assert.throws(() => openAll(sealed, size, 'other'), IntegrityError)
  const stranger = StreamOpener.fromHeader(randomBytes(32), 'object', sealed, size)
  assert.throws(() => stranger.open(0, segment(sealed, 0)), IntegrityError)
  const other = seal(randomBytes(size), 65_536)
  assert.throws(() => opener(sealed, size).open(1, segment(other, 1)), IntegrityError)
  assert.throws(() => opener(sealed, size).open(0, segment(other, 0)), IntegrityError)
})

void test('segments and ranges that do not exist are a mistake of the caller', () => {
  const sealed = seal(randomBytes(10), 10)
  assert.throws(() => opener(sealed, 10).open(1, sealed), RangeError)
  assert.throws(() => opener(sealed, 10).open(-1, sealed), RangeError)
  for (const [start, end] of [
    [-1, 1],
    [2, 1],
    [0, 11],
    [Number.NaN, 1],
  ] as const) {
    assert.throws(() => segmentsOf(start, end, 10), RangeError)
  }
  assert.throws(() => new StreamSealer(Buffer.alloc(16), 'object'), TypeError)
})
