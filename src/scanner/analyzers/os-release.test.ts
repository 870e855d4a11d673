import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyzed } from '../../../test/support/analyzed.ts'
import type { OsRelease } from '../facts.ts'
import { apkRepositories } from './apk-repositories.ts'
import { aptSources } from './apt-sources.ts'
import { osRelease } from './os-release.ts'

const DEBIAN = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`

type Os = Partial<OsRelease> | null
const files: readonly { name: string; path?: string; text: string; want: Os }[] = [
  {
    name: 'Debian',
    text: DEBIAN,
    want: { id: 'debian', versionId: '12', codename: 'bookworm', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
  },
  {
    name: 'a derivative, in single quotes',
    text: "ID='rocky'\nID_LIKE='rhel centos  fedora'\nVERSION_ID='9.3'\n",
    want: { id: 'rocky', idLike: ['rhel', 'centos', 'fedora'], versionId: '9.3' },
  },
  { name: 'a rolling release', text: 'ID=wolfi\nVERSION_ID=\n', want: { id: 'wolfi', versionId: null } },
  {
    name: 'Ubuntu without VERSION_CODENAME',
    text: 'ID=ubuntu\nUBUNTU_CODENAME=xenial\n',
    want: { id: 'ubuntu', codename: 'xenial' },
  },
  {
    name: 'lines that end as on Windows',
    text: 'ID=debian\r\nVERSION_ID="12"\r\n',
    want: { id: 'debian', versionId: '12' },
  },
  { name: 'an id in capitals', text: 'ID=Debian\n', want: { id: 'debian' } },
  { name: 'the last of two ids, as in a shell', text: 'ID=a\nID=b\n', want: { id: 'b' } },
  { name: 'comments and blanks', text: '# ID=no\n\n  ID=alpine\n', want: { id: 'alpine' } },
  { name: 'a guarded quote', text: 'ID=a\nPRETTY_NAME="a \\"b\\" \\$c"\n', want: { id: 'a', prettyName: 'a "b" $c' } },
  { name: 'no id', text: 'NAME=something\n', want: null },
  { name: 'nothing', text: '', want: null },
  { name: 'an id that is none', text: 'ID="../../x"\n', want: null },
  {
    name: 'control characters for a terminal',
    text: 'ID=a\nPRETTY_NAME="\u001b[31mred\u0007"\n',
    want: { id: 'a', prettyName: '[31mred' },
  },
  {
    name: 'a name of a kilobyte',
    text: `ID=a\nPRETTY_NAME=${'x'.repeat(1000)}\n`,
    want: { id: 'a', prettyName: 'x'.repeat(200) },
  },
  {
    name: 'Alpine by its release file',
    path: 'etc/alpine-release',
    text: '3.20.3\n',
    want: { id: 'alpine', versionId: '3.20.3', prettyName: 'Alpine Linux 3.20.3' },
  },
  {
    name: 'Debian by its version file',
    path: 'etc/debian_version',
    text: '11.11\n',
    want: { id: 'debian', versionId: '11', prettyName: 'Debian GNU/Linux 11.11' },
  },
  {
    name: 'Debian testing',
    path: 'etc/debian_version',
    text: 'trixie/sid\n',
    want: { id: 'debian', codename: 'trixie', prettyName: 'Debian GNU/Linux trixie/sid' },
  },
  {
    name: 'CentOS 6',
    path: 'etc/redhat-release',
    text: 'CentOS release 6.10 (Final)\n',
    want: { id: 'centos', idLike: ['rhel', 'fedora'], versionId: '6', prettyName: 'CentOS release 6.10 (Final)' },
  },
  {
    name: 'Red Hat 6',
    path: 'etc/redhat-release',
    text: 'Red Hat Enterprise Linux Server release 6.5 (Santiago)\n',
    want: {
      id: 'rhel',
      idLike: ['rhel', 'fedora'],
      versionId: '6.5',
      prettyName: 'Red Hat Enterprise Linux Server release 6.5 (Santiago)',
    },
  },
  { name: 'a stranger in redhat-release', path: 'etc/redhat-release', text: 'My Linux release 6\n', want: null },
  { name: 'an empty alpine-release', path: 'etc/alpine-release', text: '\n', want: null },
]

for (const { name, path = 'etc/os-release', text, want } of files) {
  test(`osRelease: ${name}`, async () => {
    const result = await analyzed(osRelease, path, text)
    const nothing = { idLike: [], versionId: null, codename: null, prettyName: null }
    assert.deepEqual(result?.os, want === null ? null : { ...nothing, ...want })
    assert.deepEqual(result?.problems, [])
  })
}

for (const path of ['usr/lib/os-release', 'etc/oracle-release', 'usr/lib/fedora-release']) {
  test(`osRelease: ${path} is read`, () => assert.ok(osRelease.open({ path, size: 1, mode: 0 })))
}
for (const path of ['srv/etc/os-release', 'etc/lsb-release', 'os-release']) {
  test(`osRelease: ${path} is passed over`, () => assert.equal(osRelease.open({ path, size: 1, mode: 0 }), null))
}

test('osRelease, hostile: a file of a megabyte is a problem', async () => {
  const result = await analyzed(osRelease, 'etc/os-release', `ID=debian\n#${'x'.repeat(1024 ** 2)}`)
  assert.deepEqual(
    result?.problems.map(({ weight }) => weight),
    ['fatal'],
  )
})

