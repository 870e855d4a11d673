import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { NO_MODULE } from './advisory-index.ts'
import { diffSnapshots } from './diff-snapshots.ts'
import type { ImportOptions, ImportResult } from './import-advisories.ts'
import { importAdvisories } from './import-advisories.ts'
import type { OpenSnapshot } from './open-snapshot.ts'
import { openSnapshot } from './open-snapshot.ts'

const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-advisories-'))
after(() => rmSync(FOLDER, { recursive: true, force: true }))
let made = 0

const V31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'

const osv = (id: string, more: object = {}) => ({
  id,
  modified: '2024-05-01T00:00:00Z',
  aliases: ['CVE-2024-1111'],
  summary: `about ${id}`,
  affected: [
    {
      package: { ecosystem: 'npm', name: 'left-pad' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.3' }] }],
    },
  ],
  ...more,
})

test('OSV: a record comes with its packages, aliases and computed scores', async () => {
  const record = osv('GHSA-aaaa-bbbb-cccc', {
    severity: [{ type: 'CVSS_V3', score: V31 }],
    database_specific: { severity: 'CRITICAL' },
    references: [{ type: 'WEB', url: 'https://example.org/a' }],
    published: '2024-04-01T00:00:00Z',
  })
  using index = await indexOf({ 'a.json': JSON.stringify(record) })
  assert.deepEqual(index.affecting('npm', 'left-pad'), [
    {
      advisory: 'GHSA-aaaa-bbbb-cccc',
      ecosystem: 'npm',
      name: 'left-pad',
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.3' }] }],
      versions: [],
      status: null,
      vendorSeverity: 'CRITICAL',
      module: null,
    },
  ])
  assert.deepEqual(index.advisory('GHSA-aaaa-bbbb-cccc'), {
    id: 'GHSA-aaaa-bbbb-cccc',
    aliases: ['CVE-2024-1111'],
    summary: 'about GHSA-aaaa-bbbb-cccc',
    details: null,
    publishedAt: Date.UTC(2024, 3, 1),
    modifiedAt: Date.UTC(2024, 4, 1),
    source: 'osv',
    references: ['https://example.org/a'],
    scores: [{ source: 'osv:GHSA', version: '3.1', vector: V31, score: 9.8, stated: null }],
    covers: [],
  })
  assert.ok(index.hasEcosystem('npm') && !index.hasEcosystem('PyPI'))
})

test('OSV: aliases make groups through others, a notice makes none', async () => {
  using index = await indexOf({
    'a.jsonl': lines(
      osv('GHSA-1', { aliases: ['CVE-2024-1111'] }),
      osv('PYSEC-1', { aliases: ['CVE-2024-1111', 'OTHER-1'] }),
      osv('UBUNTU-CVE-2024-1111', { aliases: [], upstream: ['CVE-2024-1111'] }),
      osv('DSA-1-1', { aliases: [], related: ['CVE-2024-1111', 'CVE-2024-2222'] }),
      osv('GHSA-2', { aliases: [], related: ['CVE-2024-1111'] }),
    ),
  })
  const group = ['CVE-2024-1111', 'GHSA-1', 'OTHER-1', 'PYSEC-1', 'UBUNTU-CVE-2024-1111']
  for (const id of group) assert.deepEqual(index.aliasGroup(id), group, id)
  assert.deepEqual(index.aliasGroup('DSA-1-1'), ['DSA-1-1'])
  assert.deepEqual(index.advisory('DSA-1-1')?.covers, ['CVE-2024-1111', 'CVE-2024-2222'])
  assert.deepEqual(index.advisory('GHSA-2')?.covers, [])
})

test('OSV: a number where the listed versions should be does not silence the ranges', async () => {
  const affected = [
    {
      package: { ecosystem: 'npm', name: 'left-pad' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }],
      versions: 188,
    },
  ]
  using index = await indexOf({ 'a.jsonl': lines(osv('GHSA-1', { affected })) })
  const [found] = index.affecting('npm', 'left-pad')
  assert.deepEqual([found?.versions, found?.ranges.length], [[], 1])
})

