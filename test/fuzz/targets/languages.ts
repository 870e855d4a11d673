import { bitnami } from '../../../src/scanner/analyzers/bitnami.ts'
import { composer, composerLock } from '../../../src/scanner/analyzers/composer.ts'
import { gem } from '../../../src/scanner/analyzers/gem.ts'
import { languageLock } from '../../../src/scanner/analyzers/language-lock.ts'
import { npm } from '../../../src/scanner/analyzers/npm.ts'
import { npmLock } from '../../../src/scanner/analyzers/npm-lock.ts'
import { nuget } from '../../../src/scanner/analyzers/nuget.ts'
import { pypi } from '../../../src/scanner/analyzers/pypi.ts'
import type { AnalyzerTarget } from '../promises.ts'
import { analyzerTarget } from '../promises.ts'
import type { Target } from '../target.ts'

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const text = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`)

/** JSON with these members of this kind was meant to say something: silence is only right when they are there. */
const without =
  (...members: readonly string[]) =>
  (bytes: Buffer): string | null => {
    try {
      const value = JSON.parse(bytes.toString()) as Record<string, unknown> | null
      const is = (member: string): boolean =>
        member === 'lockfileVersion'
          ? value?.[member] !== undefined && value['packages'] === undefined && value['dependencies'] === undefined
          : typeof value?.[member] === 'object' && value[member] !== null
      return members.some(is) ? null : `none of ${members.join(', ')}`
    } catch {
      return 'no JSON'
    }
  }

const LOCK_1 = {
  lockfileVersion: 1,
  dependencies: {
    a: { version: '1.0.0', dependencies: { b: { version: '2.0.0', dev: true } } },
    c: { version: 'npm:@s/d@3.0.0' },
  },
}
const LOCK_3 = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'me' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/@s/b': { version: '2.0.0', dev: true },
    'x/node_modules/c': { name: 'd', version: '1' },
  },
}
const SPDX = {
  spdxVersion: 'SPDX-2.3',
  packages: [
    { versionInfo: '1.2.3-4', externalRefs: [{ referenceLocator: 'pkg:bitnami/redis@7.0.0-1?arch=amd64' }] },
    { externalRefs: [{ referenceLocator: 'pkg:github/a/b@1' }] },
  ],
}
const CARGO_LOCK = text(
  'version = 3',
  '',
  '[[package]]',
  'name = "time"',
  'version = "0.1.40"',
  'source = "registry+https://github.com/rust-lang/crates.io-index"',
)
const POETRY_LOCK = text(
  '[[package]]',
  'name = "a"',
  'version = "1.0"',
  'groups = ["main", "dev"]',
  '',
  '[package.source]',
  'type = "legacy"',
  '',
  '[metadata]',
  'content-hash = "x"',
)
const UV_LOCK = text('version = 1', '', '[[package]]', 'name = "b"', 'version = "2"', 'source = { registry = "x" }')
const GEM_LOCK = text(
  'GEM',
  '  remote: x',
  '  specs:',
  '    a (1.0-java)',
  '      b (~> 1)',
  '    b (1.2)',
  '',
  'PLATFORMS',
  '  ruby',
)
const YARN_1 = text(
  '# yarn lockfile v1',
  '',
  '"@s/a@^1", "@s/a@^1.2":',
  '  version "1.2.3"',
  '  resolved "https://x/"',
  '',
  'b@npm:c@^2:',
  '  version "2.0.0"',
)
const YARN_2 = text(
  '__metadata:',
  '  version: 6',
  '',
  '"a@npm:^1.0.0":',
  '  version: 1.0.0',
  '  resolution: "a@npm:1.0.0"',
  '',
  '"me@workspace:.":',
  '  version: 0.0.0-use.local',
  '  resolution: "me@workspace:."',
)
const PNPM_5 = text(
  'lockfileVersion: 5.4',
  '',
  'packages:',
  '',
  '  /a/1.0.0:',
  '    dev: true',
  '',
  '  /@s/b/2.0.0_x@1:',
  '    resolution: {}',
)
const PNPM_9 = text(
  "lockfileVersion: '9.0'",
  'packages:',
  "  '@s/a@1.2.0(b@1)':",
  '    resolution: {integrity: x}',
  '  b@2.0.0: {}',
  'snapshots:',
  '  b@2.0.0: {}',
)

const TARGETS: readonly AnalyzerTarget[] = [
  {
    name: 'npm-package',
    analyzer: npm,
    path: 'node_modules/@s/a/package.json',
    seeds: [json({ name: '@s/a', version: '1.0.0', main: 'x', dependencies: { b: '^1' } })],
    form: 'json',
    leastBytes: 20,
  },
  {
    name: 'npm-lock',
    analyzer: npmLock,
    path: 'package-lock.json',
    seeds: [json(LOCK_1), json(LOCK_3)],
    form: 'json',
    leastBytes: 8,
    damageOf: (bytes) => without('packages', 'dependencies')(bytes) && without('lockfileVersion')(bytes),
  },
  {
    name: 'yarn-lock',
    analyzer: npmLock,
    path: 'yarn.lock',
    seeds: [YARN_1, YARN_2],
    words: [...YARN_1.toString().split('\n'), ...YARN_2.toString().split('\n'), ':', '"', '@npm:', '\n'],
    leastBytes: 12,
  },
  {
    name: 'pnpm-lock',
    analyzer: npmLock,
    path: 'pnpm-lock.yaml',
    seeds: [PNPM_5, PNPM_9],
    words: [...PNPM_5.toString().split('\n'), ...PNPM_9.toString().split('\n'), ':', ': {', '(', '\n'],
    leastBytes: 6,
  },
  ...[
    { name: 'cargo-lock', path: 'Cargo.lock', seeds: [CARGO_LOCK] },
    { name: 'python-lock', path: 'poetry.lock', seeds: [POETRY_LOCK, UV_LOCK] },
    { name: 'gem-lock', path: 'Gemfile.lock', seeds: [GEM_LOCK] },
  ].map(({ seeds, ...one }) => ({
    ...one,
    analyzer: languageLock,
    seeds,
    words: [...seeds.flatMap((seed) => seed.toString().split('\n')), '"', ' = ', '[', '\n', ' ('],
    leastBytes: 10,
  })),
  {
    name: 'pip-lock',
    analyzer: languageLock,
    path: 'Pipfile.lock',
    seeds: [json({ _meta: {}, default: { a: { version: '==1.0' } }, develop: {} })],
    form: 'json',
    leastBytes: 10,
    damageOf: without('default'),
  },
  {
    name: 'composer-installed',
    analyzer: composer,
    path: 'vendor/composer/installed.json',
    seeds: [json({ packages: [{ name: 'a/b', version: 'v1.0.0' }], dev: true }), json([{ name: 'c', version: '2' }])],
    form: 'json',
    leastBytes: 2,
  },
  {
    name: 'composer-lock',
    analyzer: composerLock,
    path: 'composer.lock',
    seeds: [json({ packages: [{ name: 'a/b', version: 'v1.0.0' }], 'packages-dev': [] })],
    form: 'json',
    leastBytes: 2,
    damageOf: without('packages'),
  },
  {
    name: 'gemspec',
    analyzer: gem,
    path: 'usr/lib/ruby/specifications/a-1.0.gemspec',
    seeds: [
      text('# -*- encoding: utf-8 -*-', '# stub: nokogiri 1.8.2 x86_64-linux lib', ''),
      text('Gem::Specification.new do |s|', '  s.name = %q{a}', '  s.version = Gem::Version.new("1")', 'end'),
    ],
    words: ['# stub: ', '  s.name = "', '%q{', '}', 's.version = ', '\n', '"'],
    leastBytes: 4,
    damageOf: () => 'a gem without name',
  },
  {
    name: 'pypi-metadata',
    analyzer: pypi,
    path: 'site-packages/a-1.dist-info/METADATA',
    seeds: [text('Metadata-Version: 2.1', 'Name: Django', 'Version: 4.2', 'Summary: x', '', 'Version: 99')],
    words: ['Name: ', 'Version: ', '\r\n\r\n', '\n\n', ': ', '\n ', 'name:'],
    leastBytes: 8,
    damageOf: (bytes) => (bytes.length > 0 ? 'a project without name' : null),
  },
  {
    name: 'nuget-deps',
    analyzer: nuget,
    path: 'app/a.deps.json',
    seeds: [
      json({
        runtimeTarget: {},
        libraries: {
          'A.B/1.0.0': { type: 'package' },
          'me/1': { type: 'project' },
          'runtimepack.X/8.0.0': { type: 'runtimepack' },
        },
      }),
    ],
    form: 'json',
    leastBytes: 6,
    damageOf: without('libraries'),
  },
  {
    name: 'bitnami-spdx',
    analyzer: bitnami,
    path: 'opt/bitnami/redis/.spdx-redis.spdx',
    seeds: [json(SPDX)],
    form: 'json',
    leastBytes: 10,
    damageOf: without('packages'),
  },
]

export const LANGUAGE_TARGETS: readonly Target[] = TARGETS.map(analyzerTarget)
