import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyze, told } from '../../../test/support/analyze.ts'
import type { Analyzer } from './analyzer.ts'
import { bitnami } from './bitnami.ts'
import { composer, composerLock } from './composer.ts'
import { gem } from './gem.ts'
import { npm } from './npm.ts'
import { npmLock } from './npm-lock.ts'
import { nuget } from './nuget.ts'
import { pypi } from './pypi.ts'

interface Case {
  readonly name: string
  readonly path: string
  readonly content?: string
  /** Null: not one of its files. */
  readonly want: readonly string[] | null
}

const manifest = '{"name":"a","version":"1.0.0"}'
const UNREADABLE = '!partial it names a package whose name or version is not readable'

const npmCases: Case[] = [
  { name: 'a package', path: 'app/node_modules/a/package.json', content: manifest, want: ['a 1.0.0'] },
  { name: 'at the root', path: 'node_modules/a/package.json', content: manifest, want: ['a 1.0.0'] },
  {
    name: 'with a scope',
    path: 'app/node_modules/@s/a/package.json',
    content: '{"name":"@s/a","version":"1.0.0"}',
    want: ['@s/a 1.0.0'],
  },
  {
    name: 'in a package',
    path: 'n/node_modules/@s/b/node_modules/a/package.json',
    content: manifest,
    want: ['a 1.0.0'],
  },
  {
    name: "in pnpm's store",
    path: 'app/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json',
    content: manifest,
    want: ['a 1.0.0'],
  },
  { name: 'the project itself', path: 'app/package.json', want: null },
  { name: 'part of a package', path: 'app/node_modules/a/esm/package.json', want: null },
  ...[
    'node_modules/.bun/a@1.0.0/node_modules/a',
    'node_modules/.store/@s/a@1.0.0-HASH/node_modules/@s/a',
    'node_modules/.store/@s-a-npm-1.0.0-hash/package',
    'node_modules/.vlt/··a@1.0.0/node_modules/a',
  ].map((folder) => ({
    name: `a store, ${folder}`,
    path: `app/${folder}/package.json`,
    content: JSON.stringify({ name: 'a', version: '1.0.0' }),
    want: ['a 1.0.0'],
  })),
  { name: 'part of a package in a store', path: 'node_modules/.bun/a@1/node_modules/a/esm/package.json', want: null },
  { name: 'a fixture in a package', path: 'app/node_modules/a/test/node_modules/b/package.json', want: null },
  { name: 'a scope alone', path: 'app/node_modules/@s/package.json', want: null },
  { name: 'bookkeeping', path: 'app/node_modules/.bin/package.json', want: null },
  { name: 'a name that only ends so', path: 'my_node_modules/a/package.json', want: null },
  { name: 'no version', path: 'node_modules/a/package.json', content: '{"type":"module"}', want: [] },
  {
    name: 'a version as npm cleans it',
    path: 'node_modules/a/package.json',
    content: '\ufeff{"name":"a","version":" v1.0.0 "}',
    want: ['a 1.0.0'],
  },
  { name: 'no JSON', path: 'node_modules/a/package.json', content: '{', want: ['!partial it is not valid JSON'] },
  { name: 'a list', path: 'node_modules/a/package.json', content: '[1]', want: ['!partial its JSON is no object'] },
  { name: 'null', path: 'node_modules/a/package.json', content: 'null', want: ['!partial its JSON is no object'] },
  {
    name: 'a very deep list',
    path: 'node_modules/a/package.json',
    content: '['.repeat(500_000),
    want: ['!partial it is not valid JSON'],
  },
  {
    name: 'more values than memory',
    path: 'node_modules/a/package.json',
    content: `[${'{},'.repeat(1e6)}1]`,
    want: ['!partial it is JSON of more than 600000 values'],
  },
  {
    name: 'a name that is not readable',
    path: 'node_modules/a/package.json',
    content: '{"name":"a\\u0000b","version":"1"}',
    want: [UNREADABLE],
  },
  {
    name: 'a name without an end',
    path: 'node_modules/a/package.json',
    content: JSON.stringify({ name: 'x'.repeat(10_000), version: '1' }),
    want: [UNREADABLE],
  },
]

