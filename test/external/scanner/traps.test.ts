import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { OpenSnapshot } from '../../../src/scanner/advisories/open-snapshot.ts'
import type { InventoryPackage } from '../../../src/scanner/facts.ts'
import type { Finding } from '../../../src/scanner/finding.ts'
import { match } from '../../../src/scanner/matching/match.ts'
import { skipWithoutImages } from '../../support/image-layers.ts'
import { resultOf, snapshotOfAll, TODAY, verdictOnImage } from './world.ts'

/** What other scanners fall for, each on real data: the numbers are those of `scanning.md` 3. */

const skip = { skip: skipWithoutImages }
let index: OpenSnapshot

before(async () => {
  if (!skipWithoutImages) index = await snapshotOfAll()
})

test('1 backports: what dpkg owns answers to Debian only, what was installed by hand to PyPI', skip, async () => {
  const findings = await findingsOf('debian-12-os-owned-langs')
  const languages = findings.filter((one) => one.package.type !== 'deb')
  assert.deepEqual([...new Set(languages.map((one) => one.package.path))], [JINJA])
  assert.equal(languages.length, 4)
})
const JINJA = 'usr/local/lib/python3.11/dist-packages/Jinja2-2.10.dist-info/METADATA'

test('2 source and binary: the version of the source counts, under its name', skip, async () => {
  const findings = await findingsOf('debian-11-fat')
  const bySource = findings.filter((one) => one.package.source && one.package.source.name !== one.package.name)
  assert.ok(bySource.length > 100, `${bySource.length}`)
  const rebuilt = {
    source: { name: 'zlib', version: '1:1.2.11.dfsg-2+deb11u2' },
    version: '1:1.2.11.dfsg-2+deb11u2+b1',
  }
  const of = (version: string) =>
    judged({ type: 'deb', name: 'zlib1g', ...rebuilt, source: { name: 'zlib', version } }, DEBIAN)
  assert.deepEqual(
    of('1:1.2.11.dfsg-2+deb11u2').filter((id) => id === 'CVE-2022-37434'),
    [],
  )
  assert.ok(of('1:1.2.11.dfsg-2+deb11u1').includes('CVE-2022-37434'))
})

test('3 bug fixes in a security feed: no ALBA, no ALEA', skip, () => {
  const ids = new Set(
    ALMALINUX_NAMES.flatMap((name) => index.affecting('AlmaLinux:8', name).map(({ advisory }) => advisory)),
  )
  assert.ok(ids.size > 20)
  assert.deepEqual(
    [...ids].filter((id) => !id.startsWith('ALSA-')),
    [],
  )
})
const ALMALINUX_NAMES = ['glibc', 'kernel', 'openssl', 'bash', 'systemd', 'curl', 'nodejs', 'python3']

test('4 fix version 0 wins over a real one of the same CVE', skip, () => {
  const said = index.affecting('Alpine:edge', 'zlib').filter(({ advisory }) => advisory === 'ALPINE-CVE-2026-22184')
  assert.deepEqual(
    said.map(({ status }) => status),
    ['not_affected'],
  )
  assert.ok(!judged({ type: 'apk', name: 'zlib', version: '1.3.1-r1' }, EDGE).includes('CVE-2026-22184'))
})

test('5 trash in secdb: ids with remarks and misspellings are the ids they mean', skip, () => {
  // "CVE-2017-2616 (+ regression fix)", "CVE_2019-2426", and one that is no CVE.
  assert.ok(ids('Alpine:v3.6', 'shadow').includes('ALPINE-CVE-2017-2616'))
  assert.ok(ids('Alpine:v3.10', 'openjdk7').includes('ALPINE-CVE-2019-2426'))
  assert.ok(ids('Alpine:v3.20', 'busybox').some((id) => id.endsWith('ALPINE-13661')))
  for (const name of ['xen', 'busybox', 'openssl', 'shadow', 'curl', 'openjdk7'])
    for (const id of ids('Alpine:v3.10', name)) assert.match(id, /^[A-Z]+-[A-Z0-9-]+$/i)
})

test('6 edge: an image that follows it answers to it', skip, async () => {
  const findings = await findingsOf('alpine-20240923')
  assert.equal(findings.length, 95)
})

