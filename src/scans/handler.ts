/** What a queue gives whoever does its jobs; that of src/jobs fits. */
export interface Attempt {
  readonly payload: unknown
  /** From 1 on. */
  readonly number: number
  /** Whether it is given up when this try fails. */
  readonly isLast: boolean
  readonly signal: AbortSignal
}

export interface Handler {
  readonly deadlineMs: number
  readonly run: (attempt: Attempt) => Promise<void>
}