const yarn1 = `# yarn lockfile v1

"@s/a@^1.0.0", "@s/a@^1.1.0":
  version "1.2.0"
  resolved "https://x/a.tgz#00"
  dependencies:
    version "^9.9.9"

b@^2:
  version "2.0.0"

"other@npm:c@^3":
  version "3.0.0"
`
const yarnBerry = `__metadata:
  version: 6
  cacheKey: 8

"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0":
  version: 1.2.0
  resolution: "@s/a@npm:1.2.0"
  dependencies:
    b: ^2

"root@workspace:.":
  version: 0.0.0-use.local
  resolution: "root@workspace:."
`
const pnpm5 = `lockfileVersion: 5.4
dependencies:
  a: 1.0.0
packages:

  /@s/a/1.2.0_react@17.0.0:
    resolution: {integrity: x}
    dev: false

  /b/2.0.0:
    dev: true

  /c/3.0.0-rc.1:
    dependencies:
      d: 1
`
const pnpm9 = `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: 1
packages:
  '@s/a@1.2.0':
    resolution: {integrity: x}
  b@2.0.0:
    resolution: {integrity: x}
  'x@file:../x':
    resolution: {directory: ../x}
snapshots:
  '@s/a@1.2.0(b@2.0.0)': {}
`
const lock3 = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'app', version: '1.0.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/a/node_modules/@s/b': { version: '2.0.0' },
    'node_modules/alias': { name: 'real', version: '3.0.0' },
    'node_modules/dev': { version: '1.0.0', dev: true },
    'node_modules/work': { resolved: 'packages/work', link: true },
    'packages/work': { version: '1.0.0' },
  },
}
const lock1 = {
  dependencies: {
    a: { version: '1.0.0', dependencies: { '@s/b': { version: '2.0.0' } } },
    alias: { version: 'npm:real@3.0.0' },
    git: { version: 'git+https://x/y.git#00' },
    dev: { version: '1.0.0', dev: true },
  },
}

const lockCases: Case[] = [
  {
    name: 'version 3',
    path: 'app/package-lock.json',
    content: JSON.stringify(lock3),
    want: ['a 1.0.0', '@s/b 2.0.0', 'real 3.0.0', 'work 1.0.0'],
  },
  {
    name: 'version 1',
    path: 'package-lock.json',
    content: JSON.stringify(lock1),
    want: ['a 1.0.0', 'real 3.0.0', '@s/b 2.0.0'],
  },
  {
    name: 'shrinkwrap',
    path: 'app/npm-shrinkwrap.json',
    content: JSON.stringify(lock1),
    want: ['a 1.0.0', 'real 3.0.0', '@s/b 2.0.0'],
  },
  { name: 'yarn 1', path: 'app/yarn.lock', content: yarn1, want: ['@s/a 1.2.0', 'b 2.0.0', 'c 3.0.0'] },
  { name: 'yarn berry', path: 'app/yarn.lock', content: yarnBerry, want: ['@s/a 1.2.0'] },
  { name: 'pnpm 5', path: 'app/pnpm-lock.yaml', content: pnpm5, want: ['@s/a 1.2.0', 'c 3.0.0-rc.1'] },
  { name: 'pnpm 9', path: 'app/pnpm-lock.yaml', content: pnpm9, want: ['@s/a 1.2.0', 'b 2.0.0'] },
  {
    name: 'lines ending as on Windows',
    path: 'yarn.lock',
    content: yarn1.replaceAll('\n', '\r\n'),
    want: ['@s/a 1.2.0', 'b 2.0.0', 'c 3.0.0'],
  },
  { name: "npm's own record", path: 'app/node_modules/.package-lock.json', want: null },
  { name: 'of a package', path: 'app/node_modules/a/yarn.lock', want: null },
  { name: 'no JSON', path: 'package-lock.json', content: '<<<<<<<', want: ['!partial it is not valid JSON'] },
  { name: 'nothing', path: 'yarn.lock', content: '', want: [] },
  { name: 'no packages yet', path: 'yarn.lock', content: '# yarn lockfile v1\n\n\n', want: [] },
  { name: 'words', path: 'yarn.lock', content: 'hello\nworld\n', want: ['!partial it is no lock file of yarn'] },
  { name: 'no packages yet', path: 'pnpm-lock.yaml', content: "lockfileVersion: '9.0'\n", want: [] },
  { name: 'words', path: 'pnpm-lock.yaml', content: 'hello\n', want: ['!partial it is no lock file of pnpm'] },
  { name: 'an empty object', path: 'package-lock.json', content: '{}', want: ['!partial it is no lock file of npm'] },
  {
    name: 'packages that are none',
    path: 'package-lock.json',
    content: '{"lockfileVersion":3,"packages":"a"}',
    want: ['!partial its list of packages is no object'],
  },
  {
    name: 'dependencies that lie too deep for recursion',
    path: 'package-lock.json',
    content: `${'{"dependencies":{"a":'.repeat(100_000)}{}${'}}'.repeat(100_000)}`,
    want: [],
  },
]

