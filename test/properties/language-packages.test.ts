import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import * as fc from 'fast-check'
import { ANALYZERS } from '../../src/scanner/analyzers/list.ts'
import { analyze } from '../support/analyze.ts'
import { elfProgram, goInfo, oldGoInfo } from '../support/elf-program.ts'
import { runs } from '../support/fuzz.ts'
import { fileOf, skipWithoutImages } from '../support/image-layers.ts'
import { zip } from '../support/zip-members.ts'

/** Files of every language, damaged: an answer in the end, and whatever is named in it is readable. Never an exception. */

const module = ['dep', 'github.com/gorilla/mux', 'v1.8.0', 'h1:x=']
const pom = (name: string) => ({
  name: `META-INF/maven/g/${name}/pom.properties`,
  content: `groupId=g\nartifactId=${name}\nversion=1\n`,
})
const jar = zip([
  { name: 'META-INF/MANIFEST.MF', content: 'Implementation-Title: x\r\nImplementation-Version: 1\r\n' },
  pom('a'),
  { name: 'lib/b.jar', content: zip([pom('b')]), isStored: true },
  { name: 'lib/c.jar', content: zip([pom('c')]) },
  { ...pom('d'), isLarge: true },
])
const npmLock = {
  lockfileVersion: 1,
  dependencies: { a: { version: '1.0.0', dependencies: { b: { version: '2.0.0' } } } },
}
const audit = deflateSync(JSON.stringify({ packages: [{ name: 'serde', version: '1.0.0' }] }))

const seeds: readonly { readonly path: string; readonly content: string | Uint8Array }[] = [
  { path: 'node_modules/a/package.json', content: '{"name":"a","version":"1.0.0","x":[1,{"y":null}]}' },
  { path: 'package-lock.json', content: JSON.stringify(npmLock) },
  {
    path: 'yarn.lock',
    content: '"a@^1", "a@npm:b@^2":\n  version "1.0.0"\n  resolution: "a@npm:1.0.0"\n\nc@1:\n  version: 1\n',
  },
  {
    path: 'pnpm-lock.yaml',
    content: "lockfileVersion: '9.0'\npackages:\n  '@s/a@1.2.0(b@1)':\n    dev: true\n  /b/2.0.0: {}\n",
  },
  { path: 'a.dist-info/METADATA', content: 'Metadata-Version: 2.1\r\nName: a\r\nVersion: 1\r\n\r\nVersion: 2\r\n' },
  {
    path: 'specifications/a-1.gemspec',
    content: '# stub: a 1 ruby lib\n  s.name = %q{a}\n  s.version = Gem::Version.new("1")\n',
  },
  { path: 'vendor/composer/installed.json', content: '{"packages":[{"name":"a/b","version":"v1.0.0"}]}' },
  { path: 'composer.lock', content: '{"packages":[{"name":"a/b","version":"v1.0.0"}]}' },
  { path: 'a.deps.json', content: '{"libraries":{"A/1.0.0":{"type":"package"}}}' },
  {
    path: 'opt/bitnami/a/.spdx-a.spdx',
    content: '{"packages":[{"externalRefs":[{"referenceLocator":"pkg:bitnami/a@1.0.0-1"}]}]}',
  },
  { path: 'a-1.0.jar', content: jar },
  { path: 'a.whl', content: zip([{ name: 'a.dist-info/METADATA', content: 'Name: a\nVersion: 1\n' }]) },
  { path: 'go', content: elfProgram([{ name: '.go.buildinfo', content: goInfo('go1.21.4', module) }]) },
  { path: 'old', content: elfProgram([{ name: '.data', content: oldGoInfo('go1.17.1', module) }]) },
  { path: 'rust', content: elfProgram([{ name: '.dep-v0', content: audit }]) },
]
const real = skipWithoutImages
  ? []
  : [
      'opt/app/app.jar',
      'usr/local/bundle/specifications/rails-5.2.0.gemspec',
      'var/www/app/vendor/composer/installed.json',
    ].map((path) => ({ path, content: fileOf('lang-demo', path) }))

/** Most of a program is padding: half of the changes meet what is read of it. */
const place = fc.oneof(fc.nat(), fc.nat(700))
const change = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'number'),
  at: place,
  value: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7fffffff, 0xffffffff, 0xfffffff0)),
})
type Change = { readonly kind: string; readonly at: number; readonly value: number }

function damaged(bytes: Buffer, { kind, at, value }: Change): Buffer {
  const where = bytes.length === 0 ? 0 : at % bytes.length
  const rest = bytes.subarray(where)
  if (kind === 'cut') return Buffer.concat([bytes.subarray(0, where), rest.subarray(value % 600)])
  if (kind === 'insert') return Buffer.concat([bytes.subarray(0, where), Buffer.alloc(value % 600, value), rest])
  const copy = Buffer.from(bytes)
  if (kind === 'number' && where + 4 <= copy.length) copy.writeUInt32LE(value >>> 0, where)
  else if (copy.length > 0) copy[where] = value & 0xff
  return copy
}

/** Far above what the largest of these takes, even on a machine that is busy. */
const PATIENCE_MS = 20_000

for (const { path, content } of [...seeds, ...real]) {
  test(`${path}, damaged`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 6 }),
        fc.integer({ min: 1, max: 5000 }),
        async (changes, piece) => {
          const bytes = changes.reduce<Buffer>(damaged, Buffer.from(content))
          const began = performance.now()
          for (const analyzer of ANALYZERS) {
            const result = await analyze(analyzer, path, bytes, { piece })
            for (const { name, version } of result?.packages ?? [])
              assert.match(`${name} ${version}`, /^[^\s\p{C}]+ [^\s\p{C}]+$/u)
            for (const { reason } of result?.problems ?? []) assert.ok(reason.length > 0 && reason.length < 1000)
          }
          assert.ok(performance.now() - began < PATIENCE_MS)
        },
      ),
      runs(150),
    )
  })
}
