import calculator from 'ae-cvss-calculator'
import type { Score } from './advisory-index.ts'
import { usualBaseScore4 } from './cvss-four.ts'
import { usualBaseScore3 } from './cvss-three.ts'

/** Vectors repeat: 40,000 real scores have 4,000 of them. */
const computed = new Map<string, number | null>()
const MOST_REMEMBERED = 20_000
/** The longest that version 4.0 allows has 200. */
const MAX_VECTOR_LENGTH = 400

/**
 * What a source says of the severity. The number is the base score as computed from the vector, whatever is stated beside it:
 * vendors put the temporal one there (scanning.md, trap 10). Without a readable vector the stated number counts. Null: neither.
 */
export function scoreOf(source: string, vector: string | null, stated: number | null, version = '3.0'): Score | null {
  const written = stated !== null && stated >= 0 && stated <= 10 ? stated : null
  const clean = vector?.trim().replace(/^\(|\)$/g, '') ?? ''
  const base = clean === '' ? null : baseScore(clean)
  if (base === null) return written === null ? null : { source, version, vector: null, score: written, stated: null }
  const isSame = written === null || written === base
  return { source, version: versionOf(clean), vector: clean, score: base, stated: isSame ? null : written }
}

/** The base score, 0.0 to 10.0; null: no whole CVSS vector. Sources: FIRST, CVSS 2.0, 3.0, 3.1, 4.0 (there: CVSS-B). */
export function baseScore(vector: string): number | null {
  const known = computed.get(vector)
  if (known !== undefined) return known
  const score = vector.length > MAX_VECTOR_LENGTH ? null : compute(vector)
  if (computed.size >= MOST_REMEMBERED) computed.clear()
  computed.set(vector, score)
  return score
}

function versionOf(vector: string): string {
  return /^CVSS:(\d\.\d)\//.exec(vector)?.[1] ?? '2.0'
}

/** What the library reads on, some of it telling the log: half a metric, one given twice, values that only modified metrics of 4.0 have. */
function isWellFormed(vector: string): boolean {
  const parts = vector.split('/')
  const metrics = parts.map((part) => /^([A-Z]+):[^:]+$/i.exec(part)?.[1] ?? '')
  return !metrics.includes('') && new Set(metrics).size === metrics.length && !/\/S[IA]:S(\/|$)/.test(vector)
}

function compute(vector: string): number | null {
  const usual = usualBaseScore3(vector) ?? usualBaseScore4(vector)
  if (usual !== undefined) return usual
  if (!isWellFormed(vector)) return null
  try {
    switch (versionOf(vector)) {
      case '2.0': {
        const two = new calculator.Cvss2(vector)
        return two.isBaseFullyDefined() ? finite(two.calculateScores().base) : null
      }
      case '3.0': {
        const three = new calculator.Cvss3P0(vector)
        return three.isBaseFullyDefined() ? finite(three.calculateScores().base) : null
      }
      case '3.1': {
        const three = new calculator.Cvss3P1(vector)
        return three.isBaseFullyDefined() ? finite(three.calculateScores().base) : null
      }
      case '4.0': {
        const four = new calculator.Cvss4P0(vector)
        return four.isBaseFullyDefined() ? finite(four.calculateScores().baseMetricsOnly) : null
      }
      default:
        return null
    }
  } catch {
    return null // the library throws for what it cannot read
  }
}

function finite(score: number | undefined): number | null {
  return score !== undefined && Number.isFinite(score) ? score : null
}
