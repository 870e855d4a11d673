import type { RunOptions, RunResult } from '../../support/tools.ts'
import { run, tool } from '../../support/tools.ts'

/** What a program said and how it ended. */
export type Ran = RunResult

/** CLIENTS=long: every client, over TLS and plain HTTP, with every kind of image. */
export const LONG = process.env['CLIENTS'] === 'long'

/** Two gigabytes through the slowest client take minutes. */
const PATIENCE_MS = (LONG ? 20 : 5) * 60_000

/** Runs a client to its end. */
export function runProgram(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(tool(name) ?? name, args, { timeout: PATIENCE_MS, ...options })
}

/** Runs steps until one fails; answers with the last one that ran. */
export async function sequence(body: (step: (ran: Promise<Ran>) => Promise<Ran>) => Promise<unknown>): Promise<Ran> {
  let last: Ran = { code: 0, stdout: '', stderr: '', timedOut: false }
  const failed = new Error('a step failed')
  try {
    await body(async (ran) => {
      last = await ran
      if (last.code !== 0) throw failed
      return last
    })
  } catch (error) {
    if (error !== failed) throw error
  }
  return last
}
