import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyzed, line } from '../../../test/support/analyzed.ts'
import { dpkg } from './dpkg.ts'

const stanza = (fields: Readonly<Record<string, string>>): string =>
  `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('')}\n`

const BASH = { Package: 'bash', Status: 'install ok installed', Architecture: 'amd64', Version: '5.2.15-2+b7' }

interface Case {
  readonly name: string
  readonly text: string
  readonly want?: readonly string[]
  readonly fatal?: string
  readonly partial?: string
}

const statuses: readonly Case[] = [
  { name: 'a package', text: stanza(BASH), want: ['bash 5.2.15-2+b7 amd64'] },
  {
    name: 'a source of the same version',
    text: stanza({ ...BASH, Package: 'libc6', Source: 'glibc' }),
    want: ['libc6 5.2.15-2+b7 amd64 of glibc 5.2.15-2+b7'],
  },
  {
    name: 'a source of another version',
    text: stanza({
      ...BASH,
      Package: 'zlib1g',
      Version: '1:1.3+really1.3.1-1+b1',
      Source: 'zlib (1:1.3+really1.3.1-1)',
    }),
    want: ['zlib1g 1:1.3+really1.3.1-1+b1 amd64 of zlib 1:1.3+really1.3.1-1'],
  },
  {
    name: 'one package in two architectures',
    text: stanza(BASH) + stanza({ ...BASH, Architecture: 'i386' }),
    want: ['bash 5.2.15-2+b7 amd64', 'bash 5.2.15-2+b7 i386'],
  },
  { name: 'removed, its configuration left', text: stanza({ ...BASH, Status: 'deinstall ok config-files' }), want: [] },
  { name: 'not installed', text: stanza({ Package: 'a', Status: 'unknown ok not-installed' }), want: [] },
  { name: 'on hold', text: stanza({ ...BASH, Status: 'hold ok installed' }), want: ['bash 5.2.15-2+b7 amd64'] },
  {
    name: 'chosen for removal, still there',
    text: stanza({ ...BASH, Status: 'deinstall ok installed' }),
    want: ['bash 5.2.15-2+b7 amd64'],
  },
  {
    name: 'unpacked only, which is said',
    text: stanza({ ...BASH, Status: 'install ok unpacked' }),
    want: [],
    partial: 'bash is unpacked: dpkg was interrupted, and it does not count as installed',
  },
  {
    name: 'fields in any case and order, over several lines',
    text: 'version: 1-1\nDescription: a\n bash\n .\n Version: 2\nPACKAGE:bash\nstatus:  install ok installed \n\n',
    want: ['bash 1-1 -'],
  },
  {
    name: 'several empty lines between, none at the end',
    text: `${stanza(BASH)}\n\n${stanza(BASH).trimEnd()}\n`,
    want: ['bash 5.2.15-2+b7 amd64', 'bash 5.2.15-2+b7 amd64'],
  },
  { name: 'empty', text: '', want: [] },
  { name: 'no Status', text: stanza({ Package: 'a', Version: '1' }), want: [] },
  { name: 'cut off in a line', text: stanza(BASH).slice(0, -4), fatal: 'it ends in the middle of a line' },
  {
    name: 'cut off before the version',
    text: 'Package: bash\nStatus: install ok installed\n',
    fatal: 'a package has no version (bash)',
  },
  { name: 'no name', text: stanza({ Status: 'install ok installed', Version: '1' }), fatal: 'a package has no name' },
  {
    name: 'a state that dpkg does not know',
    text: stanza({ ...BASH, Status: 'install ok perhaps' }),
    fatal: "the status of bash is not one of dpkg's",
  },
  { name: 'a line that is no field', text: 'Package: a\nhello\n\n', fatal: 'it has a line that is no field' },
  { name: 'a line that continues nothing', text: ' a\n', fatal: 'it has a line that continues nothing' },
  { name: 'two names', text: 'Package: a\nPackage: b\n\n', fatal: 'it has a package with two fields Package' },
  { name: 'binary', text: '\u0000\u0001\n', fatal: 'it has a line that is no field' },
  {
    name: 'a version with a control character',
    text: stanza({ ...BASH, Version: '1\u001b[0m' }),
    fatal: "a package's version (bash) is not readable",
  },
  {
    name: 'a source that is none',
    text: stanza({ ...BASH, Source: 'a b c' }),
    fatal: 'a package has no readable source (bash)',
  },
]

for (const one of statuses) test(`dpkg: status, ${one.name}`, () => check('var/lib/dpkg/status', one))

