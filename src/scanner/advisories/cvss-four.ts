/** As nearly all vectors of 4.0 are written: base metrics in their order, then perhaps whether it is exploited, which does not count. */
const USUAL =
  /^CVSS:4\.0\/AV:([NALP])\/AC:([LH])\/AT:([NP])\/PR:([NLH])\/UI:([NPA])\/VC:([HLN])\/VI:([HLN])\/VA:([HLN])\/SC:([HLN])\/SI:([HLN])\/SA:([HLN])(?:\/E:[XAPU])?$/

/**
 * Scores of macro vectors at the equivalence classes that base metrics can have, and those next below: by 1, 2, 4 (from 1 on), and 3 with 6
 * (00, 01, 10, 11, 21); 5 is 0. Source: FIRST, CVSS 4.0, 8.2 and its `cvss_lookup.js`.
 */
const SCORES = [
  [
    [10, 9.6, 9.3, 9.2, 7.9],
    [9.3, 9, 8.8, 8, 6.9],
  ],
  [
    [9.5, 9.1, 9.2, 8.2, 7.1],
    [9.2, 8.1, 8.4, 7, 6.3],
  ],
  [
    [9.4, 8.9, 8.6, 7.6, 6.5],
    [8.7, 7.5, 7.2, 5.7, 5.3],
  ],
  [
    [9, 7.7, 7.4, 5.9, 5.8],
    [7.7, 6.6, 6.1, 5.2, 2.3],
  ],
  [
    [8.6, 7.4, 7.2, 5.7, 4.7],
    [7, 5.4, 5.3, 3.6, 2.4],
  ],
  [
    [7.3, 5.5, 6.1, 5.1, 2.4],
    [5.4, 4.3, 4.6, 1.8, 1],
  ],
] as const

/** Steps from the highest to the lowest vector of a class. Source: as above, `max_severity.js`. */
const DEPTHS = { one: [1, 4, 5], two: [1, 2], three: [7, 6, 8, 8, 10], four: [5, 4] } as const
/** Of these the sum of the levels of the highest vector of a class; two may be the highest, with the same sum. */
const HIGHEST = { one: [0, 1, 3], two: [0, 1], three: [0, 0, 1, 0, 3], four: [0, 3] } as const
/** Of confidentiality and integrity the impact is high: both, one of the three, none. */
const [BOTH, ONE, NONE] = [0, 2, 4] as const
/** Binary fractions below a half that should be one. Source: FIRST's calculator, `roundToDecimalPlaces`. */
const EPSILON = 1e-6

/**
 * The base score (CVSS-B) of a vector that is written as usual; undefined: it is not. Source: FIRST, CVSS 4.0, 8. A hundred times as fast
 * as the library, which reads the others and by which the test judges this.
 */
export function usualBaseScore4(vector: string): number | undefined {
  const parts = USUAL.exec(vector)
  if (parts === null) return undefined
  const level = (place: number, order: string): number => order.indexOf(parts[place] as string)
  const sum = (...levels: readonly number[]): number => levels.reduce((all, one) => all + one, 0)
  const access = [level(1, 'NALP'), level(4, 'NLH'), level(5, 'NPA')] as const
  const hardness = sum(level(2, 'LH'), level(3, 'NP'))
  const own = [level(6, 'HLN'), level(7, 'HLN'), level(8, 'HLN')] as const
  const others = [level(9, 'HLN'), level(10, 'HLN'), level(11, 'HLN')]
  if (sum(...own, ...others) === 12) return 0
  const one = sum(...access) === 0 ? 0 : access[0] < 3 && access.includes(0) ? 1 : 2
  const two = hardness === 0 ? 0 : 1
  const three = own[0] + own[1] === 0 ? BOTH : own.includes(0) ? ONE : NONE
  const four = others.includes(0) ? 0 : 1
  const whole = scoreAt(one, two, three, four) ?? 0
  const ways = [
    { next: scoreAt(one + 1, two, three, four), far: sum(...access) - HIGHEST.one[one], of: DEPTHS.one[one] },
    { next: scoreAt(one, two + 1, three, four), far: hardness - HIGHEST.two[two], of: DEPTHS.two[two] },
    { next: belowThree(one, two, three, four), far: sum(...own) - HIGHEST.three[three], of: DEPTHS.three[three] },
    { next: scoreAt(one, two, three, four + 1), far: sum(...others) - HIGHEST.four[four], of: DEPTHS.four[four] },
    { next: whole, far: 0, of: 1 }, // the fifth class: there is always one below, and base metrics are at its top
  ].flatMap(({ next, far, of }) => (next === undefined ? [] : [((whole - next) * far) / of]))
  const score = Math.min(Math.max(whole - sum(...ways) / ways.length, 0), 10)
  return Math.round((score + EPSILON) * 10) / 10
}

function scoreAt(one: number, two: number, three: number, four: number): number | undefined {
  return two > 1 ? undefined : SCORES[one * 2 + two]?.[four]?.[three]
}

/** The third and the sixth class depend on each other: from the top, two are next below, of which the higher counts. */
function belowThree(one: number, two: number, three: number, four: number): number | undefined {
  if (three === BOTH) return Math.max(scoreAt(one, two, 1, four) ?? 0, scoreAt(one, two, ONE, four) ?? 0)
  return three === ONE ? scoreAt(one, two, 3, four) : undefined
}
