import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { inflate } from './inflate.ts'

const noise = createHash('shake256', { outputLength: 20_000 }).digest()
const plain = Buffer.concat([noise, Buffer.alloc(2e6)])
const [gzip, zstd] = [gzipSync(plain), zstdCompressSync(plain)]
const junk = Buffer.from('junkjunk')
const skippable = Buffer.from('502a4d180400000000000000', 'hex')
const damaged = (bytes: Buffer) => Buffer.from(bytes).fill(0, 5_000, 5_020)
const twice = 2 * plain.length
const [early, broken] = [/it ends too early/, /its bytes are damaged/]

const cases: { name: string; bytes: Buffer; is: number | RegExp }[] = [
  { name: 'gzip', bytes: gzip, is: plain.length },
  { name: 'gzip, twice', bytes: Buffer.concat([gzip, gzip]), is: twice },
  { name: 'gzip and zeros', bytes: Buffer.concat([gzip, Buffer.alloc(1000)]), is: plain.length },
  { name: 'gzip and junk', bytes: Buffer.concat([gzip, junk]), is: broken },
  { name: 'gzip, cut', bytes: gzip.subarray(0, -5), is: early },
  { name: 'gzip, cut in its second member', bytes: Buffer.concat([gzip, gzip.subarray(0, 5)]), is: early },
  { name: 'gzip, cut in its header', bytes: gzip.subarray(0, 5), is: early },
  { name: 'gzip, damaged', bytes: damaged(gzip), is: broken },
  { name: 'gzip of nothing', bytes: gzipSync(''), is: 0 },
  { name: 'zstd', bytes: zstd, is: plain.length },
  { name: 'zstd, twice', bytes: Buffer.concat([zstd, zstd]), is: twice },
  { name: 'zstd between skippable frames', bytes: Buffer.concat([skippable, zstd, skippable]), is: plain.length },
  { name: 'zstd, cut', bytes: zstd.subarray(0, -5), is: early },
  { name: 'zstd, cut in its second frame', bytes: Buffer.concat([zstd, zstd.subarray(0, 3_000)]), is: early },
  { name: 'zstd of nothing', bytes: zstdCompressSync(''), is: 0 },
  { name: 'neither', bytes: plain, is: plain.length },
  { name: 'nothing', bytes: Buffer.alloc(0), is: 0 },
]

for (const { name, bytes, is } of cases) {
  test(`inflate: ${name}, directly as by a stream, however it is cut`, async () => {
    for (const size of [1e9, 65_536, 1_000]) {
      const said = [await outcome(bytes, size, 'direct'), await outcome(bytes, size, 'ahead')]
      for (const one of said)
        if (typeof is === 'number')
          assert.equal(one, sum(is === twice ? Buffer.concat([plain, plain]) : plain.subarray(0, is)))
        else assert.match(one, is)
    }
  })
}

test('inflate: what goes wrong with the source is no fault of the layer, and a source is closed when nobody wants more', async () => {
  for (const mode of ['direct', 'ahead'] as const) {
    const failing = inflate(thenFails(gzip.subarray(0, 2_000)), mode)
    await assert.rejects(async () => await Array.fromAsync(failing), /storage is gone/)
    let isClosed = false
    const source = async function* () {
      try {
        for (;;) yield gzip
      } finally {
        isClosed = true
      }
    }
    for await (const _ of inflate(source(), mode)) break
    assert.ok(isClosed)
  }
})

/** What came of it, or what was wrong. */
async function outcome(bytes: Buffer, size: number, mode: 'direct' | 'ahead'): Promise<string> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of inflate(cut(bytes, size), mode)) pieces.push(Buffer.from(piece))
  } catch (error) {
    return String(error)
  }
  return sum(Buffer.concat(pieces))
}

function sum(bytes: Buffer): string {
  return `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex')}`
}

async function* cut(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function* thenFails(bytes: Buffer) {
  yield bytes
  throw new Error('storage is gone')
}
