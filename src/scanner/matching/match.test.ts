import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexOf, score } from '../../../test/support/advisory-fixture.ts'
import { ANY_MODULE, NO_MODULE } from '../advisories/advisory-index.ts'
import type { Inventory, InventoryPackage, OsRelease, Problem } from '../facts.ts'
import { match } from './match.ts'
import { verdictOn } from './verdict.ts'

const TODAY = Date.UTC(2026, 10, 25)

function one(given: Partial<InventoryPackage> & Pick<InventoryPackage, 'type' | 'name' | 'version'>): InventoryPackage {
  return {
    namespace: null,
    source: null,
    architecture: null,
    module: null,
    path: `${given.name}/marker`,
    doubt: null,
    layer: 'base',
    osOwned: false,
    ...given,
  }
}

const system = (id: string, versionId: string | null): OsRelease => ({
  id,
  versionId,
  idLike: [],
  codename: null,
  prettyName: null,
})

function image(
  packages: readonly InventoryPackage[],
  os: OsRelease | null = null,
  problems: readonly Problem[] = [],
): Inventory {
  return { os: os && { ...os, hints: {} }, packages, problems }
}

function found(packages: readonly InventoryPackage[], index: ReturnType<typeof indexOf>, os: OsRelease | null = null) {
  return match(image(packages, os), index, { today: TODAY, lowestLayer: 'base' })
}

const lodash = one({ type: 'npm', name: 'lodash', version: '4.17.10' })
const until = (fixed: string) => [{ introduced: '0' }, { fixed }]

test('match: records of one flaw are one finding, under the CVE, with every score and the highest exposed', () => {
  const index = indexOf(
    [
      {
        id: 'GHSA-1',
        ecosystem: 'npm',
        name: 'lodash',
        events: until('4.17.12'),
        aliases: ['CVE-2019-1'],
        scores: [score(6.5, 'GHSA')],
      },
      { id: 'NSWG-1', ecosystem: 'npm', name: 'lodash', events: until('4.17.11'), aliases: ['CVE-2019-1'] },
      { id: 'GHSA-2', ecosystem: 'npm', name: 'lodash', events: until('4.17.5'), aliases: ['CVE-2018-1'] },
    ],
    [{ id: 'CVE-2019-1', scores: [score(9.1, 'nvd'), score(7.4, 'CNA')], epss: { probability: 0.5, percentile: 0.9 } }],
  )
  const { findings } = found([lodash], index)
  assert.equal(findings.length, 1)
  const [finding] = findings
  assert.deepEqual([finding?.id, finding?.aliases], ['CVE-2019-1', ['GHSA-1', 'NSWG-1']])
  assert.deepEqual(
    [finding?.score, finding?.severity, finding?.fixable, finding?.fixedVersion],
    [9.1, 'critical', true, '4.17.12'],
  )
  assert.deepEqual(
    finding?.scores.map(({ source }) => source),
    ['nvd', 'CNA', 'GHSA'],
  )
  assert.equal(finding?.epss?.probability, 0.5)
  assert.match(finding?.recommendations[0] ?? '', /Upgrade lodash to 4\.17\.12/)
})

test('match: a bundle of CVEs is not the same flaw as any of them, but has their scores', () => {
  const index = indexOf(
    [{ id: 'ALSA-1', ecosystem: 'AlmaLinux:9', name: 'zlib', events: until('1.2.12-1'), covers: ['CVE-1', 'CVE-2'] }],
    [
      { id: 'CVE-1', scores: [score(5)] },
      { id: 'CVE-2', scores: [score(8.1)], knownExploitedSince: 1 },
    ],
  )
  const { findings } = found(
    [one({ type: 'rpm', name: 'zlib', version: '1.2.11-31.el9' })],
    index,
    system('almalinux', '9.3'),
  )
  assert.deepEqual(
    findings.map(({ id, covers, score: worst }) => ({ id, covers, worst })),
    [{ id: 'ALSA-1', covers: ['CVE-1', 'CVE-2'], worst: 8.1 }],
  )
  assert.match(findings[0]?.recommendations[0] ?? '', /known to be exploited/)
})

const zlib = one({ type: 'deb', name: 'zlib1g', version: '1:1.2.13+b1', source: { name: 'zlib', version: '1:1.2.13' } })
const debian = system('debian', '12')

test('match: Debian is asked for the source and its version', () => {
  const index = indexOf([{ id: 'CVE-1', ecosystem: 'Debian:12', name: 'zlib', events: until('1:1.2.13') }])
  assert.deepEqual(
    found([zlib], index, debian).findings,
    [],
    'the binary version is above, the source is the fixed one',
  )
})

