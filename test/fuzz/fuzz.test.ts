import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { runs } from '../support/fuzz.ts'
import { corpusOf } from './corpus.ts'
import { Found, fuzz, tried } from './fuzz.ts'
import { TARGETS } from './list.ts'
import type { Target } from './target.ts'

// Everything kept, and a few new inputs of each parser; a million of each: `.ci/long fuzz`, which is main.ts.

const SEED = 20_261_125

for (const target of TARGETS) {
  test(`${target.name}: what was kept, and some more, break no promise`, async () => {
    const kept = corpusOf(target.name)
    for (const { why, input } of kept) {
      await assert.doesNotReject(tried(target, input, true), why)
    }
    await fuzz(target, { runs: runs(100).numRuns, seed: SEED, corpus: kept.map(({ input }) => input) })
  })
}

test('every file of the corpus is of a parser', () => {
  const files = readdirSync(new URL('corpus', import.meta.url))
  const names = new Set(TARGETS.map(({ name }) => `${name}.jsonl`))
  assert.deepEqual(
    files.filter((file) => !names.has(file)),
    [],
  )
})

/** Breaks on two letters next to each other. */
const fragile: Target = {
  name: 'fragile',
  seeds: [Buffer.from('hello world')],
  words: ['!?'],
  run: (bytes) => {
    assert.ok(!bytes.includes('!?'), 'it broke')
    return String(bytes.length % 7)
  },
}

test('a parser that breaks its promise is found, with the same input for the same seed', async () => {
  const inputs: string[] = []
  for (let time = 0; time < 2; time += 1) {
    await assert.rejects(fuzz(fragile, { runs: 20_000, seed: 7 }), (error) => {
      assert.ok(error instanceof Found)
      assert.match(error.message, /it broke/)
      inputs.push(error.input.toString())
      return true
    })
  }
  assert.ok(inputs[0]?.includes('!?'))
  assert.equal(inputs[0], inputs[1])
})
