import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { tool } from '../test/support/tools.ts'
import { thisMachine, warnings } from './machine.ts'
import { memoryAlone, memoryOf } from './measure.ts'
import { compareSection, lineOf } from './report-comparison.ts'
import type { Both, Comparison, Measured, MemoryResult } from './result-types.ts'
import { keep } from './results.ts'
import type { Sample } from './sample.ts'
import { spreadOf } from './statistics.ts'
import type { Subject } from './subject.ts'
import { startOurs, startPeer } from './subject.ts'
import { touchMemory } from './touch-memory.ts'
import type { Scale, Workload } from './workloads.ts'
import { workloads } from './workloads.ts'

const usage = `usage: node bench/run.mjs [options]
Measures Entrepot beside distribution 3.1.2 (.ci/tools.sh distribution wrk), both with files on loopback, in turns.

  --rounds N       how often each workload runs against each server; the median counts (3)
  --only REGEX     only the workloads whose name matches
  --list           names the workloads
  --quick          one round, little of everything: to see that it runs, and roughly how fast
  --clients N      clients that work at the same time, connections of wrk (10)
  --count N        operations of a workload of zb, of all clients together (100)
  --large-count N  the same for workloads with blobs of 100 MB (as --count)
  --seconds N      how long wrk runs (5)
  --json FILE      writes the results there, not to bench/results/latest.json and docs/performance.md
  --dir DIRECTORY  where both servers keep their data (the temporary directory)
  --server-env NAME=VALUE  for Entrepot, such as NODE_OPTIONS=--cpu-prof; may be repeated

Exit codes: 0 done, 1 when a request failed, 2 usage. Speed decides nothing here: see the column "goal".
`

type Options = {
  rounds: number
  only: RegExp
  scale: Scale
  json: string | undefined
  quick: boolean
  /** Of a part of the workloads, or of little of them, nothing is kept unless asked for. */
  isPartial: boolean
  env: Record<string, string>
}

export async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined
  try {
    options = parse(args)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  return options === undefined ? 0 : await compare(options)
}

/** Undefined when there is nothing to do but to answer. @throws when the arguments make no sense. */
function parse(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      list: { type: 'boolean' },
      quick: { type: 'boolean' },
      rounds: text,
      only: text,
      clients: text,
      count: text,
      'large-count': text,
      seconds: text,
      json: text,
      dir: text,
      'server-env': { type: 'string', multiple: true },
    },
  })
  if (values.help || values.list) {
    process.stdout.write(values.help ? usage : `${workloads.map(({ name }) => name).join('\n')}\n`)
    return undefined
  }
  if (values.dir !== undefined) process.env['TMPDIR'] = values.dir
  const quick = values.quick ?? false
  const count = whole(values.count, quick ? 30 : 100)
  return {
    rounds: whole(values.rounds, quick ? 1 : 3),
    only: new RegExp(values.only ?? ''),
    scale: {
      clients: whole(values.clients, 10),
      count,
      largeCount: whole(values['large-count'], quick ? Math.min(count, 10) : count),
      seconds: whole(values.seconds, quick ? 2 : 5),
      tags: quick ? 100 : 1000,
      coldBlobs: quick ? 100 : 500,
    },
    json: values.json,
    quick,
    isPartial: quick || values.only !== undefined,
    env: Object.fromEntries((values['server-env'] ?? []).map(pair)),
  }
}

function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`not a whole number above 0: ${text}`)
  return Number(text)
}

function pair(text: string): [string, string] {
  const [name = '', ...value] = text.split('=')
  return [name, value.join('=')]
}

async function compare({ rounds, only, scale, quick, json, isPartial, env }: Options): Promise<number> {
  const machine = await thisMachine()
  for (const warning of warnings(machine)) process.stderr.write(`warning: ${warning}\n`)
  const chosen = workloads.filter(({ name }) => only.test(name))
  await using stack = new AsyncDisposableStack()
  const peer = stack.use(await startPeer())
  const ours = stack.use(await startOurs({ env }))
  const memory: Both<MemoryResult> = { distribution: await idleMemory(peer), entrepot: await idleMemory(ours) }
  for (const subject of [peer, ours]) await warmUp(subject, scale)
  const measured: Measured[] = []
  const run = async (workload: Workload): Promise<void> => {
    const result = await inTurns(workload, { peer, ours, rounds, scale, quick })
    measured.push(result)
    process.stdout.write(`${lineOf(result)}\n`)
  }
  for (const workload of chosen) if (workload.restarts !== true) await run(workload)
  await sleep(5000)
  for (const subject of [peer, ours]) finishMemory(memory[subject.name], subject, measured)
  for (const workload of chosen) if (workload.restarts === true) await run(workload)
  const startUp = { distribution: await startUps(peer, rounds), entrepot: await startUps(ours, rounds) }
  const wrk = tool('wrk') !== null
  const comparison: Comparison = { machine, rounds, scale, wrk, workloads: measured, memory, startUp }
  process.stdout.write(`\n${compareSection(comparison)}\n`)
  if (json !== undefined || !isPartial) await keep({ comparison }, json)
  return measured.some(({ samples }) => [...samples.distribution, ...samples.entrepot].some(hasErrors)) ? 1 : 0
}

const hasErrors = ({ errors, operations }: Sample): boolean => errors > 0 || operations === 0

type Turns = { peer: Subject; ours: Subject; rounds: number; scale: Scale; quick: boolean }

/** A little more than any workload writes between two touches. */
const touched = 2 * 2 ** 30

/** Who begins changes from round to round. */
async function inTurns(workload: Workload, { peer, ours, rounds, scale, quick }: Turns): Promise<Measured> {
  const samples: Both<Sample[]> = { distribution: [], entrepot: [] }
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? [peer, ours] : [ours, peer]) {
      if (workload.fills === true && !quick) await touchMemory(touched)
      samples[subject.name].push(await workload.run(subject, scale, round + 1))
    }
  }
  const median = (of: Sample[]): number => spreadOf(of.map(({ perSecond }) => perSecond)).median
  const ratio = median(samples.entrepot) / median(samples.distribution)
  return { name: workload.name, ...(workload.goal === undefined ? {} : { goal: workload.goal }), samples, ratio }
}

/** Both servers have run for a while before anything counts. */
async function warmUp(subject: Subject, scale: Scale): Promise<void> {
  const all = workloads.filter(({ name }) => ['pull 75 % and push 25 % 1 MB', 'manifest GET by tag'].includes(name))
  for (const workload of all) await workload.run(subject, { ...scale, seconds: 1 }, 0)
}

async function idleMemory(subject: Subject): Promise<MemoryResult> {
  await sleep(3000)
  const idle = memoryOf(subject.pids()).pss
  return { idle, peak: idle, end: idle, idleAlone: memoryAlone(subject.pids()), endAlone: 0 }
}

function finishMemory(memory: MemoryResult, subject: Subject, measured: readonly Measured[]): void {
  const peaks = measured.flatMap(({ samples }) => samples[subject.name].map(({ peakPss }) => peakPss))
  memory.peak = Math.max(memory.peak, ...peaks)
  memory.end = memoryOf(subject.pids()).pss
  memory.endAlone = memoryAlone(subject.pids())
}

async function startUps(subject: Subject, times: number): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < times; i++) all.push(await subject.restart())
  return all
}
