import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { queueSuite } from '../../test/support/queue-suite.ts'
import { openSqlite } from '../metadata/sqlite.ts'
import { backOff } from './queue.ts'

queueSuite('sqlite', async (now) => {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-'))
  const metadata = await openSqlite({ path: join(directory, 'db'), now })
  return {
    metadata,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
})

const backOffs = [
  [1, 0, 1_000],
  [1, 1, 2_000],
  [4, 0.5, 12_000],
  [30, 1, 900_000],
] as const

for (const [attempts, random, want] of backOffs) {
  test(`backOff: after try ${attempts}, at ${random}`, () =>
    assert.equal(
      backOff(attempts, () => random),
      want,
    ))
}