test('OSV: commits are no versions, listed versions stay; several entries for one package stay several', async () => {
  const one = (fixed: string) => ({
    package: { ecosystem: 'PyPI', name: 'Some.Name_x' },
    ranges: [
      { type: 'GIT', repo: 'https://example.org/x', events: [{ introduced: '0' }] },
      { type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] },
    ],
    versions: ['0.9'],
  })
  const onlyCommits = {
    package: { ecosystem: 'OSS-Fuzz', name: 'x' },
    ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }],
  }
  using index = await indexOf({
    'a.json': JSON.stringify(osv('PYSEC-2', { affected: [one('1.0'), one('2.0'), onlyCommits] })),
  })
  const found = index.affecting('PyPI', 'some-name-x')
  assert.equal(found.length, 2)
  assert.deepEqual(found[1]?.ranges, [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2.0' }] }])
  assert.deepEqual(found[0]?.versions, ['0.9'])
  assert.ok(!index.hasEcosystem('OSS-Fuzz'))
})

test('OSV: bug fixes of AlmaLinux are no vulnerabilities; a build of a module names its streams', async () => {
  const affected = [
    {
      package: { ecosystem: 'AlmaLinux:8', name: 'nodejs' },
      ranges: [
        { type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1:16.20.2-3.module_el8.9.0+3731+490e3ab6' }] },
      ],
    },
  ]
  const alsa = osv('ALSA-2024:1', {
    aliases: [],
    related: ['CVE-2024-3333'],
    affected,
    summary: 'Important: nodejs:16 security update',
  })
  const { files, index } = await imported({
    'a.jsonl': lines(alsa, { ...alsa, id: 'ALBA-2024:2' }, { ...alsa, id: 'ALEA-2024:3' }),
  })
  using opened = index
  assert.equal(files[0]?.notVulnerabilities, 2)
  const [first] = opened.affecting('AlmaLinux:8', 'nodejs')
  assert.deepEqual([first?.module, first?.vendorSeverity], ['nodejs:16', 'Important'])
})

test('secdb: fixes, never affected, and the ids that people write', async () => {
  const secdb = {
    distroversion: 'v3.20',
    reponame: 'main',
    packages: [
      {
        pkg: {
          name: 'zlib',
          secfixes: { '0': ['CVE-2026-22184'], '1.3-r1': ['CVE-2026-22184', 'CVE-2024-1111 XSA-1'] },
        },
      },
      {
        pkg: {
          name: 'util',
          secfixes: { '2.0-r0': ['CVE-2017-2616 (+ regression fix)', 'CVE_2019-1234', 'XSA-2', 'CVE-1'] },
        },
      },
    ],
  }
  const { files, index } = await imported({ 'a.json': JSON.stringify(secdb, null, 2) })
  using opened = index
  assert.deepEqual(
    opened.affecting('Alpine:v3.20', 'zlib').map(({ advisory, status, ranges }) => [advisory, status, ranges.length]),
    [
      ['ALPINE-CVE-2024-1111', null, 1],
      ['ALPINE-CVE-2026-22184', 'not_affected', 0],
    ],
  )
  const advisories = opened.affecting('Alpine:v3.20', 'util').map(({ advisory }) => advisory)
  assert.deepEqual(advisories, ['ALPINE-CVE-2017-2616', 'ALPINE-CVE-2019-1234', 'ALPINE-XSA-2'])
  assert.deepEqual(opened.aliasGroup('CVE-2019-1234'), ['ALPINE-CVE-2019-1234', 'CVE-2019-1234'])
  assert.deepEqual(files[0]?.badOnes, [
    { where: 'package util, version 2.0-r0', reason: '"CVE-1" names no vulnerability' },
  ])
})

test('Debian tracker: what is fixed, open, ignored, put off, and not affected', async () => {
  const release = (more: object) => ({ repositories: {}, urgency: 'not yet assigned', ...more })
  const tracker = {
    openssl: {
      'CVE-2024-1': {
        description: 'a hole',
        releases: {
          bookworm: release({ status: 'resolved', fixed_version: '3.0.1-1' }),
          trixie: release({ status: 'resolved', fixed_version: '0' }),
          sid: release({ status: 'open', urgency: 'unimportant' }),
          bullseye: release({ status: 'open', nodsa: 'Minor', nodsa_reason: 'ignored' }),
          buster: release({ status: 'open', nodsa: 'Minor', nodsa_reason: '' }),
          stretch: release({ status: 'undetermined' }),
          potato: release({ status: 'open' }),
        },
      },
    },
    curl: { 'CVE-2024-1': { releases: { bookworm: release({ status: 'new' }) } } },
  }
  const { files, index } = await imported({ 'a.json': JSON.stringify(tracker) })
  using opened = index
  const said = ['12', '13', 'sid', '11', '10', '9'].map((version) => {
    const [first] = opened.affecting(`Debian:${version}`, 'openssl')
    return [first?.status, first?.ranges[0]?.events.length ?? 0, first?.vendorSeverity]
  })
  assert.deepEqual(said, [
    [null, 2, null],
    ['not_affected', 0, null],
    [null, 1, 'unimportant'],
    ['wont_fix', 1, null],
    ['deferred', 1, null],
    ['under_investigation', 1, null],
  ])
  assert.equal(opened.advisory('DEBIAN-CVE-2024-1')?.details, 'a hole')
  assert.deepEqual([files[0]?.records, files[0]?.bad, files[0]?.badOnes[0]?.where], [1, 1, 'curl, CVE-2024-1'])
})

test('scores, words, exploitation and EPSS of a CVE', async () => {
  using index = await indexOf({
    'scores.csv':
      `cve,source,cvss_version,vector,base_score,severity\nCVE-2024-1111,fortinet,3.1,${V31},8.9,HIGH\n` +
      'CVE-2024-1111,someone,3.0,,7.1,HIGH\nCVE-2024-1111,broken,4.0,CVSS:4.0/AV:N,6.0,\nnonsense,x,3.1,,1,\nCVE-2024-1111,huge,3.1,,1e308,\n',
    'meta.csv':
      'cve,state,published,updated,kev,title,description\r\nCVE-2024-1111,PUBLISHED,2024-01-01,2024-02-01,0,"A ""title"", quoted","two\nlines"\r\n' +
      'CVE-2024-2222,REJECTED,,,0,,\r\n',
    'kev.json': JSON.stringify({
      catalogVersion: '2025.08.25',
      dateReleased: '2025-08-25T17:04:19Z',
      vulnerabilities: [{ cveID: 'CVE-2024-1111', dateAdded: '2025-08-25' }, { cveID: 'CVE-2024-1111' }, 7],
    }),
    'epss.csv':
      '#model_version:v2025.03.14,score_date:2025-09-01T12:55:00Z\ncve,epss,percentile\nCVE-2024-1111,0.5,0.99\nCVE-2024-2,2,1\n',
    'older-epss.csv':
      'CVE,CVSS3,EPSS,EPSS Percentile,Description,Vendor,Product\nCVE-2024-1111,9.8,0.1,0.2,"x, y",A,B\n',
  })
  assert.deepEqual(index.cve('CVE-2024-1111'), {
    id: 'CVE-2024-1111',
    title: 'A "title", quoted',
    description: 'two\nlines',
    publishedAt: Date.UTC(2024, 0, 1),
    updatedAt: Date.UTC(2024, 1, 1),
    scores: [
      { source: 'broken', version: '4.0', vector: null, score: 6, stated: null },
      { source: 'fortinet', version: '3.1', vector: V31, score: 9.8, stated: 8.9 },
      { source: 'someone', version: '3.0', vector: null, score: 7.1, stated: null },
    ],
    knownExploitedSince: Date.UTC(2025, 7, 25),
    epss: { probability: 0.5, percentile: 0.99 },
  })
  assert.equal(index.cve('CVE-2024-2222'), null)
})

test('Red Hat VEX: fixed, affected, not affected, by release and module; extended support is another product', async () => {
  using index = await indexOf({ 'vex.json': JSON.stringify(vex()) })
  const said = (ecosystem: string, name: string) =>
    index
      .affecting(ecosystem, name)
      .map(({ status, ranges, module }) => [status, ranges[0]?.events.at(-1) ?? null, module])
  assert.deepEqual(said('Red Hat:8', 'nodejs'), [[null, { fixed: '1:16.20.2-3.module+el8' }, 'nodejs:16']])
  assert.deepEqual(said('Red Hat:9', 'kernel'), [['wont_fix', { introduced: '0' }, NO_MODULE]])
  assert.deepEqual(said('Red Hat:9', 'kernel.src'), [['wont_fix', { introduced: '0' }, NO_MODULE]])
  assert.deepEqual(said('Red Hat:9', 'curl'), [['not_affected', null, NO_MODULE]])
  assert.deepEqual(
    ['openssl.src', 'openssl', 'perl-libs', 'urllib3.src'].map((name) => said('Red Hat:9', name)),
    [
      [[null, { introduced: '0' }, NO_MODULE]],
      [],
      [[null, { introduced: '0' }, 'perl:5.32']],
      [['under_investigation', { introduced: '0' }, NO_MODULE]],
    ],
  )
  assert.equal(index.advisory('REDHAT-CVE-2024-1111')?.scores[0]?.score, 9.8)
})

const packings = [
  { name: 'gzip', pack: (bytes: Buffer) => gzipSync(bytes) },
  { name: 'zstd', pack: (bytes: Buffer) => zstdCompressSync(bytes) },
  { name: 'zip', pack: (bytes: Buffer) => zip({ 'x/GHSA-1.json': bytes, 'x/readme.txt': Buffer.from('no data') }) },
  { name: 'a list', pack: (bytes: Buffer) => Buffer.from(`[ ${bytes} , ${JSON.stringify(osv('GHSA-2'))}]`) },
  { name: 'a BOM', pack: (bytes: Buffer) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]) },
]
for (const { name, pack } of packings) {
  test(`a record in ${name} is found by its content, whatever the file is called`, async () => {
    using index = await indexOf({ 'data.json': pack(Buffer.from(JSON.stringify(osv('GHSA-1')))) })
    assert.equal(index.affecting('npm', 'left-pad')[0]?.advisory, 'GHSA-1')
  })
}

