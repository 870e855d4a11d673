import type { ToPrimary, ToWorker } from './cluster.ts'
import type { App } from './compose.ts'
import { compose } from './compose.ts'
import type { Config } from './config/config.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics, MetricsSnapshot } from './telemetry/metrics.ts'
import { textOf } from './telemetry/metrics.ts'

const GATHER_MS = 2_000

/** One of the processes that share the port: serves until a signal comes, then drains. Resolves to the exit code. */
export async function runWorker(config: Config, log: Log): Promise<number> {
  const signalled = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => signalled.resolve())
  process.on('disconnect', () => process.exit(1)) // the primary was killed
  let app: App
  try {
    app = await compose(config, { log, metricsText })
    answerSnapshots(app.metrics)
    await app.server.listen({ host: config.listen.host, port: config.listen.port })
  } catch (error) {
    const message = reasonOf(error, config)
    if (message === null) log.error({ err: error }, 'cannot start')
    tell({ kind: 'fatal', message: message ?? (error instanceof Error ? error.message : String(error)) })
    await signalled.promise
    return 1
  }
  tell({ kind: 'listening' })
  await signalled.promise
  await app[Symbol.asyncDispose]()
  return 0
}

/** In words, for what an operator can mend; null: the log tells all there is. */
function reasonOf(error: unknown, { listen: { host, port } }: Config): string | null {
  const { code } = error as NodeJS.ErrnoException
  const choose = 'choose another address with ENTREPOT_LISTEN'
  if (code === 'EADDRINUSE') return `${host}:${port} is in use by another program: stop that one, or ${choose}`
  if (code === 'EACCES') return `this user may not listen on ${host}:${port}: ${choose}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine: ${choose}`
  return null
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
