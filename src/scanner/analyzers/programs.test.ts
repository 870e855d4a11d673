import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { analyze, told } from '../../../test/support/analyze.ts'
import { elfProgram, goInfo, oldGoInfo } from '../../../test/support/elf-program.ts'
import { HELD_BYTES, Holder } from './held-bytes.ts'
import { programs } from './programs.ts'

const analyzer = programs(new Holder())
const modules = [
  ['path', 'example.com/tool'],
  ['mod', 'example.com/tool', '(devel)', ''],
  ['dep', 'github.com/gorilla/mux', 'v1.8.0', 'h1:x='],
  ['dep', 'github.com/old/name', 'v1.0.0'],
  ['=>', 'github.com/new/name', 'v1.0.1', 'h1:y='],
  ['dep', 'github.com/local/copy', 'v1.0.0'],
  ['=>', './copy', '(devel)'],
  ['dep', 'gopkg.in/yaml.v3', 'v3.0.0+incompatible'],
  ['build', 'dep', 'v9.9.9'],
]
const found = [
  'stdlib go1.21.4',
  'github.com/gorilla/mux v1.8.0',
  'github.com/new/name v1.0.1',
  'gopkg.in/yaml.v3 v3.0.0+incompatible',
]
const folder = '!partial github.com/local/copy was replaced by a folder, so its version cannot be told'
const go = goInfo('go1.21.4', ...modules)
const section = (content: Uint8Array, name = '.go.buildinfo') => ({ name, content })
const noTables = '!partial its tables lead out of the file: what is in it cannot be told'

const audit = (json: unknown) => section(deflateSync(JSON.stringify(json)), '.dep-v0')
const crates = {
  packages: [
    { name: 'serde', version: '1.0.1', source: 'crates.io' },
    { name: 'cc', version: '1.0.2', kind: 'build' },
    { name: 'tool', version: '0.1.0', source: 'local', root: true },
  ],
}

function changed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes)
  return bytes
}