const django = 'Metadata-Version: 2.1\nName: Django\nVersion: 3.2.0\nLicense: MIT\n\nVersion: 99.0\nName: other\n'
const pypiCases: Case[] = [
  {
    name: 'dist-info',
    path: 'l/site-packages/Django-3.2.0.dist-info/METADATA',
    content: django,
    want: ['Django 3.2.0'],
  },
  { name: 'egg-info, a folder', path: 'l/Django-3.2.0.egg-info/PKG-INFO', content: django, want: ['Django 3.2.0'] },
  { name: 'egg-info, a file', path: 'l/Django-3.2.0.egg-info', content: django, want: ['Django 3.2.0'] },
  { name: 'an unpacked egg', path: 'l/Django.egg/EGG-INFO/PKG-INFO', content: django, want: ['Django 3.2.0'] },
  { name: 'what lies beside it', path: 'l/Django-3.2.0.dist-info/RECORD', want: null },
  { name: 'any METADATA', path: 'l/METADATA', want: null },
  {
    name: 'lines ending as on Windows',
    path: 'a.egg-info',
    content: django.replaceAll('\n', '\r\n'),
    want: ['Django 3.2.0'],
  },
  {
    name: 'a continued line is no field',
    path: 'a.egg-info',
    content: 'License: x\n Version: 9\nName: a\nVersion: 1\n',
    want: ['a 1'],
  },
  { name: 'a long description', path: 'a.egg-info', content: django + 'x'.repeat(2_000_000), want: ['Django 3.2.0'] },
  {
    name: 'a version in the body only',
    path: 'a.egg-info',
    content: 'Name: a\n\nVersion: 1\n',
    want: ['!partial its header has no Name or no Version'],
  },
  { name: 'an empty file', path: 'a.egg-info', content: '', want: [] },
  {
    name: 'blank lines without end',
    path: 'a.egg-info',
    content: '\n'.repeat(1_000_000),
    want: ['!partial its header has no Name or no Version'],
  },
  { name: 'no text', path: 'a.egg-info', content: 'Name: \xff\u0000\nVersion: 1\n', want: [UNREADABLE] },
]

const gemCases: Case[] = [
  {
    name: 'the stub line',
    path: 'g/specifications/json-2.1.0.gemspec',
    content: '# -*- encoding: utf-8 -*-\n# stub: json 2.1.0 java lib\n',
    want: ['json 2.1.0'],
  },
  {
    name: 'a gem that comes with Ruby',
    path: 'g/specifications/default/json-2.1.0.gemspec',
    content: '# stub: json 2.1.0 ruby lib\n',
    want: ['json 2.1.0'],
  },
  {
    name: 'without a stub',
    path: 'g/specifications/a.gemspec',
    content: 'Gem::Specification.new do |s|\n  s.name = %q{rack}\n  s.version = "2.2.0"\n',
    want: ['rack 2.2.0'],
  },
  {
    name: 'the old form',
    path: 'g/specifications/a.gemspec',
    content: 's.name = \'rack\'\ns.version = Gem::Version.new("2.2.0")\n',
    want: ['rack 2.2.0'],
  },
  {
    name: 'a program',
    path: 'g/specifications/rack-test-2.2.0-java.gemspec',
    content: 's.version = VERSION',
    want: ['rack-test 2.2.0 ? known by the name of its gemspec only'],
  },
  {
    name: 'nothing',
    path: 'g/specifications/rack.gemspec',
    content: '',
    want: ['!partial it says neither name nor version of its gem'],
  },
  { name: 'the gem source', path: 'g/gems/rack-2.2.0/rack.gemspec', want: null },
  {
    name: 'blank lines without end',
    path: 'g/specifications/a.gemspec',
    content: '\n'.repeat(1_000_000),
    want: ['!partial it says neither name nor version of its gem'],
  },
  {
    name: 'brackets without end',
    path: 'g/specifications/a.gemspec',
    content: 's.name = %q{\n'.repeat(70_000),
    want: ['!partial it says neither name nor version of its gem'],
  },
]

