import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { keep } from './corpus.ts'
import { TARGETS } from './list.ts'
import type { Order, Report } from './worker.ts'

// node test/fuzz/main.ts [--runs 1000000] [--seed N] [--keep] [NAME...]
// Every parser, or those whose names start so, in a thread of its own that is watched from outside. What breaks a promise is
// written to the corpus, where every test run tries it; with --keep the shortest inputs of new answers, too.

/** None of the inputs takes a thousandth of this; the machine may be busy. */
const PATIENCE_MS = 60_000
const LOOK_MS = 500
const HEAP_MB = 400

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: process.env['FUZZ_RUNS'] ?? '20000' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
    keep: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1) throw new TypeError('--runs is a whole number from 1')

let broken = 0
let tried = 0
for (const { name, fewer = 1 } of TARGETS) {
  if (positionals.length > 0 && !positionals.some((one) => name.startsWith(one))) continue
  tried += 1
  if (!(await tryOne(name, Math.ceil(runs / fewer)))) broken += 1
}
process.stdout.write(`${tried} parsers, ${runs} executions each, ${broken} broken\n`)
process.exitCode = broken === 0 && tried > 0 ? 0 : 1

async function tryOne(name: string, times: number): Promise<boolean> {
  const now = new SharedArrayBuffer(8 + 64 * 1024)
  const began = performance.now()
  const report = await watched({ target: name, runs: times, seed: Number(values.seed), now })
  const seconds = (performance.now() - began) / 1000
  const executions = new Int32Array(now, 0, 1)[0] ?? 0
  const rate = `${executions} executions in ${seconds.toFixed(1)} s, ${Math.round(executions / seconds)}/s`
  if (report.kind === 'found') {
    keep(name, [[report.message, Buffer.from(report.input)]], [])
    process.stdout.write(`${name}: BROKEN after ${rate}: ${report.message}\n${report.stack}\n${shown(report.input)}\n`)
    return false
  }
  if (values.keep)
    keep(
      name,
      [],
      report.answers.map(([why, input]) => [why, Buffer.from(input)]),
    )
  const memory = Math.round(report.peakBytes / 1024 ** 2)
  process.stdout.write(`${name}: ${rate}, ${report.answers.length} different answers, at most ${memory} MB\n`)
  return true
}

/** The thread's report; of one that stands still or dies the input that did it. */
function watched(order: Order): Promise<Report> {
  const [numbers, bytes] = [new Int32Array(order.now, 0, 2), new Uint8Array(order.now, 8)]
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  return new Promise((resolve) => {
    let [last, since] = [-1, performance.now()]
    const looking = setInterval(() => {
      const execution = numbers[0] ?? 0
      if (execution !== last) [last, since] = [execution, performance.now()]
      else if (performance.now() - since > PATIENCE_MS) end(`it has not come back for ${PATIENCE_MS} ms`)
    }, LOOK_MS)
    const end = (message: string, stack = ''): void => {
      clearInterval(looking)
      void worker.terminate()
      resolve({ kind: 'found', message, input: bytes.slice(0, numbers[1]), stack })
    }
    worker.on('message', (report: Report) => {
      clearInterval(looking)
      void worker.terminate()
      resolve(report)
    })
    worker.on('error', (error) => end(String(error), error instanceof Error ? (error.stack ?? '') : ''))
  })
}

function shown(input: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(input).toString('latin1'))
  return text.length > 1500 ? `${text.slice(0, 1500)}…` : text
}