test('the same input gives the same id, also on top of itself; other folders, other order, same id', async () => {
  const [a, b] = [{ 'a.json': JSON.stringify(osv('GHSA-1')) }, { 'b.json': JSON.stringify(osv('GHSA-2')) }]
  const first = await importInto({ ...a, ...b })
  const again = await importInto({ ...a, ...b }, { base: pathOf(first), now: 5 })
  const reverse = await run([write(b), write(a)], {})
  const less = await importInto(a)
  assert.equal(idOf(again), idOf(first))
  assert.equal(idOf(reverse), idOf(first))
  assert.notEqual(idOf(less), idOf(first))
  assert.equal(again.snapshot?.info.sources[0]?.importedAt, 5)
})

test('by date: a changed record replaces, an older one given later does not, a withdrawn one is gone and stays so', async () => {
  const day = (date: number, more: object = {}) =>
    JSON.stringify(osv('GHSA-1', { modified: `2024-05-0${date}T00:00:00Z`, ...more }))
  const two = await importInto({ 'a.json': day(2, { summary: 'two' }) })
  const one = await importInto({ 'a.json': day(1, { summary: 'one' }) }, { base: pathOf(two) })
  assert.deepEqual([idOf(one), one.files[0]?.older], [idOf(two), 1])
  const three = await importInto({ 'a.json': day(3, { withdrawn: '2024-05-03T00:00:00Z' }) }, { base: pathOf(two) })
  const back = await importInto({ 'a.json': day(2) }, { base: pathOf(three) })
  assert.deepEqual([idOf(back), three.files[0]?.withdrawn], [idOf(three), 1])
  using index = openSnapshot(pathOf(back))
  assert.equal(index.advisory('GHSA-1'), null)
  assert.deepEqual([index.affecting('npm', 'left-pad'), index.aliasGroup('CVE-2024-1111')], [[], ['CVE-2024-1111']])
})

