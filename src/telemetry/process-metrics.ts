import { createRequire } from 'node:module'
import type { Registry } from 'prom-client'

/**
 * The library's default metrics but one: its histogram of garbage collections takes an observer that V8 calls after each,
 * hundreds of times a second under load, for 3 % of the processor time of a manifest.
 */
const COLLECTED = [
  'processCpuTotal',
  'processStartTime',
  'osMemoryHeap',
  'processOpenFileDescriptors',
  'processMaxFileDescriptors',
  'eventLoopLag',
  'processResources',
  'processHandles',
  'processRequests',
  'heapSizeAndUsed',
  'heapSpacesSizeAndUsed',
  'version',
] as const

const requireHere = createRequire(import.meta.url)

/** Processor time, memory, file descriptors, event loop and heap of this process, under their usual names. */
export function collectProcessMetrics(registry: Registry): void {
  for (const name of COLLECTED) {
    const collect = requireHere(`prom-client/lib/metrics/${name}.js`) as (registry: Registry) => void
    collect(registry)
  }
}
