import type { MetadataStore, Reader, Transaction, TransactOptions } from './metadata/metadata-store.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** The same store, telling how long its transactions take. Reads are too many and too short to be timed one by one. */
export function measured(store: MetadataStore, metrics: Metrics): MetadataStore {
  return {
    read: <T>(fn: (sql: Reader) => Promise<T>) => store.read(fn),
    transact: <T>(fn: (sql: Transaction) => Promise<T>, options?: TransactOptions) =>
      timed(metrics, () => store.transact(fn, options)),
    snapshot: <T>(fn: (sql: Reader) => Promise<T>) => store.snapshot(fn),
    authEpoch: () => store.authEpoch(),
    seenState: () => store.seenState(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

async function timed<T>(metrics: Metrics, act: () => Promise<T>): Promise<T> {
  const start = performance.now()
  try {
    const result = await act()
    metrics.database('transact', 'ok', performance.now() - start)
    return result
  } catch (error) {
    metrics.database('transact', 'failed', performance.now() - start)
    throw error
  }
}
