import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { archive, longName, member, pax } from '../../../test/support/tar-members.ts'
import type { Analyzer } from '../analyzers/analyzer.ts'
import { NOTHING, wholeFile } from '../analyzers/analyzer.ts'
import type { FileFacts, LayerFacts } from '../facts.ts'
import { LAYER_LIMITS } from './limits.ts'
import { mergeLayers } from './merge-layers.ts'
import { readLayer } from './read-layer.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300)
const LIMITS = { ...LAYER_LIMITS, maxUncompressedBytes: 5_000_000, maxEntries: 1_000 }

/** Opens everything, and counts what it was given. */
function hungry(): Analyzer & { bytes: number } {
  const analyzer = {
    name: 'hungry',
    bytes: 0,
    open: (entry: Parameters<Analyzer['open']>[0]) =>
      wholeFile(entry, { analyzer: 'hungry', maxBytes: 100_000, weight: 'fatal' }, (bytes) => {
        analyzer.bytes += bytes.length
        return NOTHING
      }),
  }
  return analyzer
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const seed = Buffer.concat([
  member({ path: 'etc/', flag: '5' }),
  member({ path: 'etc/os-release', content: 'ID=x\n' }),
  longName('d/'.repeat(100)),
  member({ path: 'cut', content: 'y'.repeat(600) }),
  pax({ path: 'p', size: '4' }),
  member({ path: 'q', content: '1234', size: 0 }),
  member({ path: 'l', flag: '2', target: '../../x' }),
  member({ path: 'h', flag: '1', target: 'etc/os-release' }),
  member({ path: 'a/.wh..wh..opq' }),
  Buffer.alloc(1024),
])

const change = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.nat(600) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), value: fc.nat(600) }),
)

function changed(
  bytes: Buffer,
  changes: readonly { kind: 'flip' | 'cut' | 'insert'; at: number; value: number }[],
): Buffer {
  return changes.reduce((result, { kind, at, value }) => {
    const place = result.length === 0 ? 0 : at % result.length
    if (kind === 'cut') return Buffer.concat([result.subarray(0, place), result.subarray(place + value)])
    if (kind === 'insert')
      return Buffer.concat([result.subarray(0, place), Buffer.alloc(value, value), result.subarray(place)])
    const copy = Buffer.from(result)
    if (copy.length > 0) copy[place] = value
    return copy
  }, bytes)
}

const packings = {
  plain: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes),
}

for (const [packing, pack] of Object.entries(packings)) {
  for (const when of ['before', 'behind'] as const) {
    test(`readLayer: whatever bytes, damaged ${when} packing (${packing}), it answers`, async () => {
      const property = fc.asyncProperty(
        fc.array(change, { maxLength: 4 }),
        fc.integer({ min: 1, max: 5_000 }),
        async (changes, size) => {
          const bytes = when === 'before' ? pack(changed(seed, changes)) : changed(pack(seed), changes)
          const analyzer = hungry()
          const { facts } = await readLayer({
            bytes: pieces(bytes, size),
            analyzers: [analyzer],
            limits: LIMITS,
            now: () => 0,
          })
          assert.ok(analyzer.bytes <= facts.uncompressedBytes)
          assert.ok(facts.entries <= LIMITS.maxEntries + 1)
          mergeLayers([
            { digest: 'a', facts },
            { digest: 'b', facts },
          ])
          JSON.parse(JSON.stringify(facts))
        },
      )
      await fc.assert(property, { numRuns: RUNS })
    })
  }
}

test('readLayer: an archive that is cut anywhere behind its first entry is a fatal problem, unless it is cut between entries', async () => {
  const bytes = archive({ path: 'a', content: 'x'.repeat(100) }, { path: 'b', content: 'y'.repeat(2000) })
  for (let end = 1; end < bytes.length; end += 37) {
    const { facts } = await readLayer({
      bytes: pieces(bytes.subarray(0, end), 64),
      analyzers: [],
      limits: LIMITS,
      now: () => 0,
    })
    const isBetween = end === 1024 || end >= 1024 + 512 + 2048
    assert.equal(facts.problems.length, isBetween ? 0 : 1, `cut behind ${end} bytes`)
  }
})

test('readLayer: a bomb of 20,000 to 1 stops at the bound', async () => {
  const bomb = gzipSync(gzipSync(Buffer.alloc(100_000_000)))
  const inner = gzipSync(Buffer.alloc(100_000_000))
  for (const bytes of [bomb, inner]) {
    const { facts } = await readLayer({ bytes: pieces(bytes, 1000), analyzers: [], limits: LIMITS, now: () => 0 })
    assert.ok(facts.uncompressedBytes <= LIMITS.maxUncompressedBytes + 512 * 1024)
    assert.equal(facts.problems.length + facts.entries > 0, true)
  }
})

