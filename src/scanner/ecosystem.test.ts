import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalEcosystem, canonicalName, ecosystemOfOs, subjectsOfPackage } from './ecosystem.ts'
import type { OsRelease } from './facts.ts'
import type { PackageType } from './package.ts'

const spellings = [
  ['Alpine:v3.20', 'Alpine:v3.20'],
  ['Alpine:3.20', 'Alpine:v3.20'],
  ['Alpine:edge', 'Alpine:edge'],
  ['Ubuntu:22.04:LTS', 'Ubuntu:22.04'],
  ['Ubuntu:23.10', 'Ubuntu:23.10'],
  ['Ubuntu:Pro:18.04:LTS', 'Ubuntu:18.04'],
  ['Ubuntu:Pro:FIPS-updates:20.04:LTS', 'Ubuntu:Pro:FIPS-updates:20.04:LTS'],
  ['Ubuntu:Pro:22.04:LTS:Realtime:Kernel', 'Ubuntu:Pro:22.04:LTS:Realtime:Kernel'],
  ['Ubuntu:Nvidia-BlueField:22.04:LTS', 'Ubuntu:Nvidia-BlueField:22.04:LTS'],
  ['AlmaLinux:9', 'AlmaLinux:9'],
  ['Rocky Linux:8.9', 'Rocky Linux:8'],
  ['Red Hat:enterprise_linux:9::baseos', 'Red Hat:9'],
  ['Red Hat:enterprise_linux:10.0', 'Red Hat:10'],
  ['Red Hat:rhel_eus:9.2::appstream', 'Red Hat:rhel_eus:9.2::appstream'],
  ['Red Hat:enterprise_linux_eus:10.0', 'Red Hat:enterprise_linux_eus:10.0'],
  ['Red Hat:openshift:4.15::el9', 'Red Hat:openshift:4.15::el9'],
  ['Red Hat:9', 'Red Hat:9'],
  ['Debian:12', 'Debian:12'],
  ['Debian:bookworm', 'Debian:12'],
  ['Debian:sid', 'Debian:sid'],
  ['Alpine:v3.20.3', 'Alpine:v3.20'],
  ['openSUSE:Leap 15.5', 'openSUSE:15.5'],
  ['openSUSE:Leap 15.5 NonFree', 'openSUSE:15.5'],
  ['openSUSE:Tumbleweed', 'openSUSE:Tumbleweed'],
  ['SUSE:Linux Enterprise Server 15 SP5', 'SUSE:15.5'],
  ['SUSE:Linux Enterprise Module for Basesystem 15 SP5', 'SUSE:15.5'],
  ['SUSE:Linux Enterprise Module for Python 3 15 SP5', 'SUSE:15.5'],
  ['SUSE:Linux Enterprise Server 12 SP5-LTSS', 'SUSE:12.5'],
  ['SUSE:Linux Enterprise Server for SAP Applications 15', 'SUSE:15'],
  ['SUSE:Linux Enterprise Server 16.0', 'SUSE:16.0'],
  ['SUSE:Linux Enterprise Micro 5.5', 'SUSE:5.5'],
  ['SUSE:Linux Micro 6.0', 'SUSE:6.0'],
  ['SUSE:Manager Server 4.3', 'SUSE:Manager Server 4.3'],
  ['openEuler:22.03-LTS-SP3', 'openEuler:22.03-LTS-SP3'],
  ['Azure Linux:3', 'Azure Linux:3'],
  ['npm', 'npm'],
  ['Maven:https://maven.google.com', 'Maven'],
  ['Packagist:https://packages.drupal.org/8', 'Packagist'],
] as const

for (const [written, want] of spellings) {
  test(`canonicalEcosystem: ${written}`, () => assert.equal(canonicalEcosystem(written), want))
}

const os = (
  id: string,
  versionId: string | null,
  hints: Record<string, string> = {},
  names: Partial<OsRelease> = {},
): OsRelease & { hints: typeof hints } => ({
  id,
  idLike: [],
  versionId,
  codename: null,
  prettyName: null,
  hints,
  ...names,
})

