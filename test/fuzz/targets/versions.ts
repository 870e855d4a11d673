import assert from 'node:assert/strict'
import { compareIn } from '../../../src/scanner/versions/compare-in.ts'
import { VERSION_PIECES } from '../../support/version-pieces.ts'
import type { Target } from '../target.ts'

/** Versions as they really are, a line each: the order of all pairs and all triples of them is asked for. */
const SEEDS: Readonly<Record<string, string>> = {
  Alpine: '1.2.3-r0\n1.2.3_rc1-r1\n1.2.3a\n2.6.32.12-r2\n1.2.4_git20230717-r4\n01.1\n0_p1',
  Debian: '1:1.0-1\n1.0~rc1-1\n1.0+dfsg-1+b1\n0.0.0-0\n2.6.32\na1.0',
  'Red Hat': '1:1.0-1.el9\n1.0~rc1-1\n1.0^git1-1\n1.0\n001.0a-2\n(none):1-1',
  npm: '1.2.3\n1.2.3-alpha.1\n1.2.3-alpha.beta\nv1.0\n1.0.0+build\n=1.2',
  Go: 'v1.2.3\ngo1.21rc2\nv0.0.0-20210921155107-089bfa567519\nv2.0.0+incompatible\ngo1.20.4 X:boringcrypto\n1.21.0',
  NuGet: '1.2.3.4\n1.2.3-Beta.1\n1.0\n1.0.0+x\nv1\n1.0.0-beta',
  PyPI: '1.0\n1.0.post1\n1.0.dev1\n1!0.1\n1.0+local.1\n1.0rc1\n2004d\n0.1-bulbasaur',
  RubyGems: '1.0.0\n1.0.0.rc1\n1.0.a.2\n1\n1.0.0-x\n2.b1',
  Packagist: '1.0.0\nv1.0.0-RC1\ndev-master\n1.0-beta2\n1.0.0p1\n1.0.0.0#x',
  Maven: '1.0\n1.0-SNAPSHOT\n1-ga-1\n1.0.RC2\n1-alpha2\n2.0-x-1\n1..0\n1.a1-sp',
  Pub: '1.0.0\n1.0.0+1\n1.0.0-dev.1\n1.0.0+a.b',
  CRAN: '1.0\n1.0-1\n1.0.0\n01.2',
  Hackage: '1.0\n1.0.0.1\n0\n00.1',
}
/**
 * Where a scheme's own program goes in circles (apk and PHP on what is no version of theirs, Maven on letters), ours does as it does: an order
 * is promised for versions of these forms only.
 */
const ORDERED: Readonly<Record<string, RegExp>> = {
  Alpine: /^\d+(?:\.[1-9]\d*|\.0)*[a-z]?(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d+){0,2}(?:-r\d+)?$/,
  Packagist: /^[^#]*$/,
  Maven: /^\d+(?:\.\d+){0,3}(?:-(?:alpha|beta|milestone|rc|snapshot|sp))?$/,
}

export const VERSION_TARGETS: readonly Target[] = Object.entries(SEEDS).map(([ecosystem, versions]) => ({
  name: `versions-${ecosystem.toLowerCase().replace(' ', '-')}`,
  seeds: [
    Buffer.from(versions),
    ...versions.split('\n').map((one, at, all) => Buffer.from(`${one}\n${all[(at + 1) % all.length]}`)),
  ],
  words: VERSION_PIECES,
  maxBytes: 200,
  run: (bytes) => runOrder(ecosystem, bytes.toString().split('\n', 5)),
}))

function runOrder(ecosystem: string, versions: readonly string[]): string {
  const compare = compareIn(ecosystem)
  assert.ok(compare)
  const order = versions.map((a) => versions.map((b) => signOf(compare(a, b))))
  const at = (i: number, j: number): number | null => order[i]?.[j] ?? null
  for (const i of versions.keys()) {
    assert.ok(at(i, i) === 0 || at(i, i) === null, `${versions[i]} differs from itself`)
    for (const j of versions.keys()) {
      const [there, back] = [at(i, j), at(j, i)]
      assert.ok(
        there === back || (there ?? 0) + (back ?? 0) === 0,
        `${versions[i]} and ${versions[j]}, both ways round`,
      )
      const isKnown = at(i, i) !== null && at(j, j) !== null
      assert.equal(there !== null, isKnown, `${versions[i]} and ${versions[j]}: each has an order, or one has none`)
    }
  }
  const form = ORDERED[ecosystem]
  const sound = [...versions.keys()].filter((one) => form?.test(versions[one] ?? '') ?? true)
  for (const i of sound)
    for (const j of sound) for (const k of sound) checkTriple([at(i, j), at(j, k), at(i, k)], [i, j, k], versions)
  const signs = order.map((row) => row.map((one) => (one === null ? 'n' : '<=>'[one + 1])).join(''))
  return signs.join(' ').slice(0, 20)
}

function signOf(order: number | null): number | null {
  if (order === null) return null
  assert.ok(!Number.isNaN(order), 'no number')
  return order === 0 ? 0 : Math.sign(order)
}

/** a ≤ b and b ≤ c make a ≤ c, and with one of them strict a < c. */
function checkTriple(
  [ab, bc, ac]: readonly (number | null)[],
  places: readonly number[],
  all: readonly string[],
): void {
  if (ab === null || bc === null || ab === undefined || bc === undefined || ab > 0 || bc > 0) return
  if (ab === 0 && bc === 0 ? ac === 0 : ac === -1) return
  assert.fail(`no order: ${places.map((one) => JSON.stringify(all[one])).join(', ')}: ${ab} ${bc}, but ${ac}`)
}
