import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Member } from '../../../test/support/tar-members.ts'
import { archive } from '../../../test/support/tar-members.ts'
import type { Analyzer } from '../analyzers/analyzer.ts'
import { NOTHING, wholeFile } from '../analyzers/analyzer.ts'
import type { LayerFacts } from '../facts.ts'
import type { FoundPackage, PackageType } from '../package.ts'
import { LAYER_LIMITS } from './limits.ts'
import { mergeLayers } from './merge-layers.ts'
import type { LayerInput } from './read-layer.ts'
import { readLayer } from './read-layer.ts'

/** Lines `name version` make packages; `owns PATH` a path; `broken` a database nobody can read. */
function lines(name: string, wants: (path: string) => boolean, type: PackageType): Analyzer {
  const parse = (path: string) => (bytes: Buffer) => {
    const text = bytes.toString()
    if (text.startsWith('broken')) throw new Error('the database is broken')
    const rows = text.split('\n').filter((line) => line !== '')
    const owns = rows.flatMap((row) => (row.startsWith('owns ') ? [row.slice(5)] : []))
    const packages = rows.filter((row) => !row.startsWith('owns ')).map((row) => found(type, row, path))
    return { ...NOTHING, packages, owns }
  }
  return {
    name,
    open: (entry) =>
      wants(entry.path)
        ? wholeFile(entry, { analyzer: name, maxBytes: 1000, weight: 'fatal' }, parse(entry.path))
        : null,
  }
}

function found(type: PackageType, row: string, path: string): FoundPackage {
  const [name = '', version = ''] = row.split(' ')
  return { type, namespace: null, name, version, source: null, architecture: null, module: null, path, doubt: null }
}

const analyzers = [
  lines('db', (path) => path === 'var/lib/db' || path === 'usr/var/lib/db', 'deb'),
  lines('rpm', (path) => path === 'var/lib/rpm/Packages', 'rpm'),
  lines('node', (path) => path.endsWith('/package.json'), 'npm'),
]

async function* pieces(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function factsOf(bytes: Buffer, more: Partial<LayerInput> = {}): Promise<LayerFacts> {
  return (await readLayer({ bytes: pieces(bytes), analyzers, limits: LAYER_LIMITS, now: () => 0, ...more })).facts
}

async function imageOf(...layers: readonly (readonly Member[])[]) {
  const read = await Promise.all(
    layers.map(async (members, index) => ({ digest: `layer${index}`, facts: await factsOf(archive(...members)) })),
  )
  const { packages, problems } = mergeLayers(read)
  return {
    packages: packages.map(
      ({ name, version, layer, osOwned }) => `${name} ${version} ${layer}${osOwned ? ' owned' : ''}`,
    ),
    problems: problems.map(({ reason }) => reason),
  }
}

const plain = archive({ path: 'var/lib/db', content: 'bash 5.1\n' })

for (const [name, bytes] of [
  ['gzip', gzipSync(plain)],
  ['gzip in two members', Buffer.concat([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))])],
  ['zstd', zstdCompressSync(plain)],
  ['plain', plain],
] as const) {
  test(`readLayer: ${name}`, async () => {
    const facts = await factsOf(bytes)
    assert.equal(facts.diffId, `sha256:${createHash('sha256').update(plain).digest('hex')}`)
    assert.deepEqual(
      facts.files.map((file) => [file.path, file.packages[0]?.name]),
      [['var/lib/db', 'bash']],
    )
    assert.deepEqual(facts.problems, [])
  })
}

const bomb = gzipSync(Buffer.concat([plain.subarray(0, 1024), Buffer.alloc(50_000_000)]))
const bad = [
  { name: 'a gzip layer that is cut', bytes: gzipSync(plain).subarray(0, 40), why: /gzip.*ends too early/ },
  { name: 'a damaged gzip layer', bytes: flipped(gzipSync(plain), 20), why: /cannot be uncompressed|damaged/ },
  { name: 'a cut zstd layer', bytes: zstdCompressSync(plain).subarray(0, 30), why: /zstd/ },
  { name: 'no layer at all', bytes: Buffer.from('<html>'), why: /middle of an entry/ },
  { name: 'a bomb', bytes: bomb, limits: { maxUncompressedBytes: 10_000_000 }, why: /more than 10000000 bytes/ },
  {
    name: 'more packages than one layer may have',
    bytes: archive({ path: 'var/lib/db', content: 'a 1\nb 1\nc 1\n' }),
    limits: { maxPackages: 2 },
    why: /more than 2 packages/,
  },
]

