import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { analyzed, line } from '../../../test/support/analyzed.ts'
import { churn } from '../../../test/support/churn.ts'
import type { RpmTags } from '../../../test/support/rpm-databases.ts'
import {
  berkeleyDatabase,
  headerOf,
  ndbDatabase,
  rpmHeader,
  sqliteDatabase,
} from '../../../test/support/rpm-databases.ts'
import { rpm } from './rpm.ts'

const PATH = 'var/lib/rpm/Packages'

const FORMATS: readonly { name: string; build: (headers: readonly Buffer[]) => Buffer }[] = [
  { name: 'SQLite', build: sqliteDatabase },
  { name: 'SQLite with pages of 512 bytes', build: (headers) => sqliteDatabase(headers, 512) },
  { name: 'SQLite with pages of 64 KiB', build: (headers) => sqliteDatabase(headers, 65_536) },
  { name: 'BerkeleyDB', build: (headers) => berkeleyDatabase(headers, 'LE') },
  { name: 'BerkeleyDB, big-endian', build: (headers) => berkeleyDatabase(headers, 'BE') },
  { name: 'NDB', build: ndbDatabase },
]

/** Some fit in a cell of a page, some need pages of their own. */
const MANY = Array.from({ length: 40 }, (_, index) =>
  rpmHeader({
    name: `p${index}`,
    version: '1',
    release: `${index}`,
    files: Array.from({ length: index * 10 }, (_, file) => `/usr/bin/tool-${index}-${file}`),
  }),
)

for (const { name, build } of FORMATS) {
  test(`rpm: ${name}: forty packages and the files of each`, async () => {
    const result = await analyzed(rpm, PATH, build(MANY))
    assert.deepEqual(result?.problems, [])
    assert.deepEqual(result?.packages.map(line).sort(), MANY.map((_, index) => `p${index} 1-${index} -`).sort())
    assert.equal(
      result?.owns.length,
      MANY.reduce((all, _, index) => all + index * 10, 0),
    )
    assert.ok(result?.owns.includes('usr/bin/tool-39-389'))
  })

  test(`rpm: ${name}: a database without packages can be read: what it means, the image says`, async () => {
    const result = await analyzed(rpm, PATH, build([]))
    assert.deepEqual([result?.packages, result?.problems], [[], []])
  })
}

const base: RpmTags = { name: 'bash', version: '5.1.8', release: '4.el9', architecture: 'x86_64' }
const headers: readonly { name: string; header: Buffer; want: readonly string[]; owns?: readonly string[] }[] = [
  { name: 'without an epoch', header: rpmHeader(base), want: ['bash 5.1.8-4.el9 x86_64'] },
  { name: 'with one', header: rpmHeader({ ...base, epoch: 2 }), want: ['bash 2:5.1.8-4.el9 x86_64'] },
  {
    name: 'with epoch 0, as rpm prints it',
    header: rpmHeader({ ...base, epoch: 0 }),
    want: ['bash 0:5.1.8-4.el9 x86_64'],
  },
  {
    name: 'with a source',
    header: rpmHeader({ ...base, name: 'glibc-common', epoch: 1, sourceRpm: 'glibc-2.34-83.el9_3.7.src.rpm' }),
    want: ['glibc-common 1:5.1.8-4.el9 x86_64 of glibc 1:2.34-83.el9_3.7'],
  },
  {
    name: 'with a source without sources',
    header: rpmHeader({ ...base, sourceRpm: 'a-b-1.0-2.nosrc.rpm' }),
    want: ['bash 5.1.8-4.el9 x86_64 of a-b 1.0-2'],
  },
  {
    name: 'with a source that is named otherwise',
    header: rpmHeader({ ...base, sourceRpm: 'bash.src.rpm' }),
    want: ['bash 5.1.8-4.el9 x86_64'],
  },
  {
    name: 'of a module',
    header: rpmHeader({ ...base, module: 'nodejs:16:8060020220523160029:ad008a3a' }),
    want: ['bash 5.1.8-4.el9 x86_64 in nodejs:16:8060020220523160029:ad008a3a'],
  },
  {
    name: 'a key is no package',
    header: rpmHeader({ name: 'gpg-pubkey', version: 'b86b3716', release: '61e69f29' }),
    want: [],
  },
  {
    name: 'files that could mark packages of languages, and no directories',
    header: rpmHeader({
      ...base,
      files: [
        '/usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA',
        '/usr/lib/python3.9/site-packages/six.py',
        '/usr/lib64/directory/',
        '/usr/share/doc/bash/README',
        '/usr/share/java/a.jar',
        '/usr/libexec/podman/rootlessport',
        '/etc/bashrc',
      ],
    }),
    want: ['bash 5.1.8-4.el9 x86_64'],
    owns: [
      'usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA',
      'usr/share/java/a.jar',
      'usr/libexec/podman/rootlessport',
    ],
  },
]