const cases = [
  { name: 'Go modules, replaced ones, the toolchain', bytes: elfProgram([section(go)]), want: [...found, folder] },
  { name: 'found by the writable segment', bytes: elfProgram([section(go, '.data')]), want: [...found, folder] },
  {
    name: 'before Go 1.18',
    bytes: elfProgram([section(oldGoInfo('go1.17.1', ...modules.slice(0, 3)))]),
    want: ['stdlib go1.17.1', 'github.com/gorilla/mux v1.8.0'],
  },
  {
    name: 'a main module with a version',
    bytes: elfProgram([section(goInfo('go1.24.0', ['mod', 'example.com/tool', 'v1.2.3', 'h1:']))]),
    want: ['stdlib go1.24.0', 'example.com/tool v1.2.3'],
  },
  { name: 'an experiment', bytes: elfProgram([section(goInfo('go1.20.4 X:boringcrypto'))]), want: ['stdlib go1.20.4'] },
  {
    name: 'an unreleased toolchain',
    bytes: elfProgram([section(goInfo('devel go1.22-4d1f3c Thu Aug 3'))]),
    want: ['stdlib go1.22-4d1f3c'],
  },
  {
    name: 'the magic as a constant of another program',
    bytes: elfProgram([section(Buffer.from('\xff Go buildinf:', 'latin1'), '.rodata')]),
    want: [],
  },
  {
    name: 'the constant before what is meant',
    bytes: elfProgram([section(Buffer.from('\xff Go buildinf:'.padEnd(48), 'latin1'), '.rodata'), section(go, '.x')]),
    want: [...found, folder],
  },
  {
    name: 'a length without end',
    bytes: elfProgram([section(changed(Buffer.from(go), (bytes) => bytes.fill(0xff, 32, 40)))]),
    want: [],
  },
  {
    name: 'pointers to nowhere',
    bytes: elfProgram([section(changed(oldGoInfo('go1.17'), (bytes) => bytes.fill(0xee, 16, 32)))]),
    want: [],
  },
  {
    name: 'a section table out of the file hides no Go program',
    bytes: changed(elfProgram([section(go)]), (bytes) => bytes.writeBigUInt64LE(0xffffffffffffffffn, 40)),
    want: [...found, folder],
  },
  {
    name: 'segments out of the file neither',
    bytes: changed(elfProgram([section(go)]), (bytes) => bytes.writeBigUInt64LE(0xfffffffffffffff0n, 32)),
    want: [...found, folder],
  },
  {
    name: 'an absurd section table is a problem',
    bytes: changed(elfProgram([audit(crates)]), (bytes) => bytes.writeBigUInt64LE(0xfffffffffffn, 40)),
    want: [noTables],
  },
  {
    name: 'as many sections as can be said',
    bytes: changed(elfProgram([audit(crates)]), (bytes) => bytes.writeUInt16LE(0xffff, 60)),
    want: [noTables],
  },
  { name: 'no section table at all', bytes: changed(elfProgram([]), (bytes) => bytes.fill(0, 40, 48)), want: [] },
  {
    name: 'only a header',
    bytes: Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(20_000, 0xff)]),
    want: [noTables],
  },
  { name: 'Rust crates', bytes: elfProgram([audit(crates)]), want: ['serde 1.0.1', 'tool 0.1.0'] },
  {
    name: 'a bomb of crates',
    bytes: elfProgram([section(deflateSync(Buffer.alloc(20_000_000)), '.dep-v0')]),
    want: ['!partial its record of Rust crates (.dep-v0) cannot be read'],
  },
  {
    name: 'crates that are no JSON',
    bytes: elfProgram([section(deflateSync('x'), '.dep-v0')]),
    want: ['!partial its record of Rust crates (.dep-v0) cannot be read'],
  },
  { name: 'crates that are none', bytes: elfProgram([audit([1])]), want: [] },
  { name: 'a DOS program', bytes: Buffer.concat([Buffer.from('MZ'), Buffer.alloc(20_000, 0x7f)]), want: [] },
  {
    name: 'a Windows program of nothing',
    bytes: changed(Buffer.alloc(20_000, 0xff), (bytes) => {
      bytes.write('MZ')
      bytes.writeUInt32LE(64, 0x3c)
      bytes.write('PE\0\0', 64)
    }),
    want: [noTables],
  },
  {
    name: 'a macOS program of nothing',
    bytes: Buffer.concat([Buffer.from('cffaedfe', 'hex'), Buffer.alloc(20_000, 0xff)]),
    want: [noTables],
  },
  {
    name: 'a Java class',
    bytes: Buffer.concat([Buffer.from('cafebabe00000034', 'hex'), Buffer.alloc(20_000)]),
    want: [],
  },
  { name: 'a text, which is none', bytes: Buffer.alloc(20_000, 'x'), want: null },
]

for (const { name, bytes, want } of cases) {
  test(`program: ${name}`, async () => {
    for (const piece of [3, 64 * 1024])
      assert.deepEqual(told(await analyze(analyzer, 'usr/bin/tool', bytes, { piece })), want)
  })
}

test('program: small files are not looked at', () =>
  assert.equal(analyzer.open({ path: 'a', size: 1000, mode: 0o755 }), null))

test('program: one that is too large to be held is read as it goes by', async () => {
  const padding = HELD_BYTES + 1000
  const large = elfProgram([section(go)], { minBytes: padding })
  for (const piece of [256 * 1024, 65_521])
    assert.deepEqual(told(await analyze(analyzer, 'a', large, { piece })), [...found, folder])
  const old = elfProgram([section(oldGoInfo('go1.17'))], { minBytes: padding })
  assert.deepEqual(told(await analyze(analyzer, 'a', old)), [
    `!partial it seems to be a Go program made before Go 1.18, and has more than ${HELD_BYTES} bytes`,
  ])
  const rust = elfProgram([audit(crates), section(Buffer.from('x'), '.x')], { minBytes: padding })
  assert.deepEqual(told(await analyze(analyzer, 'a', rust)), [
    `!partial it names its Rust crates, and has more than ${HELD_BYTES} bytes`,
  ])
})
