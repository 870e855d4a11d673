import assert from 'node:assert/strict'
import { test } from 'node:test'
import calculator from 'ae-cvss-calculator'
import { baseScore, scoreOf } from './cvss.ts'
import { usualBaseScore4 } from './cvss-four.ts'
import { usualBaseScore3 } from './cvss-three.ts'

const V31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'
const V40 = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N'
const V2 = 'AV:N/AC:L/Au:N/C:P/I:P/A:P'

/** As Red Hat's `cvss` for Python scores them, or refuses to. */
const cases = [
  { name: '3.1', vector: V31, want: 9.8 },
  { name: '3.0', vector: 'CVSS:3.0/AV:P/AC:H/PR:H/UI:R/S:C/C:L/I:N/A:N', want: 1.8 },
  { name: '2', vector: V2, want: 7.5 },
  { name: 'brackets, which scoreOf takes off', vector: `(${V2})`, want: null },
  { name: '4.0', vector: V40, want: 9.3 },
  { name: 'no impact', vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', want: 0 },
  { name: 'another order of metrics', vector: 'CVSS:3.1/A:H/AC:L/AV:N/PR:N/UI:N/S:U/C:H/I:H', want: 9.8 },
  { name: 'temporal metrics do not count', vector: `${V31}/E:P/RL:O/RC:R`, want: 9.8 },
  { name: 'environmental metrics do not count', vector: `${V31}/MAV:P/MC:N`, want: 9.8 },
  { name: 'threat metrics of 4.0 do not count', vector: `${V40}/E:U`, want: 9.3 },
  { name: 'a metric missing', vector: V31.slice(0, -4), want: null },
  { name: 'a metric missing in 4.0', vector: V40.slice(0, -5), want: null },
  { name: 'a metric twice', vector: `${V31}/AV:L`, want: null },
  { name: 'a temporal metric twice', vector: `${V31}/E:P/E:P`, want: null },
  { name: 'a metric that there is not', vector: `${V31}/ZZ:Q`, want: null },
  { name: 'a value that there is not', vector: V31.replace('AV:N', 'AV:X'), want: null },
  { name: 'a value of the modified metrics only', vector: V40.replace('SI:N', 'SI:S'), want: null },
  { name: 'half a metric', vector: `${V31}/E:`, want: null },
  { name: 'small letters', vector: V31.replace('AV:N', 'AV:n'), want: null },
  { name: 'a slash at the end', vector: `${V31}/`, want: null },
  { name: 'two slashes', vector: V31.replace('/AC', '//AC'), want: null },
  { name: 'without its version', vector: V31.slice('CVSS:3.1/'.length), want: null },
  { name: 'a version that there is not', vector: V31.replace('3.1', '3.2'), want: null },
  { name: 'a remark behind it', vector: `${V31} (estimated)`, want: null },
  { name: 'endless', vector: `${V31}${'/E:P'.repeat(1000)}`, want: null },
  { name: 'a word', vector: 'HIGH', want: null },
] as const

for (const { name, vector, want } of cases) {
  test(`baseScore: ${name}`, () => assert.equal(baseScore(vector), want))
}

const stated = [
  { name: 'the vector wins over what is stated', given: [V31, 7], want: { version: '3.1', score: 9.8, stated: 7 } },
  { name: 'the same stated is not told twice', given: [V31, 9.8], want: { version: '3.1', score: 9.8, stated: null } },
  { name: 'brackets of NVD', given: [`(${V2})`, null], want: { version: '2.0', score: 7.5, stated: null } },
  {
    name: 'an unreadable vector leaves the number',
    given: ['CVSS:3.1/AV:N', 7],
    want: { version: '3.0', score: 7, stated: null },
  },
  { name: 'an unreadable vector and no number', given: ['CVSS:3.1/AV:N', null], want: null },
  { name: 'a number that is none', given: [null, 11], want: null },
] as const

for (const { name, given, want } of stated) {
  test(`scoreOf: ${name}`, () => {
    const [vector, number] = given
    const score = scoreOf('x', vector, number)
    assert.deepEqual(score && { version: score.version, score: score.score, stated: score.stated }, want)
  })
}

/** Every vector of these metrics. */
function vectorsOf(version: string, metrics: string): string[] {
  let all = [`CVSS:${version}`]
  for (const [name, values = ''] of metrics.split(' ').map((one) => one.split(':')))
    all = all.flatMap((begin) => Array.from(values, (value) => `${begin}/${name}:${value}`))
  return all
}

const THREE = 'AV:NALP AC:LH PR:NLH UI:NR S:UC C:NLH I:NLH A:NLH'
const FOUR = 'AV:NALP AC:LH AT:NP PR:NLH UI:NPA VC:HLN VI:HLN VA:HLN SC:HLN SI:HLN SA:HLN'
/** One in so many of the 104,976 of 4.0, of which the library does four in a millisecond; 1: all. */
const EACH = Math.max(1, Math.round(97 / Number(process.env['FUZZ_RUNS'] ?? 1)))

const usual = [
  {
    version: '3.0',
    vectors: vectorsOf('3.0', THREE),
    library: (vector: string) => new calculator.Cvss3P0(vector).calculateScores().base,
  },
  {
    version: '3.1',
    vectors: vectorsOf('3.1', THREE),
    library: (vector: string) => new calculator.Cvss3P1(vector).calculateScores().base,
  },
  {
    version: '4.0',
    vectors: vectorsOf('4.0', FOUR).filter((_, n) => n % EACH === 0),
    library: (vector: string) => new calculator.Cvss4P0(vector).calculateScores().baseMetricsOnly,
  },
]

for (const { version, vectors, library } of usual) {
  test(`what is computed here of ${version} is what the library computes`, () => {
    const ours = (vector: string) => usualBaseScore3(vector) ?? usualBaseScore4(vector)
    assert.deepEqual(
      vectors.filter((vector) => ours(vector) !== library(vector)),
      [],
    )
  })
}
