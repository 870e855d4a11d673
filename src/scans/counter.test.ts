import assert from 'node:assert/strict'
import { test } from 'node:test'
import { severityOfRank } from '../domain/severity.ts'
import { Counter } from './counter.ts'
import type { Summary } from './tally.ts'
import { countsOf } from './tally.ts'

test('counts over verdicts that are shared are those over all findings', () => {
  const counter = new Counter()
  let state = 7
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) % most
  }
  const finding = (): Summary => ({
    ...{ id: `CVE-${below(12)}`, aliases: [], covers: [], fixable: below(3) === 0 },
    ...{ score: below(4) === 0 ? null : below(101) / 10, severity: severityOfRank(below(6)) },
  })
  const verdicts = Array.from({ length: 40 }, () => Array.from({ length: below(5) }, finding))
  const said = verdicts.map((findings) => counter.said(findings))
  for (let run = 0; run < 300; run += 1) {
    const chosen = Array.from({ length: below(8) }, () => below(verdicts.length))
    const shared = counter.countsOf(chosen.flatMap((at) => said[at] ?? []))
    assert.deepEqual(shared, countsOf(chosen.flatMap((at) => verdicts[at] ?? [])))
  }
})
