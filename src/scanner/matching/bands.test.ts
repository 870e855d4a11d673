import assert from 'node:assert/strict'
import { test } from 'node:test'
import { severityOfScore, severityOfWord } from './bands.ts'

const scores = [
  [0, 'none'],
  [0.1, 'low'],
  [3.9, 'low'],
  [4, 'medium'],
  [6.9, 'medium'],
  [7, 'high'],
  [8.9, 'high'],
  [9, 'critical'],
  [10, 'critical'],
] as const

for (const [score, want] of scores) {
  test(`severityOfScore: ${score} is ${want}`, () => assert.equal(severityOfScore(score), want))
}

const words = [
  ['Important', 'high'],
  ['MODERATE', 'medium'],
  ['negligible', 'low'],
  ['low**', 'low'],
  ['not yet assigned', 'unknown'],
  ['', 'unknown'],
] as const

for (const [word, want] of words) {
  test(`severityOfWord: "${word}" is ${want}`, () => assert.equal(severityOfWord(word), want))
}