for (const { name, bytes, limits = {}, why } of bad) {
  test(`readLayer: ${name} is a fatal problem`, async () => {
    const { problems } = await factsOf(bytes, { limits: { ...LAYER_LIMITS, ...limits } })
    assert.deepEqual(
      problems.map(({ weight }) => weight),
      ['fatal'],
    )
    assert.match(problems[0]?.reason ?? '', why)
  })
}

test('readLayer: a layer that takes too long is a fatal problem', async () => {
  let now = 0
  const facts = await factsOf(Buffer.concat([plain, Buffer.alloc(100_000)]), { now: () => (now += 400_000) })
  assert.match(facts.problems[0]?.reason ?? '', /more than 600000 ms of processor time/)
})

test('readLayer: what its files say comes in the order of the archive, however its bytes were cut', async () => {
  const later = (name: string): Analyzer => ({
    name,
    open: () => ({ push: () => false, end: async () => await new Promise((done) => setImmediate(done, NOTHING)) }),
  })
  const both = [later('slow'), { name: 'quick', open: () => ({ push: () => false, end: () => NOTHING }) }]
  const bytes = archive({ path: 'a', content: 'a' }, { path: 'b', content: 'b' }, { path: 'c', content: 'c' })
  const want = ['a', 'b', 'c'].flatMap((path) => [`${path} slow`, `${path} quick`])
  for (const size of [100, 512, 1e6]) {
    const { files } = await factsOf(bytes, { analyzers: both, bytes: pieces(bytes, size) })
    assert.deepEqual(
      files.map(({ path, analyzer }) => `${path} ${analyzer}`),
      want,
    )
  }
})

test('readLayer: what breaks in the source is not held against the layer', async () => {
  const bytes = (async function* () {
    yield plain.subarray(0, 100)
    throw new Error('storage is gone')
  })()
  await assert.rejects(readLayer({ bytes, analyzers, limits: LAYER_LIMITS, now: () => 0 }), /storage is gone/)
})

test('readLayer: a hard link whose bytes went by under another name is asked for, and read the second time', async () => {
  const bytes = archive(
    { path: 'store/00', content: 'left-pad 1.0\n' },
    { path: 'app/package.json', flag: '1', target: './store/00' },
    { path: 'var/lib/db', content: 'bash 5\n' },
    { path: 'usr/var/lib/db', flag: '1', target: 'var/lib/db' },
  )
  const first = await readLayer({ bytes: pieces(bytes), analyzers, limits: LAYER_LIMITS, now: () => 0 })
  assert.deepEqual([...first.unreadLinks], [['store/00', ['app/package.json']]])
  assert.deepEqual(
    first.facts.files.map(({ path }) => path),
    ['var/lib/db', 'usr/var/lib/db'],
  )
  const again = { analyzers, limits: LAYER_LIMITS, now: () => 0, aliases: first.unreadLinks }
  const second = await readLayer({ bytes: pieces(bytes), ...again })
  assert.equal(second.unreadLinks.size, 0)
  const node = second.facts.files.find(({ path }) => path === 'app/package.json')
  assert.deepEqual(
    node?.packages.map(({ name, path }) => [name, path]),
    [['left-pad', 'app/package.json']],
  )
  const lost = archive({ path: 'app/package.json', flag: '1', target: 'elsewhere' })
  const nowhere = await readLayer({
    bytes: pieces(lost),
    ...again,
    aliases: new Map([['elsewhere', ['app/package.json']]]),
  })
  assert.match(nowhere.facts.problems[0]?.reason ?? '', /hard link to elsewhere/)
})

const db = (content: string): Member => ({ path: 'var/lib/db', content })
const node = (folder: string, content: string): Member => ({ path: `${folder}/package.json`, content })

const rpmDb = (content: string): Member => ({ path: 'var/lib/rpm/Packages', content })
const NO_PACKAGE = 'the package database of the operating system (rpm) names no package'

