import type { Machine } from './machine.ts'
import type { Sample } from './sample.ts'
import type { SubjectName } from './subject.ts'
import type { Goal, Scale } from './workloads.ts'

export type Both<T> = Record<SubjectName, T>

/** Of `node bench/run.mjs`. */
export type Comparison = {
  machine: Machine
  rounds: number
  scale: Scale
  wrk: boolean
  workloads: Measured[]
  memory: Both<MemoryResult>
  /** Milliseconds from the start of the process until it answers; not its first start. */
  startUp: Both<number[]>
}

export type Measured = {
  name: string
  goal?: Goal
  samples: Both<Sample[]>
  /** Median of Entrepot over median of distribution. */
  ratio: number
}

/** MiB of all processes of a server. */
export type MemoryResult = {
  /** PSS before the first request. */
  idle: number
  peak: number
  /** PSS some seconds after the last request. */
  end: number
  /** The same two if no other process mapped the same files. */
  idleAlone: number
  endAlone: number
}

/** Of `node bench/large.mjs`. */
export type LargeBlob = { machine: Machine; gigabytes: number; samples: Both<LargeSample[]> }

export type LargeSample = {
  what: string
  seconds: number
  /** MB (10⁶ bytes) in a second. */
  perSecond: number
  cpuPerGb: number
  /** PSS in MiB: before, at most, after, and the medians of the first and the last quarter. */
  before: number
  peak: number
  after: number
  firstQuarter: number
  lastQuarter: number
}

/** Of `node bench/lists.mjs`. */
export type LongLists = { machine: Machine; sizes: ListSize[]; latencies: ListLatency[] }

export type ListSize = {
  name: string
  registries: number
  repositories: number
  tags: number
  manifests: number
  databaseMib: number
  startUp: number[]
}

/** Milliseconds, by the name of the size. */
export type ListLatency = {
  what: string
  requests: number
  /** Nothing is promised of it but that it ends. */
  isOnlyBounded: boolean
  /** `refused`: so many were told that their page lies too deep. */
  by: Record<string, { p50: number; p99: number; refused?: number }>
}