test('match: what the vendor says does not apply wins over every other record of the flaw', () => {
  const index = indexOf([
    { id: 'CVE-1', ecosystem: 'Alpine:v3.20', name: 'zlib', events: until('2') },
    { id: 'CVE-1x', ecosystem: 'Alpine:v3.20', name: 'zlib', status: 'not_affected', aliases: ['CVE-1'] },
  ])
  const apk = one({ type: 'apk', name: 'zlib', version: '1.3-r1' })
  assert.deepEqual(found([apk], index, system('alpine', '3.20.1')).findings, [])
})

test('match: packages that the OS owns answer to nobody else', () => {
  const index = indexOf([{ id: 'CVE-1', ecosystem: 'npm', name: 'lodash', events: until('5.0.0') }])
  assert.deepEqual(found([{ ...lodash, osOwned: true }], index).findings, [])
})

test('match: a package of a module is compared within its stream', () => {
  const index = indexOf([
    { id: 'ALSA-14', ecosystem: 'AlmaLinux:8', name: 'nodejs', events: until('1:14.21.3-1'), module: 'nodejs:14' },
    { id: 'ALSA-16', ecosystem: 'AlmaLinux:8', name: 'nodejs', events: until('1:16.19.1-1'), module: 'nodejs:16' },
  ])
  const node = one({
    type: 'rpm',
    name: 'nodejs',
    version: '1:14.20.0-1',
    module: 'nodejs:14:8060020220523160029:ad008a3a',
  })
  assert.deepEqual(
    found([node], index, system('almalinux', '8.6')).findings.map(({ id }) => id),
    ['ALSA-14'],
  )
})

const streams = [
  { name: 'of its stream', module: 'perl:5.24', label: 'perl:5.24:1:a', found: true },
  { name: 'of another stream', module: 'perl:5.30', label: 'perl:5.24:1:a', found: false },
  { name: 'of a module not named', module: ANY_MODULE, label: 'perl:5.24:1:a', found: true },
  { name: 'of no module', module: NO_MODULE, label: 'perl:5.24:1:a', found: false },
  { name: 'of a stream, for a package of none', module: 'perl:5.24', label: null, found: false },
  { name: 'of a module not named, for a package of none', module: ANY_MODULE, label: null, found: false },
  { name: 'of no module, for a package of none', module: NO_MODULE, label: null, found: true },
]
for (const { name, module, label, found: isFound } of streams) {
  test(`match: an entry ${name}`, () => {
    const index = indexOf([
      { id: 'ALSA-1', ecosystem: 'AlmaLinux:8', name: 'perl', events: until('4:5.26.3-420.el8'), module },
    ])
    const perl = one({ type: 'rpm', name: 'perl', version: '4:5.24.4-404.module_el8.6.0+1+1', module: label })
    assert.equal(found([perl], index, system('almalinux', '8.6')).findings.length, Number(isFound))
  })
}

test('match: a vendor of rpm names the source; a flaw said of both names is told once', () => {
  const ssl = one({
    type: 'rpm',
    name: 'openssl-libs',
    version: '1:3.0.7-1',
    source: { name: 'openssl', version: '1:3.0.7-1' },
  })
  const index = indexOf([
    {
      id: 'REDHAT-CVE-1',
      ecosystem: 'Red Hat:9',
      name: 'openssl.src',
      events: [{ introduced: '0' }],
      aliases: ['CVE-1'],
    },
    {
      id: 'RHSA-1',
      ecosystem: 'Red Hat:9',
      name: 'openssl-libs',
      events: until('1:3.0.7-9'),
      aliases: ['CVE-1'],
    },
    { id: 'RHSA-2', ecosystem: 'Red Hat:9', name: 'openssl', events: until('1:3.0.7-9'), aliases: ['CVE-2'] },
  ])
  const { findings } = found([ssl], index, system('rhel', '9.4'))
  assert.deepEqual(
    findings.map(({ id, fixedVersion }) => [id, fixedVersion]),
    [['CVE-1', '1:3.0.7-9']],
  )
})

const idCases = [
  { id: 'ALPINE-CVE-2024-1', aliases: ['CVE-2024-1'], want: ['CVE-2024-1', 'ALPINE-CVE-2024-1'] },
  { id: 'ALPINE-XSA-7', aliases: ['XSA-7'], want: ['XSA-7', 'ALPINE-XSA-7'] },
  { id: 'DEBIAN-TEMP-1-2', aliases: ['TEMP-1-2'], want: ['TEMP-1-2', 'DEBIAN-TEMP-1-2'] },
  { id: 'GHSA-b', aliases: ['GHSA-a'], want: ['GHSA-b', 'GHSA-a'] },
]
for (const { id, aliases, want } of idCases) {
  test(`match: ${id} is shown as ${want[0]}`, () => {
    const index = indexOf([{ id, ecosystem: 'Debian:12', name: 'zlib', events: [{ introduced: '0' }], aliases }])
    assert.deepEqual(
      found([zlib], index, debian).findings.map((finding) => [finding.id, ...finding.aliases]),
      [want],
    )
  })
}

