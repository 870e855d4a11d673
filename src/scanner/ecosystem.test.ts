import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalEcosystem, canonicalName, ecosystemOfOs, subjectOf } from './ecosystem.ts'
import type { OsRelease } from './facts.ts'
import type { PackageType } from './package.ts'

const spellings = [
  ['Alpine:v3.20', 'Alpine:v3.20'],
  ['Alpine:3.20', 'Alpine:v3.20'],
  ['Alpine:edge', 'Alpine:edge'],
  ['Ubuntu:22.04:LTS', 'Ubuntu:22.04'],
  ['Ubuntu:Pro:18.04:LTS', 'Ubuntu:18.04'],
  ['AlmaLinux:9', 'AlmaLinux:9'],
  ['Rocky Linux:8.9', 'Rocky Linux:8'],
  ['Red Hat:enterprise_linux:9::baseos', 'Red Hat:9'],
  ['Red Hat:rhel_eus:9.2::appstream', 'Red Hat:9'],
  ['Red Hat:9', 'Red Hat:9'],
  ['Debian:12', 'Debian:12'],
  ['npm', 'npm'],
] as const

for (const [written, want] of spellings) {
  test(`canonicalEcosystem: ${written}`, () => assert.equal(canonicalEcosystem(written), want))
}

const os = (
  id: string,
  versionId: string | null,
  hints: Record<string, string> = {},
): OsRelease & { hints: typeof hints } => ({
  id,
  idLike: [],
  versionId,
  codename: null,
  prettyName: null,
  hints,
})

const systems = [
  [os('alpine', '3.20.3'), 'Alpine:v3.20'],
  [os('alpine', '3.21.0_alpha20240923'), 'Alpine:edge'],
  [os('alpine', '3.19.1', { 'apk-repositories': 'edge' }), 'Alpine:edge'],
  [os('debian', '12'), 'Debian:12'],
  [os('debian', null), null],
  [os('ubuntu', '22.04'), 'Ubuntu:22.04'],
  [os('almalinux', '9.3'), 'AlmaLinux:9'],
  [os('rhel', '9.4'), 'Red Hat:9'],
  [os('wolfi', '20230201'), 'Wolfi'],
  [os('constructor', '1'), null],
  [os('linuxmint', '21'), null],
] as const

for (const [system, want] of systems) {
  test(`ecosystemOfOs: ${system.id} ${system.versionId ?? ''}`, () => assert.equal(ecosystemOfOs(system), want))
}

const one = (type: PackageType, namespace: string | null, name: string, source: string | null = null) => ({
  type,
  namespace,
  name,
  version: '1',
  source: source === null ? null : { name: source, version: '1-src' },
})

const subjects = [
  ['a deb by its source', one('deb', 'debian', 'zlib1g', 'zlib'), { ecosystem: 'X', name: 'zlib', version: '1-src' }],
  ['an rpm by itself', one('rpm', 'almalinux', 'zlib', 'zlib'), { ecosystem: 'X', name: 'zlib', version: '1' }],
  ['npm with a scope', one('npm', '@angular', 'core'), { ecosystem: 'npm', name: '@angular/core', version: '1' }],
  [
    'PyPI in one spelling',
    one('pypi', null, 'Zope.Interface_x'),
    { ecosystem: 'PyPI', name: 'zope-interface-x', version: '1' },
  ],
  ['Maven', one('maven', 'org.a', 'b'), { ecosystem: 'Maven', name: 'org.a:b', version: '1' }],
  ['Go', one('golang', 'github.com/a', 'b'), { ecosystem: 'Go', name: 'github.com/a/b', version: '1' }],
] as const

for (const [name, given, want] of subjects) {
  test(`subjectOf: ${name}`, () => assert.deepEqual(subjectOf(given, 'X'), want))
}

test('subjectOf: an OS package of an OS that nobody answers for', () =>
  assert.equal(subjectOf(one('deb', null, 'a'), null), null))
test('canonicalName: NuGet in any case', () =>
  assert.equal(canonicalName('NuGet', 'Newtonsoft.Json'), 'newtonsoft.json'))
