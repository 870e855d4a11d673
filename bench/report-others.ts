import { describeMachine, figure, table } from './report-comparison.ts'
import type { LargeBlob, LongLists } from './result-types.ts'

export function largeSection({ machine, gigabytes, samples }: LargeBlob): string {
  const rows = (['distribution', 'entrepot'] as const).flatMap((name) =>
    samples[name].map((sample) => [
      `${name}, ${sample.what}`,
      figure(sample.perSecond),
      figure(sample.cpuPerGb),
      figure(sample.before),
      figure(sample.firstQuarter),
      figure(sample.lastQuarter),
      figure(sample.peak),
      figure(sample.after),
    ]),
  )
  const head = ['', 'MB/s', 'processor s/GB', 'before', 'first quarter', 'last quarter', 'peak', 'after']
  const parts = [
    `### A blob of ${gigabytes} GB`,
    `${describeMachine(machine)}. Memory of all processes of the server: PSS in MiB; of the quarters the median.`,
    table(head, rows),
  ]
  return `${parts.join('\n\n')}\n`
}

export function listsSection({ machine, sizes, latencies }: LongLists): string {
  const names = sizes.map(({ name }) => name)
  const [first = '', last = ''] = [names[0], names.at(-1)]
  const rows = latencies.map(({ what, requests, isOnlyBounded, by }) => [
    what,
    figure(requests),
    ...names.map((name) => latency(by[name])),
    isOnlyBounded ? '' : figure((by[last]?.p99 ?? 0) / (by[first]?.p99 ?? 1)),
  ])
  const parts = [
    '### Few and many',
    `${describeMachine(machine)}. One request at a time, in turns. Milliseconds: p50 / p99. Pages of 100.`,
    table(
      ['', 'registries', 'repositories in one', 'tags in one', 'manifests', 'database MiB', 'ms until `/readyz`'],
      sizes.map((size) => [
        size.name,
        ...[size.registries, size.repositories, size.tags, size.manifests].map((n) => n.toLocaleString('en-US')),
        figure(size.databaseMib),
        size.startUp.map((milliseconds) => milliseconds.toFixed(0)).join(', '),
      ]),
    ),
    table(['', 'requests', ...names, 'ratio of p99'], rows),
  ]
  return `${parts.join('\n\n')}\n`
}

function latency(of: { p50: number; p99: number; refused?: number } | undefined): string {
  if (of === undefined) return ''
  return `${figure(of.p50)} / ${figure(of.p99)}${of.refused === undefined ? '' : ` (${of.refused} refused)`}`
}
