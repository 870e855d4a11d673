import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { analyze, told } from '../../../test/support/analyze.ts'
import type { ZipMember } from '../../../test/support/zip-members.ts'
import { zip } from '../../../test/support/zip-members.ts'
import { archives } from './archives.ts'
import { HELD_BYTES, Holder } from './held-bytes.ts'

const analyzer = archives(new Holder())
const pom = (name: string, version: string, more: Partial<ZipMember> = {}): ZipMember => ({
  name: `META-INF/maven/org.a/${name}/pom.properties`,
  content: `#Generated\r\ngroupId=org.a\r\nversion=${version}\r\nartifactId=${name}\r\n`,
  ...more,
})
const manifest = (...lines: string[]): ZipMember => ({
  name: 'META-INF/MANIFEST.MF',
  content: `${lines.join('\r\n')}\r\n`,
})
const jar = (name: string, version: string): Buffer => zip([pom(name, version)])

function nested(levels: number, inner = jar('deep', '1')): Buffer {
  return levels === 0 ? inner : zip([{ name: `l${levels}.jar`, content: nested(levels - 1, inner), isStored: true }])
}

const one = 'org.a/a 1.0'
const cases = [
  { name: 'pom.properties', bytes: zip([manifest('A: b'), pom('a', '1.0')]), want: [one] },
  { name: 'sizes behind the content', bytes: zip([pom('a', '1.0', { isStreamed: true })]), want: [one] },
  { name: '64-bit numbers', bytes: zip([pom('a', '1.0', { isLarge: true })], { isLarge: true }), want: [one] },
  {
    name: 'a script before it',
    bytes: zip([pom('a', '1.0')], { prefix: '#!/bin/sh\nexec java -jar $0\n' }),
    want: [one],
  },
  { name: 'a long comment', bytes: zip([pom('a', '1.0')], { comment: 'x'.repeat(60_000) }), want: [one] },
  {
    name: 'a comment that looks like an end',
    bytes: zip([pom('a', '1.0')], { comment: `PK\x05\x06${'\xff'.repeat(40)}` }),
    want: [one],
  },
  {
    name: 'several of a shaded jar, one of them twice',
    bytes: zip([pom('a', '1.0'), pom('b', '2'), pom('a', '1.0')]),
    want: [one, 'org.a/b 2'],
  },
  {
    name: 'a pom that was not filled in falls back',
    path: 'x-3.1.jar',
    bytes: zip([pom('a', `$${'{version}'}`)]),
    want: ['x 3.1 ? known by its file name only'],
  },
  {
    name: 'a manifest',
    path: 'x.jar',
    bytes: zip([
      manifest(
        'Implementation-Title: gson',
        'Implementation-Version: 2.8',
        ' .2',
        'Implementation-Vendor-Id: com.google',
      ),
    ]),
    want: ['com.google/gson 2.8.2'],
  },
  {
    name: 'a jar of Spring, which does not say its group',
    path: 'lib/spring-core-5.3.7.jar',
    bytes: zip([manifest('Implementation-Title: spring-core', 'Implementation-Version: 5.3.7')]),
    want: ['org.springframework/spring-core 5.3.7 ? its group is known by its name'],
  },
  {
    name: 'a jar of Tomcat, which says another group',
    path: 'lib/tomcat-embed-core-9.0.46.jar',
    bytes: zip([manifest('Implementation-Vendor-Id: org.apache', 'Implementation-Version: 9.0.46')]),
    want: ['org.apache.tomcat.embed/tomcat-embed-core 9.0.46 ? its group is known by its name'],
  },
  {
    name: 'a manifest of a bundle',
    path: 'commons-io-2.4.jar',
    bytes: zip([
      manifest(
        'Implementation-Title: Apache Commons IO',
        'Bundle-SymbolicName: org.apache.commons-io;x=y',
        'Bundle-Version: 2.4',
      ),
    ]),
    want: ['commons-io/commons-io 2.4 ? its group is known by its name'],
  },
  ...[
    { name: 'a group and an artifact', symbolic: 'org.acme.tool', file: 'tool-2.4', want: 'org.acme/tool' },
    {
      name: 'a part of a group',
      symbolic: 'org.acme.tool.core',
      file: 'tool-core-2.4',
      want: 'org.acme.tool/tool-core',
    },
    { name: 'of nobody it could be', symbolic: 'org.tool', file: 'tool-2.4', want: 'org.tool/tool' },
    { name: 'of another', symbolic: 'org.acme.other', file: 'tool-2.4', want: 'tool' },
  ].map(({ name, symbolic, file, want }) => ({
    name: `a symbolic name: ${name}`,
    path: `lib/${file}.jar`,
    bytes: zip([manifest(`Bundle-SymbolicName: ${symbolic}`, 'Bundle-Version: 2.4.0.v2020')]),
    want: [`${want} 2.4 ? known by a manifest that names no group`],
  })),
  {
    name: 'coordinates in place of a title',
    path: 'lib/elasticsearch-7.13.0.jar',
    bytes: zip([manifest('Implementation-Title: org.elasticsearch#server;7.13.0', 'Implementation-Version: 7.13.0')]),
    want: ['org.elasticsearch/elasticsearch 7.13.0'],
  },
  {
    name: 'a jar of a Tomcat that was unpacked',
    path: 'usr/local/tomcat/lib/catalina.jar',
    bytes: zip([manifest('Implementation-Title: Apache Tomcat', 'Implementation-Version: 9.0.30')]),
    want: ['org.apache.tomcat/tomcat-catalina 9.0.30 ? its group is known by its name'],
  },
  {
    name: 'a jar without a version in its name',
    path: 'opt/app/h2.jar',
    bytes: zip([manifest('Implementation-Title: H2 Database Engine', 'Implementation-Version: 1.4.197')]),
    want: ['com.h2database/h2 1.4.197 ? its group is known by its name'],
  },
  {
    name: 'a project that changed its group',
    path: 'okhttp-2.7.5.jar',
    bytes: zip([]),
    want: ['com.squareup.okhttp/okhttp 2.7.5 ? known by its file name only'],
  },
  {
    name: 'a jar of Quarkus, which has its group in its name',
    path: 'quarkus-app/lib/main/io.grpc.grpc-netty-1.30.0.jar',
    bytes: zip([manifest('Implementation-Title: grpc-netty', 'Implementation-Version: 1.30.0')]),
    want: ['io.grpc/grpc-netty 1.30.0 ? its group is known by its name'],
  },
  {
    name: 'a jar with others in it, and no pom of its own',
    path: 'lib/groovy-2.4.3.jar',
    bytes: zip([pom('commons-cli', '1.2'), manifest('Implementation-Title: Groovy', 'Implementation-Version: 2.4.3')]),
    want: ['org.codehaus.groovy/groovy 2.4.3 ? its group is known by its name', 'org.a/commons-cli 1.2'],
  },
  {
    name: 'a jar that is called otherwise than in its pom',
    path: 'lib/renamed-1.0.jar',
    bytes: zip([pom('a', '1.0')]),
    want: [one],
  },
  {
    name: 'a field of a later section is not the archive',
    path: 'a.jar',
    bytes: zip([manifest('A: b', '', 'Name: x', 'Implementation-Version: 1', 'Implementation-Title: t')]),
    want: [],
  },
  {
    name: 'the file name',
    path: 'log4j-core-2.14.1.jar',
    bytes: zip([]),
    want: ['log4j-core 2.14.1 ? known by its file name only'],
  },
  { name: 'nothing', path: 'app.jar', bytes: zip([]), want: [] },
  {
    name: 'nested, stored and deflated',
    path: 'app.war',
    bytes: zip([
      { name: 'WEB-INF/lib/a.jar', content: jar('a', '1.0') },
      { name: 'lib/b.jar', content: jar('b', '2'), isStored: true },
    ]),
    want: [one, 'org.a/b 2'],
  },
  { name: 'five levels', bytes: nested(4), want: ['org.a/deep 1'] },
  { name: 'six levels', bytes: nested(5), want: ['!fatal archives lie in it more than 5 deep'] },
  { name: 'a hundred levels', bytes: nested(100), want: ['!fatal archives lie in it more than 5 deep'] },
  {
    name: 'an egg',
    path: 'a.egg',
    bytes: zip([{ name: 'EGG-INFO/PKG-INFO', content: 'Name: Foo\nVersion: 1\n\nVersion: 2' }]),
    want: ['Foo 1'],
  },
  {
    name: 'a wheel',
    path: 'a.whl',
    bytes: zip([{ name: 'foo-1.dist-info/METADATA', content: 'Name: Foo\nVersion: 1\n' }]),
    want: ['Foo 1'],
  },
  {
    name: 'a wheel that does not say',
    path: 'a.whl',
    bytes: zip([{ name: 'foo-1.dist-info/METADATA' }]),
    want: ['!partial its header has no Name or no Version'],
  },
  { name: 'no archive', bytes: Buffer.from('<html>'), want: ['!partial it is no zip archive, or one without its end'] },
  { name: 'an empty file', bytes: Buffer.alloc(0), want: [] },
  {
    name: 'one that is cut',
    bytes: jar('a', '1.0').subarray(0, 100),
    want: ['!partial it is no zip archive, or one without its end'],
  },
  {
    name: 'an entry elsewhere than the directory says',
    bytes: zip([pom('a', '1.0', { offset: 3 })]),
    want: ['!partial an entry is not where the directory says'],
  },
  {
    name: 'an entry out of the file',
    bytes: zip([pom('a', '1.0', { offset: 4_000_000 })]),
    want: ['!partial its directory leads out of the file'],
  },
  {
    name: 'a compressed size out of the file',
    bytes: zip([pom('a', '1.0', { compressedSize: 4_000_000_000 })]),
    want: ['!partial its directory leads out of the file'],
  },
  { name: 'a size that is too large', bytes: zip([pom('a', '1.0', { size: 4_000_000_000 })]), want: [one] },
  { name: 'a size that is too small', bytes: zip([pom('a', '1.0', { size: 1 })]), want: [one] },
  {
    name: 'numbers beyond all numbers',
    bytes: zip([pom('a', '1.0', { isLarge: true, offset: Number.MAX_SAFE_INTEGER })]),
    want: ['!partial its directory leads out of the file'],
  },
  { name: 'an encrypted entry', bytes: zip([pom('a', '1.0', { flags: 1 })]), want: ['!partial it is encrypted'] },
  {
    name: 'a method nobody knows',
    bytes: zip([pom('a', '1.0', { method: 99 })]),
    want: ['!partial an entry is compressed by method 99, which is not known'],
  },
  {
    name: 'a damaged entry',
    bytes: zip([pom('a', '1.0', { method: 8, isStored: true })]),
    want: ['!partial an entry is damaged'],
  },
  {
    name: 'a bomb of text',
    bytes: zip([{ name: 'META-INF/MANIFEST.MF', content: Buffer.alloc(40_000_000) }]),
    want: ['!fatal an entry has more than 1048576 bytes'],
  },
  {
    name: 'a damaged jar beside a good one',
    bytes: zip([
      { name: 'bad.jar', content: 'x' },
      { name: 'a.jar', content: jar('a', '1.0') },
    ]),
    want: [one, '!partial it is no zip archive, or one without its end'],
  },
]

