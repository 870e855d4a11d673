import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from '../../src/scans/run-child.ts'
import { CHILD } from '../../src/scans-of.ts'
import { peakOfChildren } from '../support/child-memory.ts'
import { HOSTILE_LAYERS } from '../support/hostile-layers.ts'

// Layers made to cost more than they are worth, read by the real process: it comes to an end by itself, takes at most 256 MB as seen
// from outside, and says what a person understands, or the truth. HOSTILE=long (`.ci/long hostile`) tries all of them.

const MOST_BYTES = 256 * 1024 * 1024
const isLong = process.env['HOSTILE'] === 'long'

for (const { name, when, bytes, why } of HOSTILE_LAYERS) {
  if (when === 'long' && !isLong) continue
  test(`a process reads ${name}`, async (t) => {
    await CHILD.code() // its own process is not what is measured
    const began = performance.now()
    const { result, peakBytes } = await peakOfChildren(() =>
      runChild(CHILD, streamed(bytes()), [], new AbortController().signal),
    )
    const { files, problems } = result.facts
    const reasons = [...problems, ...files.flatMap((one) => one.problems)].map(({ reason }) => reason)
    t.diagnostic(
      `${Math.round(peakBytes / 1024 ** 2)} MB, ${Math.round(performance.now() - began)} ms; ${reasons[0] ?? ''}`,
    )
    if (why === null) assert.deepEqual(reasons, [])
    else
      assert.ok(
        reasons.some((one) => why.test(one)),
        reasons.slice(0, 5).join('; '),
      )
    assert.ok(peakBytes <= MOST_BYTES, `${peakBytes} bytes`)
  })
}

async function* streamed(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces
}