test('a branch of secdb replaces the former one, and leaves the other repository', async () => {
  const secdb = (reponame: string, name: string) =>
    JSON.stringify({
      distroversion: 'v3.20',
      reponame,
      packages: [{ pkg: { name, secfixes: { '1-r0': ['CVE-2024-1111'] } } }],
    })
  const first = await importInto({ 'a.json': secdb('main', 'a'), 'b.json': secdb('community', 'b') })
  const second = await importInto({ 'a.json': secdb('main', 'c') }, { base: pathOf(first) })
  using index = openSnapshot(pathOf(second))
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => index.affecting('Alpine:v3.20', name).length),
    [0, 1, 1],
  )
})

test('diffSnapshots: names the packages and CVEs that changed, and no other', async () => {
  const other = osv('GHSA-9', {
    aliases: ['CVE-2024-9999'],
    affected: [{ package: { ecosystem: 'npm', name: 'other' }, versions: ['1'] }],
  })
  const scores = (score: string) =>
    `cve,source,cvss_version,vector,base_score,severity\nCVE-2024-1111,x,3.1,,${score},\n`
  const epss = (epss: string) => `cve,epss,percentile\nCVE-2024-9999,${epss},0.5\n`
  const start = await importInto({
    'a.jsonl': lines(osv('GHSA-1'), other),
    's.csv': scores('9.1'),
    'e.csv': epss('0.1'),
  })
  const on = (files: Record<string, string>) =>
    importInto(files, { base: pathOf(start) }).then((next) => diffSnapshots(pathOf(start), pathOf(next)))
  const leftPad = [{ ecosystem: 'npm', name: 'left-pad' }]
  assert.deepEqual(await on({ 's.csv': scores('9.1') }), { packages: [], cves: new Map() })
  assert.deepEqual(await on({ 's.csv': scores('7.5') }), {
    packages: leftPad,
    cves: new Map([['CVE-2024-1111', ['rescored']]]),
  })
  assert.deepEqual(await on({ 'e.csv': epss('0.2') }), { packages: [], cves: new Map([['CVE-2024-9999', ['epss']]]) })
  const withdrawn = JSON.stringify(osv('GHSA-1', { withdrawn: '2024-06-01T00:00:00Z' }))
  assert.deepEqual(await on({ 'a.json': withdrawn }), {
    packages: leftPad,
    cves: new Map([['CVE-2024-1111', ['gone']]]),
  })
  const fresh = JSON.stringify({ ...other, id: 'GHSA-3', aliases: ['CVE-2024-3'.padEnd(14, '3')] })
  assert.deepEqual(await on({ 'a.json': fresh }), {
    packages: [{ ecosystem: 'npm', name: 'other' }],
    cves: new Map([['CVE-2024-33333', ['new']]]),
  })
})

