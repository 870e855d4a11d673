import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Results } from '../../../bench/results.ts'
import { workloads } from '../../../bench/workloads.ts'
import { must, skipWithout } from '../../support/tools.ts'

const program = fileURLToPath(new URL('../../../bench/run.mjs', import.meta.url))
/** Those with the largest blobs are only longer. */
const few = workloads.map(({ name }) => name).filter((name) => !name.includes('100 MB'))
const tiny = ['--quick', '--rounds', '1', '--clients', '2', '--count', '4', '--seconds', '1']

test('the benchmark runs each workload against both servers', { skip: skipWithout('distribution') }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-test-'))
  try {
    const file = join(folder, 'results.json')
    const only = few.map((name) => `^${RegExp.escape(name)}$`).join('|')
    await must(process.execPath, [program, ...tiny, '--only', only, '--json', file], { timeout: 300_000 })
    const { comparison } = JSON.parse(await readFile(file, 'utf8')) as Results
    assert.deepEqual(comparison?.workloads.map(({ name }) => name).sort(), few.toSorted())
    for (const { name, samples } of comparison?.workloads ?? []) {
      for (const [server, [sample]] of Object.entries(samples)) {
        assert.equal(sample?.errors, 0, `${name} on ${server}: ${sample?.lastError}`)
        assert.ok(sample.operations > 0, `${name} on ${server}: nothing was done`)
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
