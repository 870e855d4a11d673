/** As nearly all vectors of 3.0 and 3.1 are written: base metrics in their order, then perhaps temporal ones, which do not count. */
const USUAL =
  /^CVSS:3\.([01])\/AV:([NALP])\/AC:([LH])\/PR:([NLH])\/UI:([NR])\/S:([UC])\/C:([NLH])\/I:([NLH])\/A:([NLH])(?:\/E:[XUPFH])?(?:\/RL:[XOTWU])?(?:\/RC:[XURC])?$/

const ATTACK_VECTOR = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 } as const
const COMPLEXITY = { L: 0.77, H: 0.44 } as const
const PRIVILEGES = { U: { N: 0.85, L: 0.62, H: 0.27 }, C: { N: 0.85, L: 0.68, H: 0.5 } } as const
const INTERACTION = { N: 0.85, R: 0.62 } as const
const IMPACT = { N: 0, L: 0.22, H: 0.56 } as const

type Level = 'N' | 'L' | 'H'

/**
 * The base score of a vector that is written as usual; undefined: it is not. Sources: FIRST, CVSS 3.1, 7.1 and appendix A; CVSS 3.0, 8.1.
 * A hundred times as fast as the library, which reads the others and by which the test judges this.
 */
export function usualBaseScore3(vector: string): number | undefined {
  const parts = USUAL.exec(vector)
  if (parts === null) return undefined
  const scope = parts[6] as 'U' | 'C'
  const [c, i, a] = [parts[7], parts[8], parts[9]].map((level) => 1 - IMPACT[level as Level]) as [
    number,
    number,
    number,
  ]
  const lost = 1 - c * i * a
  const impact = scope === 'U' ? 6.42 * lost : 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15
  if (impact <= 0) return 0
  const exploitability =
    8.22 *
    ATTACK_VECTOR[parts[2] as keyof typeof ATTACK_VECTOR] *
    COMPLEXITY[parts[3] as keyof typeof COMPLEXITY] *
    PRIVILEGES[scope][parts[4] as Level] *
    INTERACTION[parts[5] as keyof typeof INTERACTION]
  const sum = Math.min((scope === 'U' ? 1 : 1.08) * (impact + exploitability), 10)
  return parts[1] === '1' ? roundedUp(sum) : Math.ceil(sum * 10) / 10
}

/** CVSS 3.1, appendix A: what differs in the sixth digit is noise. */
function roundedUp(value: number): number {
  const whole = Math.round(value * 100_000)
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10
}
