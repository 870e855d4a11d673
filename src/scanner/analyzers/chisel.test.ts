import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { analyzed } from '../../../test/support/analyzed.ts'
import { chisel } from './chisel.ts'

const HEAD = '{"jsonwall":"1.0","schema":"1.0","count":4}\n'
const LINES = [
  '{"kind":"content","slice":"base-files_base","path":"/etc/"}',
  '{"kind":"package","name":"libc6","version":"2.39-0ubuntu8.3","sha256":"aa","arch":"amd64"}',
  '{"kind":"path","path":"/etc/","mode":"0755","slices":["base-files_base"]}',
  '{"kind":"package","name":"zlib1g","version":"1:1.3.dfsg-3.1ubuntu2.1","sha256":"bb","arch":"amd64"}',
]

const cases = [
  {
    name: 'a manifest: its packages, and that they cannot be judged',
    bytes: zstdCompressSync(`${HEAD}${LINES.join('\n')}\n`),
    packages: ['libc6 2.39-0ubuntu8.3 amd64', 'zlib1g 1:1.3.dfsg-3.1ubuntu2.1 amd64'],
    problem: /names no source packages/,
  },
  { name: 'no zstd', bytes: Buffer.from(HEAD), packages: [], problem: /./ },
  { name: 'another wall', bytes: zstdCompressSync('{"count":1}\n'), packages: [], problem: /no manifest of chisel/ },
  { name: 'cut off', bytes: zstdCompressSync(HEAD).subarray(0, 20), packages: [], problem: /./ },
  {
    name: 'a package without a version',
    bytes: zstdCompressSync(`${HEAD}{"kind":"package","name":"a"}\n`),
    packages: [],
    problem: /no version/,
  },
  { name: 'a bomb', bytes: zstdCompressSync(Buffer.alloc(100 * 1024 * 1024)), packages: [], problem: /./ },
]

for (const { name, bytes, packages, problem } of cases) {
  test(`chisel: ${name}`, async () => {
    const result = await analyzed(chisel, 'var/lib/chisel/manifest.wall', bytes)
    assert.deepEqual(
      result?.packages.map((one) => `${one.name} ${one.version} ${one.architecture}`),
      packages,
    )
    assert.deepEqual(
      result?.problems.map(({ weight }) => weight),
      ['fatal'],
    )
    assert.match(result?.problems[0]?.reason ?? '', problem)
  })
}