const twig = { name: 'twig/twig', version: 'v2.12.0' }
const composerCases: Case[] = [
  {
    name: 'version 2',
    path: 'app/vendor/composer/installed.json',
    content: JSON.stringify({ packages: [twig] }),
    want: ['twig/twig 2.12.0'],
  },
  {
    name: 'version 1',
    path: 'app/vendor/composer/installed.json',
    content: JSON.stringify([twig, { name: 'a/b', version: 'dev-main' }]),
    want: ['twig/twig 2.12.0', 'a/b dev-main'],
  },
  { name: 'in a folder of another name', path: 'nextcloud/3rdparty/composer/installed.json', content: '[]', want: [] },
  { name: 'another file', path: 'vendor/installed.json', want: null },
  {
    name: 'no list',
    path: 'vendor/composer/installed.json',
    content: '{}',
    want: ['!fatal it has no list of packages'],
  },
  { name: 'no JSON', path: 'vendor/composer/installed.json', content: '{', want: ['!fatal it is not valid JSON'] },
  {
    name: 'things that are no packages',
    path: 'vendor/composer/installed.json',
    content: '[null,1,{"name":1}]',
    want: [UNREADABLE],
  },
]
const composerLockCases: Case[] = [
  {
    name: 'without what is for development',
    path: 'app/composer.lock',
    content: JSON.stringify({ packages: [twig], 'packages-dev': [{ name: 'd/d', version: '1' }] }),
    want: ['twig/twig 2.12.0'],
  },
]

const deps = {
  libraries: {
    'App/1.0.0': { type: 'project' },
    'Newtonsoft.Json/12.0.1': { type: 'package' },
    'runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1': { type: 'runtimepack' },
    nothing: { type: 'package' },
  },
}
const nugetCases: Case[] = [
  {
    name: 'packages and the runtime',
    path: 'app/App.deps.json',
    content: JSON.stringify(deps),
    want: ['Newtonsoft.Json 12.0.1', 'Microsoft.NETCore.App.Runtime.linux-x64 8.0.1'],
  },
  {
    name: 'no libraries',
    path: 'app/App.deps.json',
    content: '{"libraries":[1]}',
    want: ['!partial it has no list of libraries'],
  },
  { name: 'another file', path: 'app/deps.json', want: null },
]

const ref = (locator: string) => ({ externalRefs: [{ referenceLocator: 'cpe:2.3:a' }, { referenceLocator: locator }] })
const spdx = {
  packages: [
    { name: 'redis', versionInfo: '7.0.0', ...ref('pkg:bitnami/redis@7.0.0-1?arch=amd64') },
    { name: 'gosu', versionInfo: '1.16.0', ...ref('pkg:bitnami/gosu') },
    { name: 'x', versionInfo: '1', ...ref('pkg:github/x/x@1') },
    {},
  ],
}
const bitnamiCases: Case[] = [
  {
    name: 'its own',
    path: 'opt/bitnami/redis/.spdx-redis.spdx',
    content: JSON.stringify(spdx),
    want: ['redis 7.0.0', 'gosu 1.16.0'],
  },
  { name: 'elsewhere', path: 'opt/redis/.spdx-redis.spdx', want: null },
  {
    name: 'a name that is badly escaped',
    path: 'opt/bitnami/.spdx-a.spdx',
    content: JSON.stringify({ packages: [ref('pkg:bitnami/a%zz@1')] }),
    want: ['a%zz 1'],
  },
]

const tables: readonly (readonly [Analyzer, readonly Case[]])[] = [
  [npm, npmCases],
  [npmLock, lockCases],
  [pypi, pypiCases],
  [gem, gemCases],
  [composer, composerCases],
  [composerLock, composerLockCases],
  [nuget, nugetCases],
  [bitnami, bitnamiCases],
]

for (const [analyzer, cases] of tables) {
  for (const { name, path, content = '', want } of cases) {
    test(`${analyzer.name}: ${name}`, async () => assert.deepEqual(told(await analyze(analyzer, path, content)), want))
  }
}