test('readLayer: a million entries of one layer stop at the bound', async () => {
  const one = member({ path: 'a' })
  const many = (async function* () {
    for (let i = 0; i < 3_000; i++) yield one
  })()
  const { facts } = await readLayer({ bytes: many, analyzers: [], limits: LIMITS, now: () => 0 })
  assert.match(facts.problems[0]?.reason ?? '', /more than 1000 entries/)
})

test('readLayer: a million files that say nothing stop at the bound on what is kept', async () => {
  const one = member({ path: `a/${'b'.repeat(80)}` })
  const many = (async function* () {
    for (let i = 0; i < 900; i++) yield one
  })()
  const limits = { ...LIMITS, maxFactCharacters: 50_000 }
  const { facts } = await readLayer({ bytes: many, analyzers: [hungry()], limits, now: () => 0 })
  assert.deepEqual(
    facts.problems.map(({ reason, weight }) => [reason, weight]),
    [["what the layer's files say has more than 50000 characters", 'fatal']],
  )
  assert.ok(JSON.stringify(facts.files).length <= 51_000)
})

const NO_FACTS: LayerFacts = {
  analyzerVersion: 1,
  diffId: '',
  uncompressedBytes: 0,
  entries: 0,
  files: [],
  whiteouts: [],
  opaque: [],
  links: [],
  nonDirectories: '',
  problems: [],
}
const files = (count: number, path: (index: number) => string): FileFacts[] =>
  Array.from({ length: count }, (_, index) => ({ ...NOTHING, path: path(index), analyzer: 'npm' }))
/** What a process of requests merges: whoever makes the product of two lists out of these hangs for hours. */
const merges: readonly { readonly name: string; readonly facts: readonly Partial<LayerFacts>[] }[] = [
  {
    name: 'every one of 100,000 files hidden by itself',
    facts: [
      { files: files(100_000, (index) => `a/${index}/b`) },
      { whiteouts: Array.from({ length: 100_000 }, (_, index) => `a/x${index}`) },
      { opaque: Array.from({ length: 100_000 }, (_, index) => `a/y${index}`) },
    ],
  },
  {
    name: 'links that lead to each other for ever',
    facts: [
      {
        links: [
          { path: 'a', target: 'b/c' },
          { path: 'b', target: 'a/c' },
          { path: 'c', target: 'c/c' },
        ],
        files: files(20_000, (index) => `${'abc'[index % 3]}/${index}/p`),
      },
    ],
  },
  {
    name: 'links of two hundred parts, each to the next',
    facts: [
      {
        links: Array.from({ length: 60 }, (_, index) => ({
          path: `l${index}`,
          target: `l${index + 1}/${'x/'.repeat(200)}`,
        })),
        files: files(2_000, (index) => `l0/${index}/p`),
      },
    ],
  },
]

for (const { name, facts } of merges) {
  test(`mergeLayers: ${name}`, () => {
    const layers = facts.map((one, index) => ({ digest: String(index), facts: { ...NO_FACTS, ...one } }))
    assert.deepEqual(mergeLayers(layers).problems, [])
  })
}

/** Of entries that have no bytes there can be a million. */
const endless = [
  { name: 'symbolic links', one: member({ path: 'a', flag: '2', target: 'x'.repeat(90) }) },
  { name: 'hard links that are wanted', one: member({ path: 'a', flag: '1', target: 'x'.repeat(90) }) },
  { name: 'whiteouts', one: member({ path: `b/.wh.${'x'.repeat(80)}` }) },
]
for (const { name, one } of endless) {
  test(`readLayer: ${name} without end stop at the bound`, async () => {
    const limits = { ...LIMITS, maxLinkCharacters: 20_000 }
    const bytes = pieces(Buffer.concat(Array.from({ length: 900 }, () => one)), 5_000)
    const { facts } = await readLayer({ bytes, analyzers: [hungry()], limits, now: () => 0 })
    assert.match(facts.problems[0]?.reason ?? '', /links and hides has more than 20000 characters/)
    assert.ok(facts.links.length + facts.whiteouts.length < 200)
  })
}

test('readLayer: directories in each other without end are a problem with their bound', async () => {
  const bytes = pieces(
    Buffer.concat([longName(`${'d/'.repeat(300)}x`), member({ path: 'x' }), Buffer.alloc(1024)]),
    512,
  )
  const { facts } = await readLayer({ bytes, analyzers: [], limits: LIMITS, now: () => 0 })
  assert.match(facts.problems[0]?.reason ?? '', /more than 256 parts/)
})
