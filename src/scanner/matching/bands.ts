import type { Severity } from '../../domain/severity.ts'

/** The band of a base score. Source: product.md 7: 0.0 None, 0.1-3.9 Low, 4.0-6.9 Medium, 7.0-8.9 High, 9.0-10.0 Critical. */
export function severityOfScore(score: number): Severity {
  if (score >= 9) return 'critical'
  if (score >= 7) return 'high'
  if (score >= 4) return 'medium'
  return score > 0 ? 'low' : 'none'
}

const WORDS: ReadonlyMap<string, Severity> = new Map([
  ['critical', 'critical'],
  ['emergency', 'critical'],
  ['important', 'high'],
  ['high', 'high'],
  ['moderate', 'medium'],
  ['medium', 'medium'],
  ['low', 'low'],
  ['minor', 'low'],
  ['negligible', 'low'],
  ['unimportant', 'low'],
  ['none', 'none'],
])

/** A vendor's word in our bands; `unknown` for words that say nothing (`not yet assigned`, `end-of-life`), never `none`. */
export function severityOfWord(word: string): Severity {
  return WORDS.get(word.trim().toLowerCase().replace(/\*+$/, '')) ?? 'unknown'
}