test('match: words alone give a severity and no score; nothing at all is unknown, never none', () => {
  const index = indexOf([
    { id: 'CVE-1', ecosystem: 'Debian:12', name: 'zlib', vendorSeverity: 'Important', events: [{ introduced: '0' }] },
    {
      id: 'CVE-2',
      ecosystem: 'Debian:12',
      name: 'zlib',
      vendorSeverity: 'not yet assigned',
      events: [{ introduced: '0' }],
      status: 'wont_fix',
    },
  ])
  const { findings } = found([zlib], index, debian)
  assert.deepEqual(
    findings.map(({ id, score: number, severity, fixable, status }) => ({ id, number, severity, fixable, status })),
    [
      { id: 'CVE-1', number: null, severity: 'high', fixable: false, status: null },
      { id: 'CVE-2', number: null, severity: 'unknown', fixable: false, status: 'wont_fix' },
    ],
  )
  assert.match(findings[1]?.recommendations[0] ?? '', /no fix will come/)
})

test('match: a version that cannot be compared is told, not passed over', () => {
  const index = indexOf([{ id: 'GHSA-1', ecosystem: 'npm', name: 'lodash', events: [{ introduced: '1.0.0' }] }])
  const { findings, cannotTell } = found([{ ...lodash, version: 'latest' }], index)
  assert.deepEqual(findings, [])
  assert.match(cannotTell[0]?.reason ?? '', /version latest cannot be compared with those of GHSA-1/)
})

test('match: an OS at its end says so', () => {
  const index = indexOf([{ id: 'CVE-1', ecosystem: 'Alpine:v3.10', name: 'zlib', events: until('1') }])
  const apk = one({ type: 'apk', name: 'zlib', version: '1.3-r1' })
  assert.match(
    found([apk], index, system('alpine', '3.10.9')).problems[0]?.reason ?? '',
    /no longer supported \(since 2021-05-01\)/,
  )
})

test('match: an OS of which no package was found says so', () => {
  const index = indexOf([{ id: 'CVE-1', ecosystem: 'npm', name: 'lodash', events: until('9.0.0') }])
  const reasons = (os: OsRelease | null, packages = [lodash]) =>
    found(packages, index, os).problems.map(({ reason }) => reason)
  assert.deepEqual(reasons(system('arch', null)), [
    'no package of arch was found: nothing of the system itself was judged',
  ])
  assert.deepEqual(reasons(null), [])
})

test('match: archives of Java without a group are counted, since advisories go by it', () => {
  const index = indexOf([{ id: 'CVE-1', ecosystem: 'Maven', name: 'a:b', events: until('9') }])
  const jar = one({ type: 'maven', name: 'b', version: '1' })
  const { problems } = found([jar, { ...jar, namespace: 'a' }, { ...jar, osOwned: true }], index)
  assert.deepEqual(
    problems.map(({ reason }) => reason),
    ['archives of Java that do not say of which group they are: 1; no advisory on them can be found'],
  )
})

const about = { today: TODAY, lowestLayer: 'base' }
const fatal: Problem = {
  path: 'var/lib/rpm/Packages',
  where: 'rpm',
  reason: 'the database is damaged',
  weight: 'fatal',
}
const some = indexOf([{ id: 'CVE-1', ecosystem: 'npm', name: 'other', events: until('1.0.0') }])

const verdicts = [
  {
    name: 'nothing in it',
    inventory: image([]),
    index: some,
    status: 'unknown',
    why: /neither an operating system nor packages/,
  },
  {
    name: 'an OS without packages',
    inventory: image([], debian),
    index: some,
    status: 'unknown',
    why: /no packages were found/,
  },
  {
    name: 'an unreadable database',
    inventory: image([lodash], debian, [fatal]),
    index: some,
    status: 'unknown',
    why: /Packages: the database is damaged/,
  },
  { name: 'no advisories', inventory: image([lodash]), index: null, status: 'unknown', why: /no advisories yet/ },
  {
    name: 'none for its OS',
    inventory: image([zlib], debian),
    index: some,
    status: 'unknown',
    why: /none for Debian:12/,
  },
  {
    name: 'an OS nobody answers for',
    inventory: image([zlib], system('arch', null)),
    index: some,
    status: 'unknown',
    why: /no advisories for arch/,
  },
] as const

for (const { name, inventory, index, status, why } of verdicts) {
  test(`verdictOn: ${name}`, () => {
    const verdict = verdictOn(inventory, index, about)
    assert.equal(verdict.status, status)
    assert.match('reason' in verdict ? verdict.reason : '', why)
  })
}

test('verdictOn: looked at and nothing found', () => {
  const verdict = verdictOn(image([lodash]), some, about)
  assert.equal(verdict.status, 'scanned')
})
