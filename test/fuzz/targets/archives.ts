import assert from 'node:assert/strict'
import { deflateSync } from 'node:zlib'
import { archives } from '../../../src/scanner/analyzers/archives.ts'
import { Holder, KeptBytes } from '../../../src/scanner/analyzers/held-bytes.ts'
import { fileName, manifestFields, manifestName, pomName } from '../../../src/scanner/analyzers/java-names.ts'
import { programs } from '../../../src/scanner/analyzers/programs.ts'
import { ZipError, zipEntries } from '../../../src/scanner/analyzers/zip.ts'
import { ZipParts } from '../../../src/scanner/analyzers/zip-parts.ts'
import { elfProgram, goInfo, oldGoInfo } from '../../support/elf-program.ts'
import { zip } from '../../support/zip-members.ts'
import { analyzerTarget } from '../promises.ts'
import type { Target } from '../target.ts'
import { fatProgram, machProgram, peProgram } from './programs.ts'

const holder = new Holder()
const pom = (name: string) => ({
  name: `META-INF/maven/g/${name}/pom.properties`,
  content: `groupId=g\nartifactId=${name}\nversion=1\n`,
})
const MANIFEST =
  'Manifest-Version: 1.0\r\nImplementation-Title: x\r\nImplementation-Version: 1\r\nBundle-SymbolicName: org.x;a=b\r\nImplementation-Vendor-Id: org\r\n'
const JAR = zip([
  { name: 'META-INF/MANIFEST.MF', content: MANIFEST },
  pom('a'),
  {
    name: 'lib/b-1.2.jar',
    content: zip([pom('b'), { name: 'c.jar', content: zip([pom('c')]), isStored: true }]),
    isStored: true,
  },
  { name: 'lib/c.jar', content: zip([pom('c')]), isStreamed: true },
  { ...pom('d'), isLarge: true },
])
const WHEEL = zip([{ name: 'a.dist-info/METADATA', content: 'Name: a\nVersion: 1\n' }], {
  prefix: '#!/bin/sh\n',
  comment: 'x',
})
const ZIP_WORDS = [
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  'PK\x06\x06',
  'PK\x06\x07',
  'PK\x07\x08',
  'a.jar',
  'META-INF/MANIFEST.MF',
]
const module = ['dep', 'github.com/gorilla/mux', 'v1.8.0', 'h1:x=']
const INFO = goInfo('go1.21.4', ['mod', 'm', '(devel)'], module, ['=>', 'x/y', 'v2.0.0', ''])
const GO_WORDS = [
  '\xff Go buildinf:\x08\x02',
  '\xff Go buildinf:\x08\x00',
  'go1.21.4',
  '\tv1\n',
  'dep\t',
  '=>\t',
  '.go.buildinfo\0',
  '.dep-v0\0',
]

const program = (name: string, ...seeds: readonly Buffer[]): Target =>
  analyzerTarget({
    name,
    analyzer: programs(holder),
    path: 'usr/bin/tool',
    seeds,
    words: GO_WORDS,
    leastBytes: 8,
    maxBytes: 26 * 1024,
  })

export const ARCHIVE_TARGETS: readonly Target[] = [
  analyzerTarget({
    name: 'jar',
    analyzer: archives(holder),
    path: 'app/app-1.0.jar',
    seeds: [JAR, zip([pom('a')], { isLarge: true })],
    words: ZIP_WORDS,
    leastBytes: 10,
    damageOf: (bytes) => (bytes.length > 0 ? 'a jar without a name' : null),
  }),
  analyzerTarget({
    name: 'wheel',
    analyzer: archives(holder),
    path: 'a.whl',
    seeds: [WHEEL],
    words: ZIP_WORDS,
    leastBytes: 10,
  }),
  { name: 'zip-parts', seeds: [JAR, WHEEL], words: ZIP_WORDS, run: runParts },
  {
    name: 'java-names',
    seeds: [
      Buffer.from('#x\ngroupId=org.a\nartifactId=b\nversion=1.0\n'),
      Buffer.from(MANIFEST),
      Buffer.from('log4j-core-2.14.1.jar'),
    ],
    words: [
      'groupId=',
      'artifactId=',
      'version=',
      `$\{v}`,
      '\r\n ',
      '\r\n\r\n',
      'Bundle-Version: ',
      '-1',
      '.jar',
      ': ',
    ],
    run: runNames,
  },
  program(
    'elf',
    elfProgram([{ name: '.go.buildinfo', content: INFO }]),
    elfProgram([{ name: '.data', content: oldGoInfo('go1.17.1', module) }]),
  ),
  program('pe', peProgram(INFO)),
  program('mach-o', machProgram(INFO), fatProgram(INFO)),
  rustTarget(),
]

function rustTarget(): Target {
  const elf = analyzerTarget({
    name: 'cargo-audit',
    analyzer: programs(holder),
    path: 'tool',
    seeds: [],
    leastBytes: 1,
  })
  const packages = [
    { name: 'serde', version: '1.0.0', source: 'crates.io' },
    { name: 'cc', version: '1', kind: 'build' },
  ]
  return {
    ...elf,
    form: 'json',
    seeds: [Buffer.from(JSON.stringify({ packages }))],
    run: (bytes) => elf.run(elfProgram([{ name: '.dep-v0', content: deflateSync(bytes, { level: 1 }) }])),
  }
}

/** The reader of archives that are too large to be held: it sees signatures where they are none. */
function runParts(bytes: Buffer): string {
  const kept = new KeptBytes(bytes.length, Buffer.alloc(1 + (bytes.length >> 1)))
  const parts = new ZipParts(kept, (name, isStored) =>
    name.endsWith('jar') ? (isStored ? 'header' : 'content') : null,
  )
  const piece = 1 + (bytes.length % 600)
  for (let at = 0; at < bytes.length; at += piece) parts.push(bytes.subarray(at, at + piece))
  parts.end()
  let entries = 0
  try {
    for (const { offset } of zipEntries(kept)) {
      entries += 1
      const head = kept.read(offset, 4)
      if (head) assert.ok(head.equals(bytes.subarray(offset, offset + 4)), 'other bytes than the file has')
    }
  } catch (error) {
    assert.ok(error instanceof ZipError)
    return `${Math.min(entries, 5)} ${error.message}`
  }
  assert.ok(entries <= bytes.length / 46)
  return `${Math.min(entries, 5)}`
}

function runNames(bytes: Buffer): string {
  const text = bytes.toString()
  const names = [
    pomName(text),
    manifestName(manifestFields(text), 'a-1.jar'),
    manifestName(manifestFields(text), text),
    fileName(text),
  ]
  return names.map((one) => (one === null ? '-' : `${one.group === null ? '' : 'g'}${one.doubt ?? ''}`)).join()
}
