import type { NewJob } from '../metadata/tables/job-queue.ts'

// What is asked of the queue. Dedupe keys make many pushes of one manifest one scan.

export function scanJob(
  manifestId: number,
  later: { readonly runAfter?: number; readonly waited?: number } = {},
): NewJob {
  const { runAfter, waited } = later
  return {
    kind: 'scan',
    payload: JSON.stringify({ manifestId, ...(waited === undefined ? {} : { waited }) }),
    dedupeKey: `${manifestId}`,
    ...(runAfter === undefined ? {} : { runAfter }),
  }
}

/** `after`: those of higher ids are left to do. */
export function scanRegistryJob(registryId: number, after = 0): NewJob {
  return { kind: 'scan registry', payload: JSON.stringify({ registryId, after }), dedupeKey: `${registryId}` }
}

export function scanMissedJob(after = 0): NewJob {
  return { kind: 'scan missed', payload: JSON.stringify({ after }), dedupeKey: 'all' }
}

export function rematchJob(snapshot: string): NewJob {
  return { kind: 'rematch', payload: JSON.stringify({ snapshot }), dedupeKey: snapshot }
}

/** Of a payload that this program wrote. */
export function numberIn(payload: unknown, name: string): number {
  const value = (payload as Readonly<Record<string, unknown>>)[name]
  if (typeof value !== 'number') throw new TypeError(`the job has no ${name}`)
  return value
}
