import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { judgePackage } from '../matching/judge-package.ts'
import { importAdvisories } from './import-advisories.ts'
import type { OpenSnapshot } from './open-snapshot.ts'
import { openSnapshot } from './open-snapshot.ts'

/** Forms of records that are rare and legal, and what they say of a package. */

const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-forms-'))
after(() => rmSync(FOLDER, { recursive: true, force: true }))
let made = 0

async function indexOf(...records: readonly object[]): Promise<OpenSnapshot> {
  const folder = join(FOLDER, `${made++}`)
  mkdirSync(folder)
  for (const [index, record] of records.entries())
    writeFileSync(join(folder, `${index}.json`), JSON.stringify(record, null, 1))
  const { snapshot, files } = await importAdvisories({
    paths: [folder],
    base: null,
    folder: join(folder, 'out'),
    now: 1,
  })
  assert.ok(snapshot, JSON.stringify(files))
  return openSnapshot(snapshot.path)
}

const MODIFIED = { modified: '2024-05-01T00:00:00Z' }
const LOW = 'CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N'
const HIGH = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'

/** `until`: null is without an end. */
function affected(ecosystem: string, name: string, until: string | null, more: object = {}): object {
  const events = [...(until === null ? [] : [{ fixed: until }]), { introduced: '0' }]
  return { package: { ecosystem, name }, ranges: [{ type: 'ECOSYSTEM', events }], ...more }
}

const osv = (id: string, entries: readonly object[], more: object = {}) => ({
  id,
  ...MODIFIED,
  affected: entries,
  ...more,
})

/** Ids, with the fix or null. */
function said(index: OpenSnapshot, ecosystem: string, name: string, version: string, module: string | null = null) {
  const { findings, cannotTell } = judgePackage([{ ecosystem, name, version, module }], index)
  assert.deepEqual(cannotTell, [])
  return findings.map(({ id, fixedVersion }) => [id, fixedVersion])
}

test('Ubuntu: what is fixed with Pro is fixed, though the release alone has no fix', async () => {
  using index = await indexOf(
    osv('UBUNTU-CVE-2025-1111', [
      affected('Ubuntu:22.04:LTS', 'vips', null, { versions: ['8.12.1-1'] }),
      affected('Ubuntu:Pro:22.04:LTS', 'vips', '8.12.1-1ubuntu0.1~esm1'),
      affected('Ubuntu:24.04:LTS', 'vips', null),
      affected('Ubuntu:Pro:FIPS-updates:22.04:LTS', 'vips', '1'),
    ]),
  )
  assert.deepEqual(said(index, 'Ubuntu:22.04', 'vips', '8.12.1-1'), [['CVE-2025-1111', '8.12.1-1ubuntu0.1~esm1']])
  assert.deepEqual(said(index, 'Ubuntu:22.04', 'vips', '8.12.1-1ubuntu0.1~esm1'), [])
  assert.deepEqual(said(index, 'Ubuntu:24.04', 'vips', '8.15'), [['CVE-2025-1111', null]])
})

test('a distribution without its release is each of its releases', async () => {
  using index = await indexOf(
    osv('X-1', [affected('Debian', 'a', '2')]),
    osv('X-2', [affected('AlmaLinux', 'a', '2'), affected('Rocky Linux', 'a', '2')]),
  )
  for (const ecosystem of ['Debian:8', 'Debian:12', 'Debian:sid', 'AlmaLinux:9', 'Rocky Linux:8']) {
    assert.ok(index.hasEcosystem(ecosystem), ecosystem)
    assert.equal(said(index, ecosystem, 'a', '1').length, 1, ecosystem)
    assert.equal(said(index, ecosystem, 'a', '2').length, 0, ecosystem)
  }
})

test('where a package comes from does not change its name', async () => {
  using index = await indexOf(
    osv('X-1', [affected('Packagist:https://packages.drupal.org/8', 'drupal/token', '1.2.0')]),
    osv('X-2', [affected('Maven:https://maven.google.com', 'androidx.core:core', '1.2.0')]),
  )
  assert.deepEqual(said(index, 'Packagist', 'drupal/token', '1.1.0'), [['X-1', '1.2.0']])
  assert.deepEqual(said(index, 'Maven', 'androidx.core:core', '1.1.0'), [['X-2', '1.2.0']])
})

