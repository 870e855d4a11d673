import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import type { Analyzer } from '../../src/scanner/analyzers/analyzer.ts'
import { apk } from '../../src/scanner/analyzers/apk.ts'
import { dpkg } from '../../src/scanner/analyzers/dpkg.ts'
import { osRelease } from '../../src/scanner/analyzers/os-release.ts'
import { rpm } from '../../src/scanner/analyzers/rpm.ts'
import type { FoundPackage } from '../../src/scanner/package.ts'
import { analyzed, line } from '../support/analyzed.ts'
import { churn } from '../support/churn.ts'
import { runs } from '../support/fuzz.ts'
import { bareDatabase, fileOf, skipWithoutImages } from '../support/image-layers.ts'
import { berkeleyDatabase, ndbDatabase, rpmHeader, sqliteDatabase } from '../support/rpm-databases.ts'

/** Databases of an operating system, damaged: never an exception, never a hang, and never less than they hold without a word. */

interface Target {
  readonly name: string
  readonly analyzer: Analyzer
  readonly path: string
  readonly bytes: Buffer
  /** Every package says in its header what it must be: one that is told wrongly or not at all has a problem. */
  readonly isSealed: boolean
  /** No package is shorter. */
  readonly leastBytes: number
}

/** Small, so that a million tries are minutes; a few still need pages of their own. */
const HEADERS = Array.from({ length: 12 }, (_, index) =>
  rpmHeader({
    name: `package-${index}`,
    version: '1.0',
    release: '1.el9',
    architecture: 'x86_64',
    epoch: index,
    sourceRpm: `source-${index}-1.0-1.el9.src.rpm`,
    files: Array.from({ length: index * 2 }, (_, file) => `/usr/lib/node_modules/m${file}/package.json`),
  }),
)

const rpmTarget = (name: string, bytes: Buffer): Target => ({
  name,
  analyzer: rpm,
  path: 'var/lib/rpm/Packages',
  bytes,
  isSealed: true,
  leastBytes: 100,
})
const text = (name: string, analyzer: Analyzer, path: string, bytes: Buffer, leastBytes: number): Target => ({
  name,
  analyzer,
  path,
  bytes,
  isSealed: false,
  leastBytes,
})

const STATUS = Array.from(
  { length: 40 },
  (_, index) =>
    `Package: p${index}\nStatus: install ok installed\nVersion: 1.${index}\nSource: s (2)\nDescription: a\n b\n\n`,
).join('')
const INSTALLED = Array.from(
  { length: 40 },
  (_, index) => `C:Q1x=\nP:p${index}\nV:1.${index}-r0\nA:x86_64\no:origin\nF:usr/bin\nR:tool\n\n`,
).join('')