const { Status: _, ...withoutStatus } = BASH
const stanzaFiles: readonly Case[] = [
  { name: 'a stanza', text: stanza(withoutStatus), want: ['bash 5.2.15-2+b7 amd64'] },
  { name: 'without a newline at its end', text: stanza(withoutStatus).trimEnd(), want: ['bash 5.2.15-2+b7 amd64'] },
  { name: 'with a Status', text: stanza({ ...BASH, Status: 'deinstall ok config-files' }), want: [] },
  { name: 'empty', text: '', fatal: 'it names no package' },
]
for (const one of stanzaFiles) test(`dpkg: status.d, ${one.name}`, () => check('var/lib/dpkg/status.d/bash', one))

async function check(path: string, { text, want = [], fatal, partial }: Case): Promise<void> {
  const result = await analyzed(dpkg, path, text)
  const problems = result?.problems.map(({ reason, weight }) => `${weight}: ${reason}`)
  assert.deepEqual(result?.packages.map(line), want)
  assert.deepEqual(problems, [...(fatal ? [`fatal: ${fatal}`] : []), ...(partial ? [`partial: ${partial}`] : [])])
}

test('dpkg: a list owns what could mark a package of a language, and no directories', async () => {
  const paths = [
    '/.',
    '/usr',
    '/usr/bin',
    '/usr/bin/django-admin',
    '/usr/lib',
    '/usr/lib/python3',
    '/usr/lib/python3/dist-packages',
    '/usr/lib/python3/dist-packages/Django-3.2.25.egg-info',
    '/usr/lib/python3/dist-packages/Django-3.2.25.egg-info/PKG-INFO',
    '/usr/lib/python3/dist-packages/django/__init__.py',
    '/usr/share/doc/python3-django/copyright',
    '/usr/share/nodejs/npm/node_modules/a/package.json',
    '/usr/share/rubygems-integration/all/specifications/rack-2.2.6.gemspec',
    '/usr/share/java/commons-io.jar',
  ]
  const result = await analyzed(dpkg, 'var/lib/dpkg/info/python3-django.list', `${paths.join('\n')}\n`)
  assert.deepEqual(result?.owns, [
    'usr/bin/django-admin',
    'usr/lib/python3/dist-packages/Django-3.2.25.egg-info/PKG-INFO',
    'usr/share/nodejs/npm/node_modules/a/package.json',
    'usr/share/rubygems-integration/all/specifications/rack-2.2.6.gemspec',
    'usr/share/java/commons-io.jar',
  ])
})

test('dpkg: the sums beside a stanza own the same', async () => {
  const text = `${'0'.repeat(32)}  usr/bin/tool\n${'f'.repeat(32)}  usr/share/doc/tool/copyright\nno sum\n`
  const result = await analyzed(dpkg, 'var/lib/dpkg/status.d/tool.md5sums', text)
  assert.deepEqual([result?.owns, result?.packages, result?.problems], [['usr/bin/tool'], [], []])
})

const passedOver = [
  'status-old',
  'available',
  'info/bash.md5sums',
  'info/bash.postinst',
  'status.d/a/b',
  'status.d/bash.postinst',
]
for (const path of passedOver) {
  test(`dpkg: ${path} is passed over`, () => {
    assert.equal(dpkg.open({ path: `var/lib/dpkg/${path}`, size: 1, mode: 0 }), null)
  })
}

test('dpkg, hostile: a hundred thousand packages are, one more is a fatal problem', async () => {
  const one = 'Package: a\nStatus: install ok installed\nVersion: 1\n\n'
  const most = await analyzed(dpkg, 'var/lib/dpkg/status', one.repeat(100_000))
  assert.deepEqual([most?.packages.length, most?.problems], [100_000, []])
  const more = await analyzed(dpkg, 'var/lib/dpkg/status', one.repeat(100_001))
  assert.deepEqual(
    more?.problems.map(({ reason, weight }) => [reason, weight]),
    [['it names more than 100000 packages', 'fatal']],
  )
})

test('dpkg, hostile: a list of more files than any is kept in part, which is said', async () => {
  const text = Array.from({ length: 200_001 }, (_, index) => `/bin/${index}\n`).join('')
  const result = await analyzed(dpkg, 'var/lib/dpkg/info/a.list', text)
  assert.equal(result?.owns.length, 200_000)
  assert.deepEqual(
    result?.problems.map(({ weight }) => weight),
    ['partial'],
  )
})
