import type { Meter } from './measure.ts'
import { percentile } from './statistics.ts'

/** One run of a workload against one server. */
export type Sample = Meter & {
  operations: number
  perSecond: number
  /** Of all bodies that were sent or received. */
  bytes: number
  /** Milliseconds. */
  p50: number
  p99: number
  errors: number
  lastError?: string
}

export type Outcome = { latencies: number[]; bytes: number; errors: number; lastError: string | undefined }

export function sampleOf({ latencies, bytes, errors, lastError }: Outcome, meter: Meter): Sample {
  const sorted = latencies.sort((a, b) => a - b)
  return {
    ...meter,
    operations: sorted.length,
    perSecond: sorted.length / meter.seconds,
    bytes,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    errors,
    ...(lastError === undefined ? {} : { lastError }),
  }
}
