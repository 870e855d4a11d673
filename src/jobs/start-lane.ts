import { hostname } from 'node:os'
import type { Lookout } from './lookout.ts'
import { lookOut } from './lookout.ts'
import type { QueueDeps } from './queue.ts'
import { runDueJobs } from './queue.ts'

/** Renewed while a job is done; so long after its process died another one does it. */
const LEASE_MS = 60_000

export interface LaneOptions extends Pick<QueueDeps, 'metadata' | 'handlers' | 'lane' | 'onFailure'> {
  /** How often it looks for what other processes ask for, and for what becomes due. */
  readonly pollMs: number
  /** The queue itself does not work. */
  readonly onError: (error: unknown) => void
}

/** Does what is in a lane of the queue, one job at a time on this machine, until disposed; what is in hand then goes back. */
export function startLane({ pollMs, onError, ...options }: LaneOptions): Lookout {
  const deps = { ...options, node: hostname(), maxOfNode: 1, leaseMs: LEASE_MS, random: Math.random }
  const ending = new AbortController()
  const looking = lookOut(pollMs, () => runDueJobs(deps, ending.signal).catch(onError))
  return {
    soon: () => looking.soon(),
    async [Symbol.asyncDispose]() {
      ending.abort()
      await looking[Symbol.asyncDispose]()
    },
  }
}
