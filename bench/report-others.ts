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
  const rows = latencies.map(({ what, requests, by }) => [
    what,
    figure(requests),
    ...names.map((name) => `${figure(by[name]?.p50 ?? 0)} / ${figure(by[name]?.p99 ?? 0)}`),
  ])
  const parts = [
    '### Many repositories and tags',
    `${describeMachine(machine)}. One request at a time, in turns. Milliseconds: p50 / p99.`,
    table(
      ['', 'repositories', 'tags in one', 'manifests', 'database MiB', 'ms until `/readyz`'],
      sizes.map((size) => [
        size.name,
        size.repositories.toLocaleString('en-US'),
        size.tags.toLocaleString('en-US'),
        size.manifests.toLocaleString('en-US'),
        figure(size.databaseMib),
        size.startUp.map((milliseconds) => milliseconds.toFixed(0)).join(', '),
      ]),
    ),
    table(['', 'requests', ...names], rows),
  ]
  return `${parts.join('\n\n')}\n`
}