for (const { name, header, want, owns = [] } of headers) {
  test(`rpm: a package ${name}`, async () => {
    const result = await analyzed(rpm, PATH, sqliteDatabase([header]))
    assert.deepEqual([result?.packages.map(line), result?.owns, result?.problems], [want, owns, []])
  })
}

test('rpm: a real database of BerkeleyDB', async () => {
  const bytes = gunzipSync(readFileSync(new URL('fixtures/libuuid-Packages.gz', import.meta.url)))
  const result = await analyzed(rpm, PATH, bytes, 1000)
  assert.deepEqual(result?.problems, [])
  assert.deepEqual(result?.packages.map(line), ['libuuid 2.32.1-42.el8_8 x86_64 of util-linux 2.32.1-42.el8_8'])
})

test('rpm: a database that the real BerkeleyDB wrote, big-endian, its buckets split and its pages freed', async () => {
  const bytes = gunzipSync(readFileSync(new URL('fixtures/in-use-Packages.gz', import.meta.url)))
  const result = await analyzed(rpm, PATH, bytes)
  assert.deepEqual(result?.problems, [])
  assert.deepEqual(result?.packages.map(({ name }) => name).sort(), churn(300, 300).left)
})

const PATHS = [
  { path: 'var/lib/rpm/rpmdb.sqlite', isOne: true },
  { path: 'usr/lib/sysimage/rpm/Packages.db', isOne: true },
  { path: 'usr/share/rpm/rpmdb.sqlite', isOne: true },
  { path: 'var/lib/rpm/Name', isOne: false },
  { path: 'var/lib/rpm/rpmdb.sqlite-shm', isOne: false },
  { path: 'srv/var/lib/rpm/Packages', isOne: false },
  { path: 'var/lib/rpmmanifest/container-manifest-2', isOne: true },
  { path: 'var/lib/rpmmanifest/container-manifest-1', isOne: false },
]
for (const { path, isOne } of PATHS) {
  test(`rpm: ${path} is ${isOne ? 'read' : 'passed over'}`, () => {
    assert.equal(rpm.open({ path, size: 0, mode: 0o644 }) !== null, isOne)
  })
}

const MANIFEST = 'var/lib/rpmmanifest/container-manifest-2'
const manifestLine = (name: string, epoch = '(none)', source = 'openssl-1.1.1k-17.cm2.src.rpm') =>
  `${name}\t1.1.1k-17.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t${epoch}\t10580\tx86_64\t0\t${source}\n`