const fixture = (name: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../../src/scanner/analyzers/fixtures/${name}-Packages.gz`, import.meta.url)))
const TARGETS: readonly Target[] = [
  rpmTarget('SQLite', sqliteDatabase(HEADERS, 512)),
  rpmTarget('BerkeleyDB', berkeleyDatabase(HEADERS, 'LE')),
  rpmTarget('BerkeleyDB, big-endian', berkeleyDatabase(HEADERS, 'BE')),
  rpmTarget('NDB', ndbDatabase(HEADERS)),
  rpmTarget('libuuid', fixture('libuuid')),
  rpmTarget('BerkeleyDB in use', fixture('in-use')),
  text('dpkg', dpkg, 'var/lib/dpkg/status', Buffer.from(STATUS), 20),
  text('apk', apk, 'lib/apk/db/installed', Buffer.from(INSTALLED), 8),
  text('os-release', osRelease, 'etc/os-release', Buffer.from('ID="debian"\nVERSION_ID="12"\n'), 1),
]
/** Megabytes each: tried a twentieth as often. */
const LARGE: readonly Target[] = skipWithoutImages
  ? []
  : [
      rpmTarget('almalinux-9', fileOf('almalinux-9-20231124-aarch64-micro', 'var/lib/rpm/rpmdb.sqlite')),
      rpmTarget('almalinux-8, big-endian', fileOf('almalinux-8-20231122-s390x-micro', 'var/lib/rpm/Packages')),
      rpmTarget('sle15', bareDatabase('sle15-bci-Packages.db')),
      rpmTarget('mariner', bareDatabase('cbl-mariner-2.0-rpmdb.sqlite')),
      text('debian-12', dpkg, 'var/lib/dpkg/status', fileOf('debian-12-minbase', 'var/lib/dpkg/status'), 20),
      text('alpine-3.20', apk, 'lib/apk/db/installed', fileOf('alpine-3.20.3', 'lib/apk/db/installed'), 8),
    ]

/** Where structure is dense, in the first pages, as often as anywhere. */
const place = fc.oneof(fc.nat(), fc.nat(300), fc.nat(9_000))
const damage = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('bit' as const), at: place, value: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('byte' as const), at: place, value: fc.nat(255) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('word' as const), at: place, value: fc.nat(0xffffffff) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('copy' as const), at: place, value: fc.nat() }) },
)
type Damage = { readonly kind: 'bit' | 'byte' | 'word' | 'copy'; readonly at: number; readonly value: number }

function damaged(bytes: Buffer, damages: readonly Damage[]): Buffer {
  const copy = Buffer.from(bytes)
  for (const { kind, at, value } of damages) {
    const place = at % copy.length
    if (kind === 'bit') copy[place] = (copy[place] ?? 0) ^ (1 << value)
    else if (kind === 'byte') copy[place] = value
    else if (kind === 'word') copy.writeUInt32BE(value, Math.min(place, copy.length - 4))
    else copy.copyWithin(place, value % copy.length, (value % copy.length) + 64)
  }
  return copy
}

const often = runs(200)
const seldom = { ...often, numRuns: Math.ceil(often.numRuns / 20) }
for (const [targets, times] of [
  [TARGETS, often],
  [LARGE, seldom],
] as const) {
  for (const target of targets) {
    test(`${target.name}, damaged: answers, with the packages it holds or a fatal problem`, async () => {
      const whole = new Set((await analyzed(target.analyzer, target.path, target.bytes))?.packages.map(line))
      const property = fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        const bytes = damaged(target.bytes, damages)
        const result = await analyzed(target.analyzer, target.path, bytes)
        assert.ok(result)
        assert.ok(result.packages.length <= bytes.length / target.leastBytes)
        const isFatal = result.problems.some(({ weight }) => weight === 'fatal')
        if (!target.isSealed || isFatal) return
        // Several at once, or 64 bytes, may take a header's digest away together with what it seals: at least none is missing.
        const isOne = damages.length === 1 && damages[0]?.kind !== 'copy'
        if (isOne) assert.deepEqual(new Set(result.packages.map(line)), whole)
        assert.equal(result.packages.length, whole.size)
      })
      await fc.assert(property, times)
    })

    if (target.analyzer === osRelease) continue
    test(`${target.name}, cut off: a fatal problem, or fewer packages of a text`, async () => {
      // dpkg too takes a last stanza that ends with any of its lines: its name and version are there, or it is refused.
      const named = ({ name, version }: FoundPackage): string => `${name} ${version}`
      const whole = new Set((await analyzed(target.analyzer, target.path, target.bytes))?.packages.map(named))
      const property = fc.asyncProperty(fc.nat(target.bytes.length - 1), async (length) => {
        const result = await analyzed(target.analyzer, target.path, target.bytes.subarray(0, length))
        const isFatal = result?.problems.some(({ weight }) => weight === 'fatal')
        assert.ok(isFatal || !target.isSealed, `${length} bytes`)
        for (const one of result?.packages ?? []) assert.ok(whole.has(named(one)), named(one))
      })
      await fc.assert(property, times)
    })
  }
}

test('whatever bytes follow the first ones of a format, it answers', async () => {
  const starts = TARGETS.map(({ bytes }) => bytes.subarray(0, 100))
  const input = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 3_000 }))
  const property = fc.asyncProperty(input, async ([start, rest]) => {
    for (const { analyzer, path } of TARGETS) {
      const result = await analyzed(analyzer, path, Buffer.concat([start, rest]))
      assert.ok(result)
    }
  })
  await fc.assert(property, runs(200))
})

test('SQLite: after packages have come and gone, those that are left, and each page belongs to something', async () => {
  const settings = fc.record({
    seed: fc.nat(1_000_000),
    steps: fc.integer({ min: 1, max: 120 }),
    pageSize: fc.constantFrom(512, 1024, 4096, 65_536),
    vacuum: fc.constantFrom('NONE', 'FULL', 'INCREMENTAL'),
  })
  const property = fc.asyncProperty(settings, async ({ seed, steps, pageSize, vacuum }) => {
    using database = new DatabaseSync(':memory:')
    database.exec(`PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${vacuum};
      CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
      CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);
      CREATE INDEX 'Name_key_idx' ON 'Name' (key ASC); CREATE INDEX 'Name_hnum_idx' ON 'Name' (hnum);
      CREATE TABLE without_row_ids (key TEXT PRIMARY KEY, hnum INTEGER) WITHOUT ROWID`)
    const changes = churn(seed, steps)
    for (const step of changes.steps) {
      if ('add' in step) {
        const key = `p${step.add}-`.repeat(step.add % 5 === 0 ? 400 : 10)
        database.prepare('INSERT INTO Packages VALUES (?, ?)').run(step.add, step.header)
        database.prepare('INSERT INTO Name VALUES (?, ?, 0)').run(key, step.add)
        database.prepare('INSERT INTO without_row_ids VALUES (?, ?)').run(key, step.add)
      } else {
        for (const table of ['Packages', 'Name', 'without_row_ids'])
          database.prepare(`DELETE FROM ${table} WHERE hnum = ?`).run(step.remove)
      }
    }
    const result = await analyzed(rpm, 'var/lib/rpm/rpmdb.sqlite', database.serialize())
    assert.deepEqual(result?.problems, [])
    assert.deepEqual(result?.packages.map(({ name }) => name).sort(), changes.left)
  })
  await fc.assert(property, seldom)
})
