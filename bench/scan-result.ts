import type { Machine } from './machine.ts'

/** One figure of one part. */
export interface ScanFigure {
  readonly what: string
  /** Of how much: "133,270 affected rows of 27,003 records". */
  readonly of: string
  readonly value: number
  readonly unit: 's' | 'ms' | 'MB' | 'x'
  /** At most so much; without one, it is only measured. */
  readonly goal?: number
}

export interface ScanOptions {
  /** A folder with advisories in the shapes that are published. */
  readonly advisories: string
  /** PostgreSQL as well, started for it. */
  readonly postgres: boolean
  /** Of images, names and rows: 1 is what the goals speak of. Less: to see that it runs. */
  readonly scale: number
}

/** Runs in a process of its own, whose memory it may measure. */
export interface ScanPart {
  readonly measure: (options: ScanOptions) => Promise<ScanFigure[]>
}

/** By the name of the part. */
export type ScanResults = Record<string, { readonly machine: Machine; readonly figures: readonly ScanFigure[] }>
