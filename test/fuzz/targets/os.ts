import { zstdCompressSync } from 'node:zlib'
import { apk } from '../../../src/scanner/analyzers/apk.ts'
import { apkRepositories } from '../../../src/scanner/analyzers/apk-repositories.ts'
import { aptSources } from '../../../src/scanner/analyzers/apt-sources.ts'
import { chisel } from '../../../src/scanner/analyzers/chisel.ts'
import { dpkg } from '../../../src/scanner/analyzers/dpkg.ts'
import { osRelease } from '../../../src/scanner/analyzers/os-release.ts'
import { analyzerTarget } from '../promises.ts'
import type { Target } from '../target.ts'

const STATUS = `Package: libc6
Status: install ok installed
Priority: optional
Architecture: amd64
Source: glibc (2.36-9+deb12u7)
Version: 2.36-9+deb12u7
Depends: libgcc-s1
Description: GNU C Library
 long
 .
 text

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install reinstreq half-installed
Version: 1:1.0-1

`
const INSTALLED = `C:Q1x8d7=
P:musl
V:1.2.5-r0
A:x86_64
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1=
F:usr/bin
R:tool

P:zlib
V:1.3.1-r1

`
const RELEASE = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
ID_LIKE='a b'
`
const hasLine = (bytes: Buffer, line: RegExp): boolean => line.test(bytes.toString('latin1'))

export const OS_TARGETS: readonly Target[] = [
  analyzerTarget({
    name: 'dpkg-status',
    analyzer: dpkg,
    path: 'var/lib/dpkg/status',
    seeds: [Buffer.from(STATUS)],
    words: [...STATUS.split('\n'), 'install ok unpacked', '\n\n', ':', 'hold', '(', ')', ' '],
    leastBytes: 40,
    damageOf: (bytes) =>
      hasLine(bytes, /^Status: install ok installed$/m) && hasLine(bytes, /^Package: \S+$/m) ? 'installed' : null,
  }),
  analyzerTarget({
    name: 'dpkg-stanza',
    analyzer: dpkg,
    path: 'var/lib/dpkg/status.d/base',
    seeds: [
      Buffer.from(
        'Package: base-files\nVersion: 12.4+deb12u5\nArchitecture: amd64\nSource: a (1)\nDescription: x\n y\n',
      ),
    ],
    words: [...STATUS.split('\n'), '\n\n'],
    leastBytes: 20,
    damageOf: (bytes) => (bytes.length > 0 && !hasLine(bytes, /^Status:/im) ? 'a file of no package' : null),
  }),
  analyzerTarget({
    name: 'dpkg-list',
    analyzer: dpkg,
    path: 'var/lib/dpkg/info/base.list',
    seeds: [Buffer.from('/.\n/usr\n/usr/lib\n/usr/lib/python3/dist-packages/a-1.egg-info\n/usr/bin/tool\n')],
    words: ['/', '/usr', '.egg-info', 'package.json', '\n'],
    leastBytes: 1,
  }),
  analyzerTarget({
    name: 'dpkg-md5sums',
    analyzer: dpkg,
    path: 'var/lib/dpkg/status.d/base.md5sums',
    seeds: [Buffer.from(`${'0123456789abcdef'.repeat(2)}  usr/bin/tool\n${'f'.repeat(32)} *usr/lib/a.jar\n`)],
    words: ['/', '  ', ' *', 'f'.repeat(32), '\n'],
    leastBytes: 1,
  }),
  analyzerTarget({
    name: 'apk-installed',
    analyzer: apk,
    path: 'lib/apk/db/installed',
    seeds: [Buffer.from(INSTALLED)],
    words: [...INSTALLED.split('\n'), '\n\n', ':'],
    leastBytes: 6,
    damageOf: (bytes) => (bytes.toString('latin1').trim() === '' ? null : 'lines of no package'),
  }),
  analyzerTarget({
    name: 'apt-sources',
    analyzer: aptSources,
    path: 'etc/apt/sources.list',
    seeds: [Buffer.from('deb [arch=amd64] http://deb.debian.org/debian sid main\nSuites: unstable\n')],
    words: ['deb ', 'sid', ' [', '] ', 'Suites:', '\n'],
    leastBytes: 1,
  }),
  analyzerTarget({
    name: 'chisel',
    analyzer: chisel,
    path: 'var/lib/chisel/manifest.wall',
    seeds: [zstdCompressSync('{"jsonwall":"1.0"}\n{"kind":"package","name":"a","version":"1","arch":"amd64"}\n')],
    words: ['{"kind":"package"', '\n'],
    leastBytes: 1,
  }),
  analyzerTarget({
    name: 'apk-repositories',
    analyzer: apkRepositories,
    path: 'etc/apk/repositories',
    seeds: [
      Buffer.from('https://dl-cdn.alpinelinux.org/alpine/edge/main\n@edge https://x/edge/community\n'),
      Buffer.from('v2 https://dl-cdn.alpinelinux.org/alpine/edge main community\n'),
    ],
    words: ['edge', '/edge/main', ' main', '@', '#', 'v3 ', '/edge '],
    leastBytes: 1,
  }),
  ...[
    ['etc/os-release', RELEASE],
    ['etc/alpine-release', '3.20.3\n'],
    ['etc/debian_version', 'trixie/sid\n'],
    ['etc/redhat-release', 'CentOS Linux release 7.9.2009 (Core)\n'],
  ].map(([path = '', content = '']) =>
    analyzerTarget({
      name: path.replace('etc/', '').replace('_', '-'),
      analyzer: osRelease,
      path,
      seeds: [Buffer.from(content)],
      words: [...RELEASE.split('\n'), '\\', "'", '"', '=', '$', '12.5', 'Fedora release 40', 'Red Hat'],
      leastBytes: 1,
      maxBytes: 2_000,
    }),
  ),
]
