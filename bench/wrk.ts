import { fileURLToPath } from 'node:url'
import { must, tool } from '../test/support/tools.ts'
import { headOf, sendAll } from './client.ts'
import type { Meter } from './measure.ts'
import { metered } from './measure.ts'
import type { Sample } from './sample.ts'
import { sampleOf } from './sample.ts'
import type { Subject } from './subject.ts'

export type Hammer = {
  method: 'GET' | 'HEAD'
  path: string
  headers: Record<string, string | undefined>
  connections: number
  seconds: number
}

/** One request again and again on some connections: with wrk where it is installed and can, else with our own client. */
export async function hammer(subject: Subject, task: Hammer): Promise<Sample> {
  const wrk = tool('wrk')
  // wrk waits for a body after HEAD.
  return wrk === null || task.method === 'HEAD' ? await withOwnClient(subject, task) : await withWrk(wrk, subject, task)
}

async function withOwnClient(subject: Subject, task: Hammer): Promise<Sample> {
  const request = headOf(task.method, task.path, task.headers)
  const end = performance.now() + task.seconds * 1000
  let outcome: Awaited<ReturnType<typeof sendAll>> | undefined
  const meter = await metered(subject.pids, async () => {
    outcome = await sendAll(subject.port, task.connections, () => (performance.now() < end ? request : undefined))
  })
  if (outcome === undefined) throw new Error('nothing ran')
  return sampleOf(outcome, meter)
}

const script = fileURLToPath(new URL('wrk.lua', import.meta.url))

async function withWrk(wrk: string, subject: Subject, task: Hammer): Promise<Sample> {
  const { path, headers, connections, seconds } = task
  const url = `http://127.0.0.1:${subject.port}${path}`
  const given = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : ['-H', `${name}: ${value}`],
  )
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, ...given]
  let output = ''
  const meter = await metered(subject.pids, async () => {
    output = await must(wrk, [...options, url])
  })
  return counted(output, meter)
}

type Counts = {
  requests: number
  microseconds: number
  bytes: number
  failed: number
  status: number
  p50: number
  p99: number
}

function counted(output: string, meter: Meter): Sample {
  const counts = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Counts
  const errors = counts.failed + counts.status
  return {
    ...meter,
    operations: counts.requests,
    perSecond: (counts.requests - errors) / (counts.microseconds / 1e6),
    bytes: counts.bytes,
    p50: counts.p50,
    p99: counts.p99,
    errors,
    ...(errors === 0 ? {} : { lastError: `${counts.failed} broke off, ${counts.status} were not 2xx or 3xx` }),
  }
}
