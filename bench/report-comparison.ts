import type { Machine } from './machine.ts'
import type { Both, Comparison, Measured, MemoryResult } from './result-types.ts'
import type { Sample } from './sample.ts'
import { spreadOf } from './statistics.ts'
import type { Goal } from './workloads.ts'

/** Thousands apart; below a hundred one digit after the point, below one three. */
export function figure(value: number): string {
  const digits = value >= 100 ? 0 : value >= 1 ? 1 : 3
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

export function describeMachine({ cores, processor, memoryGib, kernel, fileSystem, node, date }: Machine): string {
  return `${date}, ${cores} × ${processor}, ${memoryGib} GiB, Linux ${kernel}, ${fileSystem}, Node ${node}`
}

const range = (values: readonly number[]): string => {
  const { median, min, max } = spreadOf(values)
  return values.length < 2 ? figure(median) : `${figure(median)} (${figure(min)}-${figure(max)})`
}

/** While it runs: one line for each workload. */
export function lineOf(measured: Measured): string {
  const { name, ratio, goal, samples } = measured
  const rate = (of: Sample[]): string => range(of.map(({ perSecond }) => perSecond))
  const errors = [...samples.distribution, ...samples.entrepot].filter((sample) => sample.errors > 0)
  const complaint = errors.length === 0 ? '' : `  ERRORS: ${errors.map(({ lastError }) => lastError).join('; ')}`
  const verdict = goal === undefined ? '' : `, goal ${goalOf(goal)}: ${verdictOn(ratio, goal)}`
  return `${name}: ${rate(samples.distribution)} | ${rate(samples.entrepot)} = ${ratio.toFixed(2)}${verdict}${complaint}`
}

function goalOf(goal: Goal | undefined): string {
  if (goal === undefined) return ''
  return goal.floor === goal.aim ? `≥ ${goal.aim}` : `≥ ${goal.floor}, aim ${goal.aim}`
}

function verdictOn(ratio: number, goal: Goal | undefined): string {
  if (goal === undefined) return ''
  if (ratio >= goal.aim) return 'met'
  return ratio >= goal.floor ? 'floor' : 'missed'
}

export function compareSection(comparison: Comparison): string {
  const { machine, rounds, scale, wrk, workloads, memory, startUp } = comparison
  const parts = [
    '### Beside distribution 3.1.2',
    `${describeMachine(machine)}. ${rounds} rounds, ${scale.clients} clients, ${scale.count} operations ` +
      `(with blobs of 100 MB: ${scale.largeCount}), ${wrk ? 'wrk' : 'our own client instead of wrk'} ` +
      `${scale.seconds} s. Operations per second: median (least-most). Ratio: of the medians.`,
    table(
      ['workload', 'distribution', 'Entrepot', 'ratio', 'goal', '', 'p99 ms, distribution', 'p99 ms, Entrepot'],
      workloads.map(row),
    ),
    'Processor time of the server process(es), by the median of its rounds:',
    table(
      ['workload', 'distribution', 'Entrepot', ''],
      workloads.flatMap((measured) => cost(measured)),
    ),
    'Memory of all processes of a server, PSS in MiB:',
    table(['', 'distribution', 'Entrepot'], memoryRows(memory)),
    `Start to the first answer (Entrepot: \`/readyz\`), second and later starts: distribution ` +
      `${range(startUp.distribution)} ms, Entrepot ${range(startUp.entrepot)} ms.`,
  ]
  return `${parts.join('\n\n')}\n`
}

function row({ name, goal, ratio, samples }: Measured): string[] {
  const rate = (of: Sample[]): string => range(of.map(({ perSecond }) => perSecond))
  const p99 = (of: Sample[]): string => figure(spreadOf(of.map((sample) => sample.p99)).median)
  const { distribution, entrepot } = samples
  return [
    name,
    rate(distribution),
    rate(entrepot),
    ratio.toFixed(2),
    goalOf(goal),
    verdictOn(ratio, goal),
    p99(distribution),
    p99(entrepot),
  ]
}

/** Of workloads that move megabytes seconds for each GB, of the others microseconds for each operation. */
function cost({ name, samples }: Measured): string[][] {
  const of = (per: (sample: Sample) => number): Both<string> => ({
    distribution: figure(spreadOf(samples.distribution.map(per)).median),
    entrepot: figure(spreadOf(samples.entrepot.map(per)).median),
  })
  const [first] = samples.entrepot
  if (first === undefined) return []
  const movesMuch = first.bytes / Math.max(1, first.operations) > 5e5
  const { distribution, entrepot } = movesMuch
    ? of(({ serverCpu, bytes }) => (serverCpu * 1e9) / bytes)
    : of(({ serverCpu, operations }) => (serverCpu * 1e6) / operations)
  return [[name, distribution, entrepot, movesMuch ? 's/GB' : 'µs']]
}

function memoryRows({ distribution, entrepot }: Both<MemoryResult>): string[][] {
  const line = (name: string, of: (memory: MemoryResult) => number): string[] => [
    name,
    figure(of(distribution)),
    figure(of(entrepot)),
  ]
  return [
    line('idle after start', ({ idle }) => idle),
    line('peak', ({ peak }) => peak),
    line('5 s after the last request', ({ end }) => end),
    line('idle, if nothing else used the same Node binary', ({ idleAlone }) => idleAlone),
    line('at the end, likewise', ({ endAlone }) => endAlone),
  ]
}
