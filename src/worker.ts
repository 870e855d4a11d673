import type { ToPrimary, ToWorker } from './cluster.ts'
import { listenProblem } from './cluster.ts'
import type { App } from './compose.ts'
import { compose } from './compose.ts'
import type { Config } from './config/config.ts'
import { collectWhenIdle } from './idle-memory.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics, MetricsSnapshot } from './telemetry/metrics.ts'
import { textOf } from './telemetry/metrics.ts'

const GATHER_MS = 2_000
/**
 * Each worker has a socket of its own on the port and the kernel spreads connections over them. Handed on by the primary
 * instead (node:cluster's way, kept where the kernel cannot), a connection is lost when the worker it was handed to is
 * killed at that moment: nobody closes it and its client waits for ever.
 */
const SHARED = process.platform === 'linux' ? { reusePort: true, exclusive: true } : {}

/** One of the processes that share the port: serves until a signal comes, then drains. Resolves to the exit code. */
export async function runWorker(config: Config, log: Log): Promise<number> {
  const signalled = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => signalled.resolve())
  process.on('disconnect', () => process.exit(1)) // the primary was killed
  let app: App
  try {
    app = await compose(config, { log, metricsText })
    answerSnapshots(app.metrics)
    await app.server.listen({ ...config.listen, ...SHARED })
  } catch (error) {
    const message = listenProblem(error, config.listen)
    if (message === null) log.error({ err: error }, 'cannot start')
    tell({ kind: 'fatal', message: message ?? (error instanceof Error ? error.message : String(error)) })
    await signalled.promise
    return 1
  }
  tell({ kind: 'listening' })
  using _ = collectWhenIdle()
  await signalled.promise
  await app[Symbol.asyncDispose]()
  return 0
}

function tell(message: ToPrimary): void {
  process.send?.(message)
}

function answerSnapshots(metrics: Metrics): void {
  process.on('message', (message: ToWorker) => {
    if (message.kind !== 'snapshot') return
    const { request } = message
    void metrics.snapshot().then((snapshot) => tell({ kind: 'snapshot', request, snapshot }))
  })
}

/** Of all workers, by way of the primary; if that does not answer, of this one. */
async function metricsText(own: Metrics): Promise<string> {
  const request = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
  const { promise, resolve } = Promise.withResolvers<readonly MetricsSnapshot[] | null>()
  const hear = (message: ToWorker): void => {
    if (message.kind === 'gathered' && message.request === request) resolve(message.snapshots)
  }
  process.on('message', hear)
  const timer = setTimeout(() => resolve(null), GATHER_MS)
  tell({ kind: 'gather', request })
  const snapshots = await promise
  clearTimeout(timer)
  process.off('message', hear)
  return await textOf(snapshots ?? [await own.snapshot()])
}
