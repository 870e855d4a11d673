import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { zip } from '../../../test/support/zip-members.ts'
import { MAX_VALUE_BYTES } from './limits.ts'
import { packingOf, readUnpacked } from './unpack.ts'
import { readZip } from './zip-entries.ts'

// What unpacks to more than it may, with a limit small enough to be tried: the real one is that of limits.ts.

const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-bombs-'))
after(() => rmSync(FOLDER, { recursive: true, force: true }))
const LIMIT = 1024 * 1024
const ZEROS = Buffer.alloc(LIMIT / 2 + 1)

const packed = [
  { name: 'gzip', content: gzipSync(Buffer.alloc(20 * LIMIT)) },
  { name: 'gzip, in several members', content: Buffer.concat([gzipSync(ZEROS), gzipSync(ZEROS)]) },
  { name: 'zstd', content: zstdCompressSync(Buffer.alloc(20 * LIMIT)) },
]
for (const { name, content } of packed) {
  test(`a bomb stops at the limit: ${name}`, async () => {
    const path = file(content)
    let size = 0
    const take = (piece: Buffer) => {
      size += piece.length
    }
    const read = readUnpacked(path, await packingOf(path), take, LIMIT)
    await assert.rejects(read, { name: 'ImportError', message: /unpacks to more than 1048576 bytes/ })
    assert.ok(size <= LIMIT)
  })
}

test('a bomb stops at the limit: a zip whose entries share their bytes', async () => {
  const bytes = zip(Array.from({ length: 1000 }, () => ({ name: 'x', content: ZEROS, offset: 0 })))
  let seen = 0
  const read = readZip(file(bytes), () => void seen++, assert.fail, LIMIT)
  await assert.rejects(read, { name: 'ImportError', message: /unpacks to more than 1048576 bytes/ })
  assert.equal(seen, 1)
})

const entries = [
  { name: 'says that it is large', member: { size: MAX_VALUE_BYTES + 1 }, why: /at most 33554432 are read/ },
  { name: 'is larger than it says', member: { size: 10 }, why: /corrupt/ },
  { name: 'is smaller than it says', member: { size: LIMIT }, why: /corrupt/ },
  { name: 'lies elsewhere', member: { offset: 7 }, why: /not where the directory says/ },
  { name: 'is encrypted', member: { flags: 1 }, why: /encrypted/ },
  { name: 'is packed strangely', member: { method: 12 }, why: /in a way that we do not read/ },
]
for (const { name, member, why } of entries) {
  test(`one entry that ${name} is bad, and the others are read`, async () => {
    const good: string[] = []
    const bad: string[] = []
    const archive = zip([
      { name: 'bad', content: 'x'.repeat(1000), ...member },
      { name: 'good', content: '{}' },
    ])
    await readZip(
      file(archive),
      (entry) => void good.push(entry),
      (entry, reason) => void bad.push(`${entry}: ${reason}`),
      LIMIT,
    )
    assert.deepEqual(good, ['good'])
    assert.match(bad.join(), why)
  })
}

let made = 0
function file(content: Uint8Array): string {
  const path = join(FOLDER, `${made++}`)
  writeFileSync(path, content)
  return path
}