for (const { name, path = 'opt/app.jar', bytes, want } of cases) {
  test(`archive: ${name}`, async () =>
    assert.deepEqual(told(await analyze(analyzer, path, bytes, { piece: 1000 })), want))
}

test('archive: a bomb of a jar is a fatal problem', async () => {
  const bytes = zip([{ name: 'a.jar', content: Buffer.alloc(160_000_000) }])
  const [problem, ...more] = (await analyze(analyzer, 'app.jar', bytes))?.problems ?? []
  assert.match(problem?.reason ?? '', /^an entry has more than 1[12]\d{7} bytes$/)
  assert.deepEqual([problem?.weight, more], ['fatal', []])
})

test('archive: many entries that are the same bomb are a fatal problem, soon', async () => {
  const bomb = { name: 'b.jar', content: Buffer.alloc(40_000_000), offset: 0 }
  const first = zip([bomb])
  const many = zip([
    bomb,
    ...Array.from({ length: 5000 }, (_, index) => ({
      ...bomb,
      name: `${index}.jar`,
      content: '',
      isLarge: true,
      size: 40_000_000,
      compressedSize: first.length - 22 - 46 - 30 - 10,
      method: 8,
    })),
  ])
  const problems = (await analyze(analyzer, 'app.jar', many))?.problems ?? []
  assert.match(problems.find(({ weight }) => weight === 'fatal')?.reason ?? '', /more than \d+ bytes/)
})