const manifests: readonly { name: string; text: string; want?: readonly string[]; problem?: string }[] = [
  {
    name: 'a package a line',
    text:
      manifestLine('openssl-libs') + manifestLine('filesystem', '3') + manifestLine('gpg-pubkey', '(none)', '(none)'),
    want: [
      'openssl-libs 1.1.1k-17.cm2 x86_64 of openssl 1.1.1k-17.cm2',
      'filesystem 3:1.1.1k-17.cm2 x86_64 of openssl 3:1.1.1k-17.cm2',
    ],
  },
  { name: 'empty', text: '', want: [] },
  { name: 'cut off', text: manifestLine('a').slice(0, -10), problem: 'it ends in the middle of a line' },
  { name: 'other fields', text: 'a\t1-1\n', problem: 'it has a line that does not have 10 fields' },
  {
    name: 'an epoch that is no number',
    text: manifestLine('a', 'x'),
    problem: 'it has a package whose epoch is no number',
  },
]
for (const { name, text, want = [], problem } of manifests) {
  test(`rpm: a manifest, ${name}`, async () => {
    const result = await analyzed(rpm, MANIFEST, text)
    assert.deepEqual(result?.packages.map(line), want)
    assert.deepEqual(
      result?.problems.map(({ reason, weight }) => [reason, weight]),
      problem === undefined ? [] : [[problem, 'fatal']],
    )
  })
}

test('rpm: a log with changes in it makes the image unknown, an empty one does not', async () => {
  const log = await analyzed(rpm, 'var/lib/rpm/rpmdb.sqlite-wal', Buffer.alloc(4096))
  assert.deepEqual(
    log?.problems.map(({ weight }) => weight),
    ['fatal'],
  )
  const empty = await analyzed(rpm, 'var/lib/rpm/rpmdb.sqlite-wal', '')
  assert.deepEqual(empty?.problems, [])
})