test('7 modules: a build is compared within its stream', skip, () => {
  const of = (module: string | null) =>
    judged({ type: 'rpm', name: 'nodejs', version: '1:16.1.0-1.module_el8.5.0+1+1', module }, ALMALINUX)
  const [sixteen, eighteen, none] = [of('nodejs:16:1:a'), of('nodejs:18:1:a'), of(null)]
  assert.ok(sixteen.length > 0)
  assert.ok(eighteen.length > 0)
  assert.notDeepEqual(sixteen, eighteen)
  assert.deepEqual(none, [])
})

test('8 a big-endian BerkeleyDB is read, not empty', skip, async () => {
  assert.equal((await findingsOf('almalinux-8-20230523-s390x-micro')).length, 38)
})

test('9 a database in write-ahead mode is read, not empty', skip, async () => {
  assert.equal((await findingsOf('almalinux-9-20220507-aarch64-micro')).length, 36)
})

test(
  '10 the base score is computed from the vector; what is stated (here the temporal one) stands beside it',
  skip,
  () => {
    const said = index.cve('CVE-2021-42756')?.scores.find(({ source }) => source === 'fortinet')
    assert.deepEqual([said?.score, said?.stated], [9.8, 9.3])
  },
)

test('11 several entries of one package in one record: each line is found', skip, async () => {
  const findings = await findingsOf('lang-demo')
  const databind = findings.filter((one) => one.package.name === 'jackson-databind')
  assert.ok(databind.length > 30, `${databind.length}`)
  assert.ok(databind.every(({ fixedVersion }) => fixedVersion === null || fixedVersion.startsWith('2.')))
})

test('12 aliases are one finding; what a notice covers is not its alias', skip, async () => {
  const findings = await findingsOf('lang-demo')
  const keys = findings.map((one) => `${one.package.path} ${one.package.name} ${one.id}`)
  assert.equal(new Set(keys).size, keys.length)
  const notices = (await findingsOf('almalinux-9-20220507-aarch64-micro')).filter(({ covers }) => covers.length > 1)
  assert.ok(notices.length > 0)
  for (const { id, aliases } of notices) assert.deepEqual([id.slice(0, 5), aliases], ['ALSA-', []])
})

test('13 withdrawn records are not there', skip, () => {
  const withdrawn = ['GO-2024-2442', 'RUSTSEC-2020-0053', 'PYSEC-2020-221']
  assert.deepEqual(
    withdrawn.map((id) => index.advisory(id)),
    [null, null, null],
  )
})

test('14 without an end: affected, and no fix is promised', skip, async () => {
  const open = (await findingsOf('lang-demo')).filter(({ fixedVersion }) => fixedVersion === null)
  assert.ok(open.length > 0)
  assert.ok(open.every(({ fixable, recommendations }) => !fixable && recommendations.length > 0))
})

test('15 an end of life is said', skip, async () => {
  const { problems } = resultOf(await verdictOnImage('alpine-3.10.9', index))
  assert.match(problems.map(({ reason }) => reason).join(), /no longer supported \(since 2021-05-01\)/)
  const silent = await verdictOnImage('alpine-3.17.10', index)
  assert.equal(silent.status, 'unknown') // nobody's advisories at hand are of 3.17
})

function ids(ecosystem: string, name: string): string[] {
  return index.affecting(ecosystem, name).map(({ advisory }) => advisory)
}

async function findingsOf(image: string): Promise<readonly Finding[]> {
  return resultOf(await verdictOnImage(image, index)).findings
}

const DEBIAN = { id: 'debian', versionId: '11' }
const EDGE = { id: 'alpine', versionId: '3.21.0_alpha20240923' }
const ALMALINUX = { id: 'almalinux', versionId: '8.9' }

function judged(
  one: Pick<InventoryPackage, 'type' | 'name' | 'version'> & Partial<InventoryPackage>,
  os: { readonly id: string; readonly versionId: string },
): string[] {
  const rest = { namespace: null, source: null, architecture: null, module: null, path: 'db', doubt: null }
  const place = { layer: 'sha256:0', osOwned: false }
  const inventory = {
    os: { idLike: [], codename: null, prettyName: null, hints: {}, ...os },
    packages: [{ ...rest, ...place, ...one }],
    problems: [],
  }
  return match(inventory, index, { today: TODAY, lowestLayer: null }).findings.map(({ id }) => id)
}
