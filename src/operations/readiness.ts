import type { Log } from '../http/log.ts'

/** Something this node cannot serve without. */
export interface ReadinessCheck {
  /** Shown to strangers: `database`, `storage`, `keys`, `accepting`. */
  readonly name: string
  /** Rejects when it does not work; why is logged, not shown. */
  check(): Promise<void>
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>
}

/** A load balancer gives up after a few seconds: a store that hangs is not ready. */
const PATIENCE_MS = 2_000
/** Nobody makes us ask the stores more often than this. */
const FRESH_MS = 500

/** Asks all checks at once; whoever asks meanwhile, or right afterwards, is told the same. */
export function createReadiness(
  checks: readonly ReadinessCheck[],
  log: Log,
  now: () => number = Date.now,
): () => Promise<Readiness> {
  let last: { readonly at: number; readonly answer: Promise<Readiness> } | null = null
  const told = new Map<string, 'ok' | 'failed'>()
  const ask = async (): Promise<Readiness> => {
    const results = await Promise.all(checks.map(async ({ name, check }) => [name, await outcome(check)] as const))
    for (const [name, error] of results) {
      const state = error === null ? 'ok' : 'failed'
      if (error !== null && told.get(name) !== 'failed') log.error({ err: error, check: name }, 'not ready')
      if (error === null && told.get(name) === 'failed') log.info({ check: name }, 'ready again')
      told.set(name, state)
    }
    const states = results.map(([name, error]) => [name, error === null ? 'ok' : 'failed'] as const)
    return { ready: results.every(([, error]) => error === null), checks: Object.fromEntries(states) }
  }
  return () => {
    if (last === null || now() - last.at >= FRESH_MS) last = { at: now(), answer: ask() }
    return last.answer
  }
}

/** Null when the check passed in time. */
async function outcome(check: () => Promise<void>): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
  try {
    await Promise.race([check(), late])
    return null
  } catch (error) {
    return error ?? new Error('failed without a reason')
  } finally {
    clearTimeout(timer)
  }
}