test('diffSnapshots: what changes at one end of a chain of aliases reaches the other', async () => {
  const far = osv('FAR-1', {
    aliases: ['MID-1'],
    affected: [{ package: { ecosystem: 'npm', name: 'far' }, versions: ['1'] }],
  })
  const bridge = osv('MID-1', { aliases: ['CVE-2024-1111'], affected: [] })
  const scores = (score: string) =>
    `cve,source,cvss_version,vector,base_score,severity\nCVE-2024-1111,x,3.1,,${score},\n`
  const alone = await importInto({ 'a.json': JSON.stringify(far) })
  const joined = await importInto({ 'b.json': JSON.stringify(bridge), 's.csv': scores('9.1') }, { base: pathOf(alone) })
  const rescored = await importInto({ 's.csv': scores('7.1') }, { base: pathOf(joined) })
  for (const [from, to] of [
    [alone, joined],
    [joined, rescored],
    [rescored, alone],
  ] as const)
    assert.deepEqual(diffSnapshots(pathOf(from), pathOf(to)).packages, [{ ecosystem: 'npm', name: 'far' }])
})

test('a folder: what is not called like data is passed over, what cannot be read fails the whole unless told to go on', async () => {
  const files = { 'README.md': 'hello', 'a.json': JSON.stringify(osv('GHSA-1')), 'b.json': '{"hello": 1}' }
  const failed = await importInto(files)
  assert.equal(failed.snapshot, null)
  assert.match(failed.files[2]?.refused ?? '', /none of the shapes/)
  const kept = await importInto(files, { keepGoing: true })
  assert.match(kept.files[0]?.passedOver ?? '', /not called/)
  assert.equal(kept.snapshot?.info.sources[0]?.records, 1)
})

test('a file that is cut off leaves nothing of itself', async () => {
  const base = await importInto({ 'a.json': JSON.stringify(osv('GHSA-1')) })
  const whole = gzipSync(Buffer.from(lines(...Array.from({ length: 20_000 }, (_, n) => osv(`GHSA-x${n}`)))))
  const cut = await importInto(
    { 'a.jsonl.gz': whole.subarray(0, whole.length - 100) },
    { base: pathOf(base), keepGoing: true },
  )
  assert.match(cut.files[0]?.refused ?? '', /cut off/)
  assert.deepEqual([cut.files[0]?.records, cut.snapshot], [0, null])
})

async function indexOf(files: Record<string, string | Buffer>): Promise<OpenSnapshot> {
  return (await imported(files)).index
}

