import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { FileReport } from './file-tally.ts'
import { importAdvisories } from './import-advisories.ts'
import { valueSplitter } from './json-values.ts'
import { MAX_VALUE_BYTES } from './limits.ts'
import { openSnapshot } from './open-snapshot.ts'

const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-hostile-advisories-'))
after(() => rmSync(FOLDER, { recursive: true, force: true }))
let made = 0

const record = (more: object) => JSON.stringify({ id: 'X-1', modified: '2024-01-01T00:00:00Z', affected: [], ...more })
const GOOD = record({ id: 'GOOD-1' })
const affected = (more: object) => [{ package: { ecosystem: 'npm', name: 'a' }, ...more }]

/** What is refused whole, and why. */
const refused = [
  { name: 'an empty file', content: '', why: /it is empty/ },
  { name: 'blanks', content: ' \n \n', why: /it is empty/ },
  { name: 'words', content: 'hello, world', why: /neither JSON nor a table/ },
  { name: 'bytes', content: Buffer.alloc(100_000, 0xfe), why: /neither JSON nor a table|does not end/ },
  { name: 'other JSON', content: '{"a": 1}', why: /none of the shapes/ },
  { name: 'JSON that ends early', content: '{"id": "X-1",\n "affected": [', why: /cut off/ },
  { name: 'a list without end', content: `[${GOOD},`, why: /cut off/ },
  { name: 'nesting', content: `[${'['.repeat(100_000)}`, why: /nested deeper than 100/ },
  { name: 'gzip that is none', content: Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), why: /cut off or corrupt/ },
  {
    name: 'a bomb of one line',
    content: gzipSync(Buffer.alloc(MAX_VALUE_BYTES * 3, 0x61)),
    why: /does not end|limit|neither/,
  },
  {
    name: 'a bomb of one value',
    content: gzipSync(Buffer.concat([Buffer.from('["'), Buffer.alloc(MAX_VALUE_BYTES * 3, 0x61)])),
    why: /more than 33554432 bytes/,
  },
  {
    name: 'a quote that does not close',
    content: `cve,epss,percentile\n"${'x'.repeat(5_000_000)}`,
    why: /does not end/,
  },
  {
    name: 'a million columns',
    content: `cve,epss,percentile${',x'.repeat(1_000_000)}\n`,
    why: /more than 100 columns/,
  },
  { name: 'an archive without directory', content: Buffer.from('PK\x03\x04nothing', 'latin1'), why: /no directory/ },
  { name: 'an archive that says it has much', content: hugeZip(), why: /at most|outside/ },
  { name: 'a secdb of nobody', content: '{"distroversion": "v9", "packages": []}', why: /names no branch/ },
]
for (const { name, content, why } of refused) {
  test(`refused with its reason: ${name}`, async () => {
    const { report, snapshot } = await taken(content)
    assert.match(report.refused ?? 'taken', why)
    assert.equal(snapshot, null)
  })
}

/** What is one bad record among good ones. */
const bad = [
  { name: 'no JSON', line: '{"id": "X-1", "affected": [' },
  { name: 'a number', line: '17' },
  { name: 'an id that is an object', line: '{"id": {}, "affected": []}' },
  { name: 'an endless id', line: record({ id: 'x'.repeat(10_000) }) },
  { name: 'an id with a line end', line: record({ id: 'X\n1' }) },
  { name: 'half a character', line: '{"id": "X-\\ud800", "affected": []}' },
  { name: 'affected that is a text', line: record({ affected: 'all' }) },
  { name: 'affected numbers', line: record({ affected: [1] }) },
  { name: 'a package without name', line: record({ affected: [{ package: { ecosystem: 'npm' } }] }) },
  { name: 'versions that are a number', line: record({ affected: affected({ versions: 1e300 }) }) },
  { name: 'a version that is a number', line: record({ affected: affected({ versions: [1] }) }) },
  { name: 'a range of no type', line: record({ affected: affected({ ranges: [{ events: [] }] }) }) },
  { name: 'an event of nothing', line: record({ affected: affected({ ranges: [{ type: 'SEMVER', events: [{}] }] }) }) },
  { name: 'ten thousand aliases', line: record({ aliases: Array.from({ length: 10_000 }, (_, n) => `A-${n}`) }) },
]
for (const { name, line } of bad) {
  test(`one bad record, named, and the others stand: ${name}`, async () => {
    const { report, snapshot } = await taken(`${GOOD}\n${line}\n${record({ id: 'GOOD-2' })}\n`)
    assert.deepEqual([report.refused, report.records, report.bad, report.badOnes[0]?.where], [null, 2, 1, 'line 2'])
    assert.ok(snapshot)
  })
}

test('odd words are left out, what matching rests on stays', async () => {
  const odd = record({
    affected: affected({ versions: ['1'], severity: 5, database_specific: '<any>' }),
    references: 'none',
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N' }, { type: 'CVSS_V3', score: '1e999' }, 5],
    published: '99999-01-01',
    modified: '9999-01-01T00:00:00Z',
    summary: 17,
    database_specific: { cvss_v3: 1e300 },
    __proto__: { polluted: true },
  })
  const { snapshot } = await taken(odd)
  using index = openSnapshot(snapshot ?? '')
  const said = index.advisory('X-1')
  assert.deepEqual(
    [said?.scores, said?.references, said?.publishedAt, said?.modifiedAt, said?.summary],
    [[], [], null, null, null],
  )
  assert.equal(index.affecting('npm', 'a').length, 1)
})

test('a file that is no snapshot is not opened as one', () => {
  const path = join(FOLDER, 'none.db')
  writeFileSync(path, 'SQLite format 3\0 not really')
  assert.throws(() => openSnapshot(path), /is no snapshot of advisories/)
  assert.throws(() => openSnapshot(join(FOLDER, 'absent.db')), /there is no snapshot/)
})

test('values are found wherever the pieces are cut', () => {
  const text = '{"a\\\\":{"b":"}\\"{"}, "c" : [1,[2]] ,"d":3}'
  const want = ['"a\\\\":{"b":"}\\"{"}', '"c" : [1,[2]] ', '"d":3']
  for (let size = 1; size <= text.length; size++) {
    const found: string[] = []
    const splitter = valueSplitter(1, (value) => found.push(value))
    for (let at = 0; at < text.length; at += size) splitter.push(Buffer.from(text.slice(at, at + size)))
    splitter.end()
    assert.deepEqual(found, want, `pieces of ${size}`)
  }
})

async function taken(content: string | Buffer): Promise<{ report: FileReport; snapshot: string | null }> {
  const folder = join(FOLDER, `out${made++}`)
  const path = join(FOLDER, `in${made}.json`)
  writeFileSync(path, content)
  const { files, snapshot } = await importAdvisories({ paths: [path], base: null, folder, now: 1 })
  const [report] = files
  assert.ok(report)
  return { report, snapshot: snapshot?.path ?? null }
}

function hugeZip(): Buffer {
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(0xffff, 10)
  end.writeUInt32LE(0xfffffff0, 12)
  return Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), end])
}