/** One tag of a type or of contents that rpm never writes. */
const damaged: readonly { name: string; bytes: Buffer; reason: RegExp }[] = [
  { name: 'nothing at all', bytes: Buffer.alloc(0), reason: /none of rpm's databases/ },
  { name: 'something else', bytes: Buffer.from('hello, world'), reason: /none of rpm's databases/ },
  { name: 'a SQLite file without the table', bytes: withoutTable(), reason: /no table Packages/ },
  {
    name: "a SQLite file whose table leads to another's pages, which are empty",
    bytes: withRoots(({ Packages, Name }) => ({ Packages: Name, Name: Packages })),
    reason: /Packages has no rows, but other tables have/,
  },
  {
    name: 'a SQLite file whose table and another lead to the same pages',
    bytes: withRoots(({ Name }) => ({ Packages: Name, Name })),
    reason: /page \d+ is used twice/,
  },
  {
    name: 'a SQLite file whose table leads to a part of its pages',
    bytes: withRoots(({ Name, lastOfPackages }) => ({ Packages: lastOfPackages, Name })),
    reason: /page \d+ belongs to nothing/,
  },
  { name: 'a package without a name', bytes: sqliteDatabase([headerOf([[1001, 6, '1']])]), reason: /no name/ },
  {
    name: 'a name of blanks',
    bytes: sqliteDatabase([rpmHeader({ ...base, name: 'a b' })]),
    reason: /name is not readable/,
  },
  {
    name: 'a name of a mebibyte',
    bytes: sqliteDatabase([rpmHeader({ ...base, name: 'a'.repeat(1024 ** 2) })]),
    reason: /name is not readable/,
  },
  {
    name: 'a name that is a number',
    bytes: sqliteDatabase([headerOf([[1000, 4, [1]]])]),
    reason: /tag 1000 is no text/,
  },
  { name: 'an NDB with a package that no slot leads to', bytes: withoutSlot(), reason: /no slot leads to/ },
  { name: 'a BerkeleyDB with a package under number 0', bytes: withoutNumber(), reason: /without a number/ },
  {
    name: 'a header that is too short',
    bytes: sqliteDatabase([rpmHeader(base).subarray(0, 100)]),
    reason: /another length than it says/,
  },
  {
    name: 'a header with a bit turned',
    bytes: sqliteDatabase([turned(rpmHeader(base), rpmHeader(base).indexOf('bash'))]),
    reason: /not what its digest says/,
  },
]
for (const { name, bytes, reason } of damaged) {
  test(`rpm, hostile: ${name} is a fatal problem`, async () => {
    const result = await analyzed(rpm, PATH, bytes)
    assert.deepEqual(result?.packages, [])
    assert.equal(result?.problems[0]?.weight, 'fatal')
    assert.match(result?.problems[0]?.reason ?? '', reason)
  })
}

for (const { name, build } of FORMATS) {
  test(`rpm, hostile: ${name}, cut off anywhere, is a fatal problem`, async () => {
    const bytes = build(MANY.slice(0, 12))
    for (let length = 0; length < bytes.length; length += 97) {
      const result = await analyzed(rpm, PATH, bytes.subarray(0, length))
      assert.equal(result?.problems[0]?.weight, 'fatal', `${length} of ${bytes.length} bytes`)
    }
  })
}

const nameless = [
  [1000, 6, 'a'],
  [1001, 6, '1'],
  [1002, 6, '1'],
] as const

test('rpm, hostile: a directory that is longer than a path can be owns nothing', async () => {
  const files = 2_000
  const header = headerOf([
    ...nameless,
    [1116, 4, Array.from({ length: files }, () => 0)],
    [1117, 8, Array.from({ length: files }, (_, index) => `${index}`)],
    [1118, 8, [`/usr/bin/${'d'.repeat(1024 ** 2)}/`]],
  ])
  const result = await analyzed(rpm, PATH, sqliteDatabase([header]))
  assert.deepEqual([result?.packages.length, result?.owns], [1, []])
})

test('rpm, hostile: a letter for each file in a directory of 4 kB is looked at only so often', async () => {
  const files = 300_000
  const header = headerOf([
    ...nameless,
    [1116, 4, Array.from({ length: files }, () => 0)],
    [1117, 8, Array.from({ length: files }, () => 'x')],
    [1118, 8, [`/etc/${'d'.repeat(4_000)}/`]],
  ])
  const result = await analyzed(rpm, PATH, sqliteDatabase([header]))
  assert.deepEqual(
    [result?.packages.length, result?.owns, result?.problems.map(({ weight }) => weight)],
    [1, [], ['partial']],
  )
})

test('rpm, hostile: a package in more directories than any is a fatal problem', async () => {
  const header = headerOf([...nameless, [1117, 8, ['x']], [1118, 8, Array.from({ length: 100_001 }, () => '')]])
  const result = await analyzed(rpm, PATH, sqliteDatabase([header]))
  assert.deepEqual(
    result?.problems.map(({ weight }) => weight),
    ['fatal'],
  )
})

test('rpm, hostile: a header of more than 16 MiB is a fatal problem', async () => {
  const result = await analyzed(rpm, PATH, sqliteDatabase([Buffer.alloc(17 * 1024 ** 2)]))
  assert.match(result?.problems[0]?.reason ?? '', /header of more than/)
})

function turned(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function withoutTable(): Buffer {
  const bytes = sqliteDatabase([])
  bytes.write('Packagex', bytes.indexOf('Packages'), 'latin1')
  bytes.write('Packagex', bytes.indexOf('Packages'), 'latin1')
  return bytes
}

interface Roots {
  readonly Packages: number
  readonly Name: number
}

/** Each table's first page, a byte behind its two names in the schema, set to another one. */
function withRoots(chosen: (roots: Roots & { readonly lastOfPackages: number }) => Roots): Buffer {
  const bytes = sqliteDatabase(MANY.slice(0, 12))
  const places = { Packages: bytes.indexOf('PackagesPackages') + 16, Name: bytes.indexOf('NameName') + 8 }
  const roots = { Packages: bytes[places.Packages] ?? 0, Name: bytes[places.Name] ?? 0 }
  const lastOfPackages = bytes.readUInt32BE((roots.Packages - 1) * 4096 + 8)
  const { Packages, Name } = chosen({ ...roots, lastOfPackages })
  bytes[places.Packages] = Packages
  bytes[places.Name] = Name
  return bytes
}

function withoutSlot(): Buffer {
  const bytes = ndbDatabase([rpmHeader(base)])
  return bytes.fill(0, 36, 48)
}

function withoutNumber(): Buffer {
  const bytes = berkeleyDatabase([rpmHeader(base)], 'LE')
  // The key fills the end of page 2.
  return bytes.fill(0, 3 * 4096 - 4, 3 * 4096)
}