async function imported(files: Record<string, string | Buffer>): Promise<ImportResult & { index: OpenSnapshot }> {
  const result = await importInto(files)
  return { ...result, index: openSnapshot(pathOf(result)) }
}

function importInto(
  files: Record<string, string | Buffer>,
  options: Partial<ImportOptions> = {},
): Promise<ImportResult> {
  return run([write(files)], options)
}

function run(paths: readonly string[], options: Partial<ImportOptions>): Promise<ImportResult> {
  return importAdvisories({ base: null, folder: join(FOLDER, `out${made++}`), now: 1, ...options, paths })
}

function write(files: Record<string, string | Buffer>): string {
  const folder = join(FOLDER, `in${made++}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  assert.equal(readdirSync(folder).length, Object.keys(files).length)
  return folder
}

function pathOf({ snapshot, files }: ImportResult): string {
  assert.ok(snapshot, JSON.stringify(files))
  return snapshot.path
}

function idOf({ snapshot }: ImportResult): string | undefined {
  return snapshot?.info.id
}

function lines(...records: readonly object[]): string {
  return `${records.map((record) => JSON.stringify(record)).join('\n')}\n`
}

/** As every zip program writes it: deflated, one directory at the end. */
function zip(files: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, bytes] of Object.entries(files)) {
    const [packed, path] = [deflateRawSync(bytes), Buffer.from(name)]
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(path.length, 22)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, path)
    const entry = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, path, packed])
    parts.push(entry)
    offset += entry.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(Object.keys(files).length, 8)
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}

function vex(): object {
  const product = (id: string, helper: object) => ({
    name: id,
    product: { name: id, product_id: id, product_identification_helper: helper },
  })
  const relationship = (release: string, reference: string) => ({
    category: 'default_component_of',
    full_product_name: { name: 'x', product_id: `${release}:${reference}` },
    product_reference: reference,
    relates_to_product_reference: release,
  })
  return {
    document: {
      category: 'csaf_vex',
      title: 'a hole',
      publisher: { name: 'Red Hat Product Security' },
      tracking: { id: 'CVE-2024-1111', current_release_date: '2024-06-01T00:00:00Z' },
      aggregate_severity: { text: 'Important' },
    },
    product_tree: {
      branches: [
        {
          branches: [
            product('AppStream-8', { cpe: 'cpe:/a:redhat:enterprise_linux:8::appstream' }),
            product('AppStream-8.6.EUS', { cpe: 'cpe:/a:redhat:rhel_eus:8.6::appstream' }),
            product('red_hat_enterprise_linux_9', { cpe: 'cpe:/o:redhat:enterprise_linux:9' }),
            product('nodejs-16', {
              purl: 'pkg:rpm/redhat/nodejs@16.20.2-3.module%2Bel8?arch=x86_64&epoch=1&rpmmod=nodejs:16:8090:abc',
            }),
            product('openssl', { purl: 'pkg:rpm/redhat/openssl?arch=src' }),
          ],
        },
      ],
      relationships: [
        relationship('AppStream-8', 'nodejs-16'),
        relationship('AppStream-8.6.EUS', 'nodejs-16'),
        relationship('red_hat_enterprise_linux_9', 'kernel'),
        relationship('red_hat_enterprise_linux_9', 'curl'),
        relationship('red_hat_enterprise_linux_9', 'openssl'),
        relationship('red_hat_enterprise_linux_9', 'perl-libs::perl:5.32'),
        relationship('red_hat_enterprise_linux_9', 'urllib3.src'),
      ],
    },
    vulnerabilities: [
      {
        cve: 'CVE-2024-1111',
        product_status: {
          fixed: ['AppStream-8:nodejs-16', 'AppStream-8.6.EUS:nodejs-16'],
          known_affected: ['kernel', 'openssl', 'perl-libs::perl:5.32'].map((id) => `red_hat_enterprise_linux_9:${id}`),
          under_investigation: ['red_hat_enterprise_linux_9:urllib3.src'],
          known_not_affected: ['red_hat_enterprise_linux_9:curl'],
        },
        remediations: [
          { category: 'no_fix_planned', details: 'Will not fix', product_ids: ['red_hat_enterprise_linux_9:kernel'] },
        ],
        scores: [{ cvss_v3: { vectorString: V31, baseScore: 9.8 }, products: [] }],
      },
    ],
  }
}