test('a severity beside a package is of that package alone', async () => {
  const severity = (score: string) => ({ severity: [{ type: 'CVSS_V3', score }] })
  using index = await indexOf(
    osv('X-1', [affected('npm', 'a', '2.0.0', severity(LOW)), affected('npm', 'b', '2.0.0', severity(HIGH))]),
  )
  const scoresOf = (name: string) =>
    judgePackage([{ ecosystem: 'npm', name, version: '1.0.0', module: null }], index).findings.map(
      ({ score, scores }) => [score, scores.length],
    )
  assert.deepEqual([scoresOf('a'), scoresOf('b')], [[[3.5, 1]], [[9.8, 1]]])
})

test("Debian's urgency in OSV form", async () => {
  const urgency = (word: string) => ({ ecosystem_specific: { urgency: word } })
  using index = await indexOf(
    osv('DEBIAN-CVE-2024-1111', [
      affected('Debian:12', 'a', null, urgency('unimportant')),
      affected('Debian:13', 'a', null, urgency('not yet assigned')),
    ]),
  )
  const words = ['12', '13'].map((release) => index.affecting(`Debian:${release}`, 'a')[0]?.vendorSeverity)
  assert.deepEqual(words, ['unimportant', null])
})

const product = (id: string, helper: object) => ({
  category: 'product_version',
  name: id,
  product: { name: id, product_id: id, product_identification_helper: helper },
})
const part = (reference: string, of: string) => ({
  category: 'default_component_of',
  full_product_name: { name: reference, product_id: `${of}:${reference}` },
  product_reference: reference,
  relates_to_product_reference: of,
})
const STREAM = 'httpd:2.4:8070020230131172653:bd1311ed'
const BUILD = '2.4.37-51.module+el8.7.0+18026+7b169787.1'

test('Red Hat: a package of a module of a release; a build that is not affected is not all of them', async () => {
  using index = await indexOf({
    document: {
      category: 'csaf_vex',
      title: 'a hole',
      publisher: { name: 'Red Hat Product Security' },
      tracking: { id: 'CVE-2023-25690', current_release_date: '2024-06-01T00:00:00Z' },
    },
    product_tree: {
      branches: [
        {
          name: 'Red Hat',
          category: 'vendor',
          branches: [
            product('AppStream-8', { cpe: 'cpe:/a:redhat:enterprise_linux:8::appstream' }),
            product('BaseOS-9', { cpe: 'cpe:/o:redhat:enterprise_linux:9::baseos' }),
            product(STREAM, { purl: `pkg:rpmmod/redhat/${STREAM.replace(':', '@')}` }),
            product('httpd-build', { purl: `pkg:rpm/redhat/httpd@${BUILD.replaceAll('+', '%2B')}?arch=x86_64` }),
            product('curl-old', { purl: 'pkg:rpm/redhat/curl@7.76.1-1.el9?arch=x86_64' }),
            product('curl-new', { purl: 'pkg:rpm/redhat/curl@7.76.1-23.el9?arch=x86_64' }),
            product('wget', { purl: 'pkg:rpm/redhat/wget@1-1.el9?arch=x86_64' }),
          ],
        },
      ],
      relationships: [
        part('httpd-build', `AppStream-8:${STREAM}`),
        part(STREAM, 'AppStream-8'),
        ...['curl-old', 'curl-new', 'wget'].map((name) => part(name, 'BaseOS-9')),
        // Nobody's: relationships that go in circles.
        part('curl-old', 'circle:curl-old'),
        { ...part('x', 'y'), full_product_name: { product_id: 'y' } },
      ],
    },
    vulnerabilities: [
      {
        cve: 'CVE-2023-25690',
        product_status: {
          fixed: [`AppStream-8:${STREAM}:httpd-build`, 'BaseOS-9:curl-new', 'y'],
          known_not_affected: ['BaseOS-9:curl-old', 'BaseOS-9:wget'],
        },
      },
    ],
  })
  const older = BUILD.replace('-51', '-50')
  assert.deepEqual(said(index, 'Red Hat:8', 'httpd', older, 'httpd:2.4'), [['CVE-2023-25690', BUILD]])
  assert.deepEqual(said(index, 'Red Hat:8', 'httpd', BUILD, 'httpd:2.4'), [])
  assert.deepEqual(said(index, 'Red Hat:8', 'httpd', older, 'httpd:2.6'), [])
  assert.deepEqual(said(index, 'Red Hat:9', 'curl', '7.76.1-22.el9'), [['CVE-2023-25690', '7.76.1-23.el9']])
  assert.deepEqual(said(index, 'Red Hat:9', 'wget', '0.9-1.el9'), [])
})
