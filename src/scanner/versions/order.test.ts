import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { VERSION_PIECES } from '../../../test/support/version-pieces.ts'
import { compareIn } from './compare-in.ts'

const ECOSYSTEMS = [
  'Alpine',
  'Debian',
  'Red Hat',
  'npm',
  'Go',
  'NuGet',
  'PyPI',
  'RubyGems',
  'Packagist',
  'Maven',
  'Pub',
  'CRAN',
  'Hackage',
]
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300)

const piece = fc.constantFrom(...VERSION_PIECES)
const version = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ maxLength: 12, unit: 'binary' }),
)

for (const ecosystem of ECOSYSTEMS) {
  test(`${ecosystem}: whatever it is given, it answers, and the same when asked the other way round`, () => {
    const compare = compareIn(ecosystem)
    assert.ok(compare)
    const property = fc.property(version, version, (a, b) => {
      const [there, back] = [compare(a, b), compare(b, a)]
      assert.equal(there === null, back === null)
      if (there !== null && back !== null) assert.equal(Math.sign(there), 0 - Math.sign(back))
      const itself = compare(a, a)
      assert.ok(itself === null || itself === 0)
    })
    fc.assert(property, { numRuns: RUNS })
  })
}

const cases = [
  { name: 'the toolchain of Go', ecosystem: 'Go', a: 'go1.21rc2', b: '1.21.0', want: -1 },
  { name: 'a toolchain with experiments', ecosystem: 'Go', a: 'go1.20.4 X:boringcrypto', b: '1.20.4', want: 0 },
  { name: 'a pseudo-version', ecosystem: 'Go', a: 'v0.0.0-20210921155107-089bfa567519', b: 'v0.1.0', want: -1 },
  { name: 'a main module without a version', ecosystem: 'Go', a: '(devel)', b: 'v1.0.0', want: null },
  {
    name: 'an ecosystem with a suffix',
    ecosystem: 'Ubuntu:22.04:LTS',
    a: '1.0-1ubuntu1',
    b: '1.0-1ubuntu1.1',
    want: -1,
  },
] as const

for (const { name, ecosystem, a, b, want } of cases) {
  test(`compareIn: ${name}`, () => {
    const order = compareIn(ecosystem)?.(a, b) ?? null
    assert.equal(order === null ? null : Math.sign(order), want)
  })
}

test('compareIn: an ecosystem that nobody knows', () => assert.equal(compareIn('Temple OS'), null))