const systems = [
  [os('alpine', '3.20.3'), 'Alpine:v3.20'],
  [os('alpine', '3.21.0_alpha20240923'), 'Alpine:edge'],
  [os('alpine', '3.19.1', { 'apk-repositories': 'edge' }), 'Alpine:edge'],
  [os('debian', '12'), 'Debian:12'],
  [os('debian', null), null],
  [os('debian', null, {}, { codename: 'forky', prettyName: 'Debian GNU/Linux forky/sid' }), 'Debian:14'],
  [os('debian', null, {}, { prettyName: 'Debian GNU/Linux bookworm/sid' }), 'Debian:12'],
  [os('debian', null, { 'apt-suite': 'sid' }, { codename: 'forky' }), 'Debian:sid'],
  [os('debian', '12', { 'apt-suite': 'sid' }), 'Debian:12'],
  [os('sles', '15.5'), 'SUSE:15.5'],
  [os('sles', '15'), 'SUSE:15'],
  [os('sle-micro', '5.5'), 'SUSE:5.5'],
  [os('opensuse-leap', '15.6'), 'openSUSE:15.6'],
  [os('opensuse-tumbleweed', '20260101'), 'openSUSE:Tumbleweed'],
  [os('openeuler', '22.03', {}, { prettyName: 'openEuler 22.03 (LTS-SP3)' }), 'openEuler:22.03-LTS-SP3'],
  [os('openeuler', '24.03', {}, { prettyName: 'openEuler 24.03 (LTS)' }), 'openEuler:24.03-LTS'],
  [os('azurelinux', '3.0'), 'Azure Linux:3'],
  [os('mariner', '2.0'), 'Azure Linux:2'],
  [os('photon', '5.0'), 'Photon OS:5.0'],
  [os('alpaquita', 'stream'), 'Alpaquita:stream'],
  [os('minimos', '20240101'), 'MinimOS'],
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
  ['a deb by its source', one('deb', 'debian', 'zlib1g', 'zlib'), 'X', [['zlib', '1-src']]],
  ['an apk by its origin', one('apk', 'alpine', 'libcrypto3', 'openssl'), 'Alpine:v3.20', [['openssl', '1-src']]],
  ['an rpm by itself', one('rpm', 'almalinux', 'zlib', 'zlib'), 'AlmaLinux:9', [['zlib', '1']]],
  [
    'an rpm of AlmaLinux never by its source',
    one('rpm', null, 'openssl-libs', 'openssl'),
    'AlmaLinux:9',
    [['openssl-libs', '1']],
  ],
  [
    'an rpm of SUSE by its source too',
    one('rpm', 'suse', 'libopenssl1_1', 'openssl-1_1'),
    'SUSE:15.5',
    [
      ['libopenssl1_1', '1'],
      ['openssl-1_1', '1-src'],
    ],
  ],
  [
    'an rpm of Rocky Linux by its source too',
    one('rpm', 'rocky', 'python38-babel', 'babel'),
    'Rocky Linux:8',
    [
      ['python38-babel', '1'],
      ['babel', '1-src'],
    ],
  ],
  [
    'an rpm of Red Hat, whose sources are called so',
    one('rpm', 'redhat', 'openssl-libs', 'openssl'),
    'Red Hat:9',
    [
      ['openssl-libs', '1'],
      ['openssl.src', '1-src'],
    ],
  ],
  ['npm with a scope', one('npm', '@angular', 'core'), 'X', [['@angular/core', '1']], 'npm'],
  ['PyPI in one spelling', one('pypi', null, 'Zope.Interface_x'), 'X', [['zope-interface-x', '1']], 'PyPI'],
  ['Maven', one('maven', 'org.a', 'b'), 'X', [['org.a:b', '1']], 'Maven'],
  ['Go', one('golang', 'github.com/a', 'b'), 'X', [['github.com/a/b', '1']], 'Go'],
  ['NuGet in any case', one('nuget', null, 'Newtonsoft.Json'), 'X', [['newtonsoft.json', '1']], 'NuGet'],
  ['Packagist in any case', one('composer', 'Twig', 'Twig'), 'X', [['twig/twig', '1']], 'Packagist'],
] as const

for (const [name, given, os, names, ecosystem = os] of subjects) {
  test(`subjectsOfPackage: ${name}`, () =>
    assert.deepEqual(
      subjectsOfPackage(given, os),
      names.map(([called, version]) => ({ ecosystem, name: called, version })),
    ))
}

test('subjectsOfPackage: an OS package of an OS that nobody answers for', () =>
  assert.deepEqual(subjectsOfPackage(one('deb', null, 'a'), null), []))
test('canonicalName: NuGet in any case', () =>
  assert.equal(canonicalName('NuGet', 'Newtonsoft.Json'), 'newtonsoft.json'))
