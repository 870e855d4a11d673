import type { Severity } from '../../domain/severity.ts'
import { severityRank } from '../../domain/severity.ts'
import type { Score } from '../advisories/advisory-index.ts'
import { severityOfScore, severityOfWord } from './bands.ts'

/**
 * The highest computed base score of all sources. A stated number counts where its source gives no vector. With words only: the worst
 * word's severity and no score; with nothing `unknown`, never `none`. Source: product.md 7, design.md 11.
 */
export function exposedScore(
  scores: readonly Score[],
  words: readonly string[],
): { readonly score: number | null; readonly severity: Severity } {
  const numbers = scores.flatMap(({ score }) => (score === null ? [] : [score]))
  if (numbers.length > 0) {
    const score = numbers.reduce((best, one) => Math.max(best, one))
    return { score, severity: severityOfScore(score) }
  }
  const severities = words.map(severityOfWord)
  const severity = severities.reduce<Severity>(
    (worst, one) => (severityRank(one) > severityRank(worst) ? one : worst),
    'unknown',
  )
  return { score: null, severity }
}

/** Each once: several records repeat the same source's score. */
export function distinctScores(scores: readonly Score[]): Score[] {
  const seen = new Map(
    scores.map((score) => [JSON.stringify([score.source, score.version, score.vector, score.score]), score]),
  )
  return [...seen.values()].sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || (a.source < b.source ? -1 : 1))
}