test('archive: a package of a nested jar has the path of that jar', async () => {
  const inner = zip([{ name: 'lib/a.jar', content: jar('a', '1.0') }])
  const bytes = zip([{ name: 'BOOT-INF/lib/b.jar', content: inner, isStored: true }])
  const result = await analyze(analyzer, 'opt/app.jar', bytes)
  assert.deepEqual(
    result?.packages.map(({ type, path }) => [type, path]),
    [['maven', 'opt/app.jar!/BOOT-INF/lib/b.jar!/lib/a.jar']],
  )
})

test('archive: one that is too large to be held is read by its parts', async () => {
  const filler = { name: 'big.bin', content: randomBytes(HELD_BYTES / 2), isStored: true }
  const bytes = zip([
    pom('first', '1'),
    filler,
    pom('a', '1.0', { isStreamed: true }),
    { name: 'lib/stored.jar', content: zip([{ name: 'x.class', content: 'x' }, pom('stored', '2')]), isStored: true },
    { name: 'lib/deflated.jar', content: jar('deflated', '3') },
    { name: 'lib/streamed.jar', content: jar('streamed', '4'), isStreamed: true },
    { ...filler, name: 'more.bin' },
    pom('last', '5'),
  ])
  assert.ok(bytes.length > HELD_BYTES)
  for (const piece of [256 * 1024, 65_521]) {
    const want = ['stored 2', 'deflated 3', 'streamed 4', 'first 1', 'a 1.0', 'last 5'].map((line) => `org.a/${line}`)
    assert.deepEqual(told(await analyze(analyzer, 'opt/app.jar', bytes, { piece })), want)
  }
})