const images = [
  {
    name: 'a database that every layer writes anew keeps who came first',
    layers: [[db('a 1\nb 1\n')], [db('a 1\nb 2\nc 1\n')], [db('a 1\nc 1\n')]],
    packages: ['a 1 layer0', 'c 1 layer1'],
  },
  {
    name: 'a whiteout hides a file, a directory and what is below',
    layers: [
      [node('x', 'x 1\n'), node('y/z', 'z 1\n'), db('a 1\n')],
      [{ path: '.wh.x' }, { path: 'y/.wh.z' }],
    ],
    packages: ['a 1 layer0'],
  },
  {
    name: 'an opaque directory hides what lower layers have in it, not what its own has',
    layers: [[node('x/a', 'a 1\n')], [node('x/b', 'b 1\n'), { path: 'x/.wh..wh..opq' }]],
    packages: ['b 1 layer1'],
  },
  {
    name: 'an opaque directory where a link was is a directory',
    layers: [
      [node('real/a', 'a 1\n'), { path: 'x', flag: '2', target: 'real' }],
      [{ path: 'x/.wh..wh..opq' }, node('x/a', 'a 2\n')],
    ],
    packages: ['a 1 layer0', 'a 2 layer1'],
  },
  {
    name: 'an opaque root',
    layers: [[db('a 1\n')], [{ path: '.wh..wh..opq' }, node('n', 'n 1\n')]],
    packages: ['n 1 layer1'],
  },
  {
    name: 'aufs bookkeeping hides nothing',
    layers: [[db('a 1\n')], [{ path: '.wh..wh.plnk' }, { path: 'var/lib/.wh..wh.aufs' }]],
    packages: ['a 1 layer0'],
  },
  {
    name: 'a file over a directory takes the tree away',
    layers: [[node('x/y', 'y 1\n')], [{ path: 'x', content: 'file' }]],
    packages: [],
  },
  {
    name: 'a link over a directory takes the tree away, and leads to another one',
    layers: [
      [db('a 1\n')],
      [
        { path: 'var', flag: '2', target: 'usr/var' },
        { path: 'usr/var/lib/db', content: 'b 1\n' },
      ],
    ],
    packages: ['b 1 layer1'],
  },
  {
    name: 'a file written through a link is the file it leads to',
    layers: [
      [
        { path: 'usr/var/lib/db', content: 'a 1\n' },
        { path: 'var', flag: '2', target: '/usr/var' },
      ],
      [{ path: 'var/lib/db', content: 'a 1\nb 1\n' }],
    ],
    packages: ['a 1 layer0', 'b 1 layer1'],
  },
  {
    name: 'links in a circle',
    layers: [[{ path: 'a', flag: '2', target: 'b' }, { path: 'b', flag: '2', target: 'a' }, node('a/x', 'x 1\n')]],
    packages: ['x 1 layer0'],
  },
  {
    name: 'what an OS package owns, also through a link',
    layers: [
      [
        { path: 'lib', flag: '2', target: 'usr/lib' },
        node('usr/lib/n', 'n 1\n'),
        node('app/m', 'm 1\n'),
        db('a 1\nowns lib/n/package.json\n'),
      ],
    ],
    packages: ['n 1 layer0 owned', 'm 1 layer0', 'a 1 layer0'],
  },
  {
    name: 'a broken database that a later layer replaced is no problem any more',
    layers: [[db('broken')], [db('a 1\n')]],
    packages: ['a 1 layer1'],
  },
  {
    name: 'a broken database is',
    layers: [[db('a 1\n')], [db('broken')]],
    packages: [],
    problems: ['the database is broken'],
  },
  {
    name: 'one that is too large is',
    layers: [[db('x'.repeat(1001))]],
    packages: [],
    problems: ['the file has 1001 bytes; at most 1000 are read'],
  },
  {
    name: 'a database of the OS that names no package is a problem, whatever else there is',
    layers: [[rpmDb('a 1\n'), node('n', 'n 1\n')], [rpmDb('')]],
    packages: ['n 1 layer0'],
    problems: [NO_PACKAGE],
  },
  {
    name: 'one that a later layer filled is none',
    layers: [[rpmDb('')], [rpmDb('a 1\n')]],
    packages: ['a 1 layer1'],
  },
  {
    name: 'one that a later layer took away is none',
    layers: [[rpmDb(''), node('n', 'n 1\n')], [{ path: 'var/lib/rpm/.wh.Packages' }]],
    packages: ['n 1 layer0'],
  },
  {
    name: 'nor one beside another that names packages, as where rpm is but a tool',
    layers: [[db('a 1\n')], [rpmDb('')]],
    packages: ['a 1 layer0'],
  },
]

for (const { name, layers, packages, problems = [] } of images) {
  test(`mergeLayers: ${name}`, async () => assert.deepEqual(await imageOf(...layers), { packages, problems }))
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}
