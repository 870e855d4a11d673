import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyzed, line } from '../../../test/support/analyzed.ts'
import { apk } from './apk.ts'

const SSL = 'C:Q1abc=\nP:libssl3\nV:3.3.2-r0\nA:x86_64\nS:1\nT:SSL: shared libraries\no:openssl\n'

interface Case {
  readonly name: string
  readonly text: string
  readonly want?: readonly string[]
  readonly owns?: readonly string[]
  readonly fatal?: string
}

const cases: readonly Case[] = [
  { name: 'a package', text: `${SSL}\n`, want: ['libssl3 3.3.2-r0 x86_64 of openssl 3.3.2-r0'] },
  { name: 'without an origin', text: 'P:a\nV:1-r0\n\n', want: ['a 1-r0 -'] },
  {
    name: 'two, and empty lines between',
    text: `${SSL}\n\nP:a\nV:1-r0\nA:noarch\n\n`,
    want: ['libssl3 3.3.2-r0 x86_64 of openssl 3.3.2-r0', 'a 1-r0 noarch'],
  },
  {
    name: 'what it owns',
    text: `${SSL}F:usr/lib/node_modules/npm\nR:package.json\nZ:Q1x=\nR:index.js\nF:usr/bin\nM:0:0:755\nR:openssl\na:0:0:755\nF:\nR:rooted.jar\n\nP:b\nV:1\nR:b.jar\n\n`,
    want: ['libssl3 3.3.2-r0 x86_64 of openssl 3.3.2-r0', 'b 1 -'],
    owns: ['usr/lib/node_modules/npm/package.json', 'usr/bin/openssl', 'rooted.jar', 'b.jar'],
  },
  { name: 'empty', text: '', want: [] },
  { name: 'cut off in a line', text: SSL.slice(0, -3), fatal: 'it ends in the middle of a package' },
  { name: 'cut off after a line', text: SSL, fatal: 'it ends in the middle of a package' },
  { name: 'no version', text: 'P:a\n\n', fatal: 'a package has no version (a)' },
  { name: 'no name', text: 'V:1\n\n', fatal: 'a package has no name' },
  { name: 'two names', text: 'P:a\nP:b\nV:1\n\n', fatal: 'it has a package with two fields P' },
  { name: 'a line that is no field', text: 'P:a\nhello\n\n', fatal: 'it has a line that is no field' },
  { name: 'a name of blanks', text: 'P:a b\nV:1\n\n', fatal: "a package's name is not readable" },
  {
    name: 'a version of a kilobyte',
    text: `P:a\nV:${'1'.repeat(1000)}\n\n`,
    fatal: "a package's version (a) is not readable",
  },
]

for (const { name, text, want = [], owns = [], fatal } of cases) {
  test(`apk: ${name}`, async () => {
    const result = await analyzed(apk, 'lib/apk/db/installed', text, 7)
    assert.deepEqual(result?.packages.map(line), want)
    assert.deepEqual(result?.owns, owns)
    assert.deepEqual(
      result?.problems.map(({ reason, weight }) => `${weight}: ${reason}`),
      fatal ? [`fatal: ${fatal}`] : [],
    )
  })
}

test('apk: where apk 3 keeps it', () => {
  assert.ok(apk.open({ path: 'usr/lib/apk/db/installed', size: 1, mode: 0 }))
  assert.equal(apk.open({ path: 'lib/apk/db/scripts.tar', size: 1, mode: 0 }), null)
})

test('apk, hostile: invalid UTF-8 in a name is a fatal problem', async () => {
  const bytes = Buffer.concat([Buffer.from('P:a'), Buffer.from([0xff, 0xfe]), Buffer.from('\nV:1\n\n')])
  const result = await analyzed(apk, 'lib/apk/db/installed', bytes)
  assert.deepEqual(
    result?.problems.map(({ weight }) => weight),
    ['fatal'],
  )
})