const ALPINE = 'https://dl-cdn.alpinelinux.org/alpine'
const repositories: readonly { name: string; text: string; isEdge: boolean }[] = [
  { name: 'a release', text: `${ALPINE}/v3.20/main\n${ALPINE}/v3.20/community\n`, isEdge: false },
  { name: 'edge', text: `${ALPINE}/edge/main\n${ALPINE}/edge/community\n`, isEdge: true },
  { name: 'edge of a mirror', text: 'http://mirror.example/pub/edge/main/', isEdge: true },
  { name: 'a release with the testing of edge', text: `${ALPINE}/v3.20/main\n${ALPINE}/edge/testing\n`, isEdge: false },
  { name: 'edge for what asks for it', text: `${ALPINE}/v3.20/main\n@edge ${ALPINE}/edge/main\n`, isEdge: false },
  { name: 'edge in a comment', text: `# ${ALPINE}/edge/main\n#${ALPINE}/edge/main\n`, isEdge: false },
  { name: 'edge in the words of apk 3', text: `v2 ${ALPINE}/edge community main\n`, isEdge: true },
  { name: 'nothing', text: '', isEdge: false },
]
for (const { name, text, isEdge } of repositories) {
  test(`apkRepositories: ${name}`, async () => {
    const result = await analyzed(apkRepositories, 'etc/apk/repositories', text)
    assert.deepEqual(result?.hints, isEdge ? { 'apk-repositories': 'edge' } : {})
  })
}

test('apkRepositories, hostile: a line of blanks takes no time to refuse', async () => {
  const text = `${ALPINE}/edge${' a'.repeat(30_000)}`
  const result = await analyzed(apkRepositories, 'etc/apk/repositories.d/a.list', text)
  assert.deepEqual(result?.hints, {})
})

const APT = 'deb http://deb.debian.org/debian'
const sources = [
  { name: 'unstable', text: `${APT} unstable main\n`, isSid: true },
  {
    name: 'sid, with options',
    text: 'deb [arch=amd64 trusted=yes] http://deb.debian.org/debian sid main\n',
    isSid: true,
  },
  { name: 'sid in the newer format', text: 'Types: deb\nSuites: sid\nComponents: main\n', isSid: true },
  { name: 'testing', text: `${APT} forky main\n`, isSid: false },
  { name: 'sources of unstable only', text: 'deb-src http://deb.debian.org/debian sid main\n', isSid: false },
  { name: 'a comment', text: `# ${APT} sid main\n#Suites: sid\n`, isSid: false },
  { name: 'a component of that name', text: `${APT} trixie sid\n`, isSid: false },
  { name: 'a line of blanks', text: `${APT}${' '.repeat(60_000)}\nSuites:${' a'.repeat(30_000)}\n`, isSid: false },
]
for (const { name, text, isSid } of sources) {
  test(`aptSources: ${name}`, async () => {
    const result = await analyzed(aptSources, 'etc/apt/sources.list.d/debian.sources', text)
    assert.deepEqual(result?.hints, isSid ? { 'apt-suite': 'sid' } : {})
  })
}
