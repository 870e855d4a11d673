import { parentPort, workerData } from 'node:worker_threads'
import { corpusOf } from './corpus.ts'
import { Found, fuzz, shortened } from './fuzz.ts'
import { TARGETS } from './list.ts'

/** What is being tried at the moment, for whoever watches: number, length, bytes. */
export interface Order {
  readonly target: string
  readonly runs: number
  readonly seed: number
  readonly now: SharedArrayBuffer
}

export type Report =
  | { readonly kind: 'done'; readonly answers: readonly [string, Uint8Array][]; readonly peakBytes: number }
  | { readonly kind: 'found'; readonly message: string; readonly input: Uint8Array; readonly stack: string }

const { target: name, runs, seed, now } = workerData as Order
const target = TARGETS.find((one) => one.name === name)
if (target === undefined) throw new Error(`there is no parser ${name}`)
const numbers = new Int32Array(now, 0, 2)
const bytes = new Uint8Array(now, 8)

parentPort?.postMessage(await report())

async function report(): Promise<Report> {
  if (target === undefined) throw new Error('no parser')
  let peakBytes = 0
  const watch = {
    before(input: Buffer, execution: number): void {
      bytes.set(input.subarray(0, bytes.length))
      numbers[1] = input.length
      numbers[0] = execution + 1
      if (execution % 4096 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    },
  }
  try {
    const corpus = corpusOf(name).map(({ input }) => input)
    const { answers } = await fuzz(target, { runs, seed, corpus, watch })
    return { kind: 'done', answers: [...answers], peakBytes }
  } catch (error) {
    if (!(error instanceof Found)) throw error
    const cause = error.cause
    const input = await shortened(target, error)
    return { kind: 'found', message: error.message, input, stack: cause instanceof Error ? (cause.stack ?? '') : '' }
  }
}
