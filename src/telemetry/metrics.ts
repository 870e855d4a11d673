import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { collectProcessMetrics } from './process-metrics.ts'
import type { AnsweredRequest } from './request-tally.ts'
import { RequestTally } from './request-tally.ts'

/** What the rooms report. All methods may be used unbound. */
export interface Metrics {
  request(answered: AnsweredRequest): void
  cache(name: string, result: 'hit' | 'miss'): void
  database(kind: 'read' | 'transact', result: 'ok' | 'failed', ms: number): void
  job(name: string, result: 'ok' | 'failed', ms: number): void
  /**
   * A number that is read when somebody looks. `over` says how those of several processes become one: counts of each
   * process are added, what all processes see alike is not.
   */
  gauge(name: string, help: string, over: 'sum' | 'max', read: () => number | Promise<number>): void
  /** Numbers of things with names, under the label `label`; all processes see them alike. */
  gauges(name: string, help: string, label: string, read: () => Promise<ReadonlyMap<string, number>>): void
  /** This process's numbers, to be sent to whoever calls `textOf`. */
  snapshot(): Promise<MetricsSnapshot>
}

/** Plain data: may be sent to another process. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[]

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

const DATABASE_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]
const JOB_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 1800]

/** The numbers of one process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectProcessMetrics(registry)
  const requests = new RequestTally()
  const cache = new Counter({
    name: 'entrepot_cache_requests_total',
    help: 'Look-ups in a cache in memory, by cache and result',
    labelNames: ['cache', 'result'],
    registers,
  })
  const timed = (name: string, help: string, label: string, buckets: number[]) =>
    new Histogram({ name, help, labelNames: [label, 'result'], buckets, registers })
  const database = timed(
    'entrepot_database_seconds',
    'Time of reads and transactions, waiting included',
    'kind',
    DATABASE_SECONDS,
  )
  const jobs = timed('entrepot_job_seconds', 'Time of background jobs', 'job', JOB_SECONDS)
  return {
    request: requests.add,
    cache: (name, result) => cache.inc({ cache: name, result }),
    database: (kind, result, ms) => database.observe({ kind, result }, ms / 1000),
    job: (job, result, ms) => jobs.observe({ job, result }, ms / 1000),
    gauge: (name, help, over, read) => addGauge(registers, { name, help, aggregator: over }, read),
    gauges: (name, help, label, read) => addGauges(registers, { name, help, aggregator: 'max' }, label, read),
    snapshot: async () => [...(await registry.getMetricsAsJSON()), ...requestMetrics(requests)],
  }
}

/** The Prometheus text of one process, or of several taken together. Source: Prometheus text exposition format 0.0.4. */
export async function textOf(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  // Aggregating changes what it is given.
  return await AggregatorRegistry.aggregate(
    structuredClone(snapshots) as MetricObjectWithValues<MetricValue<string>>[][],
  ).metrics()
}

/** The library's types name its own enumeration and a label's type; its text is made of the same plain data. */
function requestMetrics(requests: RequestTally): MetricsSnapshot {
  return requests.metrics() as unknown as MetricsSnapshot
}

function addGauge(
  registers: Registry[],
  about: { readonly name: string; readonly help: string; readonly aggregator: 'sum' | 'max' },
  read: () => number | Promise<number>,
): void {
  const gauge: Gauge = new Gauge({
    ...about,
    registers,
    async collect() {
      gauge.set(await read())
    },
  })
}

function addGauges(
  registers: Registry[],
  about: { readonly name: string; readonly help: string; readonly aggregator: 'max' },
  label: string,
  read: () => Promise<ReadonlyMap<string, number>>,
): void {
  const gauge: Gauge = new Gauge({
    ...about,
    labelNames: [label],
    registers,
    async collect() {
      const values = await read()
      gauge.reset() // what is gone is not shown any more
      for (const [name, value] of values) gauge.set({ [label]: name }, value)
    },
  })
}
