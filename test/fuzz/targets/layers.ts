import assert from 'node:assert/strict'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ANALYZERS } from '../../../src/scanner/analyzers/list.ts'
import { cleanPath, resolveTarget } from '../../../src/scanner/layers/clean-path.ts'
import { LayerError } from '../../../src/scanner/layers/layer-error.ts'
import { LAYER_LIMITS } from '../../../src/scanner/layers/limits.ts'
import { mergeLayers } from '../../../src/scanner/layers/merge-layers.ts'
import { parsePax } from '../../../src/scanner/layers/pax.ts'
import { readLayer } from '../../../src/scanner/layers/read-layer.ts'
import { TarReader } from '../../../src/scanner/layers/read-tar.ts'
import { longName, member, pax, seal } from '../../support/tar-members.ts'
import { checkResult, shortAnswer } from '../promises.ts'
import type { Target } from '../target.ts'

const LIMITS = { ...LAYER_LIMITS, maxEntries: 1_000, maxUncompressedBytes: 1024 * 1024, maxHeaderBytes: 64 * 1024 }

const TAR = Buffer.concat([
  member({ path: 'etc/', flag: '5' }),
  member({ path: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' }),
  longName(`${'d/'.repeat(60)}node_modules/a/package.json`),
  member({ path: 'cut', content: '{"name":"a","version":"1"}' }),
  pax({ path: 'node_modules/b/package.json', size: '26', mtime: '1.5' }),
  member({ path: 'q', content: '{"name":"b","version":"1"}', size: 0 }),
  pax({ comment: 'x' }, 'g'),
  longName('etc/os-release', 'K'),
  member({ path: 'l', flag: '2', target: '../../x' }),
  member({ path: 'usr/lib/os-release', flag: '1', target: 'etc/os-release' }),
  member({ path: 'a/.wh..wh..opq' }),
  member({ path: 'a/.wh.b' }),
  Buffer.alloc(1024),
])
const SPARSE = Buffer.concat([
  pax({
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 'etc/os-release',
    'GNU.sparse.realsize': '9',
  }),
  member({ path: 'GNUSparseFile.1/x', content: '1\n0\n' }),
  member({ path: 'old', flag: 'S', content: 'x' }),
  member({ path: 'big', content: 'y', isBigNumber: true }),
  Buffer.alloc(1024),
])
const WORDS = [
  'ustar\x0000',
  'ustar  \0',
  '././@LongLink',
  '20 path=etc/os-release\n',
  '12 size=9999\n',
  '.wh.',
  '/../',
  'L',
  'K',
  'x',
  'g',
  '\x80',
]

export const LAYER_TARGETS: readonly Target[] = [
  { name: 'tar', seeds: [TAR, SPARSE], words: WORDS, mend: mendSums, run: runTar },
  { name: 'layer-tar', seeds: [TAR, SPARSE], words: WORDS, mend: mendSums, run: runLayer },
  {
    name: 'layer-gzip',
    seeds: [gzipSync(TAR), Buffer.concat([gzipSync(TAR.subarray(0, 512)), gzipSync(TAR.subarray(512))])],
    words: ['\x1f\x8b\x08\0'],
    run: runLayer,
  },
  {
    name: 'layer-zstd',
    seeds: [
      zstdCompressSync(TAR),
      Buffer.concat([Buffer.from('502a4d1804000000aaaaaaaa', 'hex'), zstdCompressSync(TAR)]),
    ],
    words: ['\x28\xb5\x2f\xfd', '\x50\x2a\x4d\x18'],
    run: runLayer,
  },
  {
    name: 'pax',
    seeds: [Buffer.from('13 path=a/b\n\n20 linkpath=../../etc\n')],
    words: ['9 size=1\n', ' ', '=', '\n', '99999999999 '],
    maxBytes: 2_000,
    run: runPax,
  },
  {
    name: 'paths',
    seeds: [Buffer.from('./a//b/../c\n/etc/../../x\n.wh.a')],
    words: ['/', '..', '.', '//', '.wh.'],
    maxBytes: 2_000,
    run: runPaths,
  },
]

function mendSums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; ) {
    const header = bytes.subarray(at, at + 512)
    if (header[0] === 0) return
    seal(header)
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8) || 0
    at += 512 + 512 * Math.ceil(Math.min(size, bytes.length) / 512)
  }
}

function runTar(bytes: Buffer): string {
  let [entries, taken] = [0, 0]
  const kinds = new Set<string>()
  const reader = new TarReader(LIMITS, (entry) => {
    entries += 1
    kinds.add(`${entry.type}${entry.isSparse ? ' sparse' : ''}`)
    assert.equal(cleanPath(entry.path), entry.path)
    assert.doesNotMatch(entry.path, /(?:^|\/)\.\.?(?:\/|$)|^\/|\/\//)
    assert.ok(Number.isSafeInteger(entry.size) && entry.size >= 0)
    return {
      push: (chunk) => {
        taken += chunk.length
        return true
      },
      end: () => {},
    }
  })
  let end = ''
  try {
    const piece = 1 + (bytes.length % 700)
    for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece))
    reader.end()
  } catch (error) {
    assert.ok(error instanceof LayerError)
    end = error.message.replace(/\d+/g, '#')
  }
  assert.ok(entries <= bytes.length / 512 + 1 && taken <= bytes.length)
  return `${Math.min(entries, 12)} ${[...kinds].sort().join()} ${end}`
}

async function runLayer(bytes: Buffer): Promise<string> {
  const { facts, unreadLinks } = await readLayer({
    bytes: pieces(bytes),
    analyzers: ANALYZERS,
    limits: LIMITS,
    now: () => 0,
  })
  assert.ok(facts.entries <= LIMITS.maxEntries + 1)
  assert.ok(facts.uncompressedBytes <= LIMITS.maxUncompressedBytes + 512 * 1024)
  const inventory = mergeLayers([
    { digest: 'a', facts },
    { digest: 'b', facts: JSON.parse(JSON.stringify(facts)) as typeof facts },
  ])
  const { packages, problems, os } = inventory
  checkResult({ packages, problems, owns: [], os, hints: {} }, 2 * (facts.uncompressedBytes / 8))
  return `${facts.files.length} files, ${unreadLinks.size} unread, ${shortAnswer({ packages, problems, owns: [], os, hints: {} })}`
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const size = 1 + (bytes.length % 5) * 600 + (bytes.length >> 2)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function runPax(bytes: Buffer): string {
  try {
    const records = parsePax(bytes)
    assert.ok(records.size <= bytes.length / 4)
    return `${Math.min(records.size, 5)} ${records.has('path')} ${records.has('size')}`
  } catch (error) {
    assert.ok(error instanceof LayerError)
    return error.message
  }
}

function runPaths(bytes: Buffer): string {
  const clean = bytes
    .toString()
    .split('\n')
    .map((path, index, all) => (index % 2 === 0 ? cleanPath(path) : resolveTarget(all[index - 1] ?? '', path)))
  for (const path of clean) {
    assert.equal(cleanPath(path), path)
    assert.ok(!path.split('/').some((one) => one === '..' || one === '.') && !path.startsWith('/'))
  }
  return clean
    .map((path) => Math.min(3, path.split('/').length))
    .join('')
    .slice(0, 4)
}
