import type { Primary } from './cluster.ts'
import type { HostPort } from './config/config.ts'
import { createClientOf } from './http/client.ts'
import { createServer } from './http/server.ts'
import { metricsListener } from './operations/operations.ts'
import type { Log } from './telemetry/log.ts'
import { textOf } from './telemetry/metrics.ts'

/** The listener of ENTREPOT_METRICS_LISTEN, in the primary: numbers of all workers. @returns how to close it. */
export async function serveMetricsListener(
  { host, port }: HostPort,
  log: Log,
  primary: Pick<Primary, 'allListening' | 'gather'>,
): Promise<() => Promise<void>> {
  const server = createServer({
    log,
    clientOf: createClientOf({ trustedProxies: [] }),
    tls: null,
    progress: { minBytes: 1, windowMs: 30_000 },
    closeDeadlineMs: 1_000,
  })
  const workers = {
    name: 'workers',
    check: async () => {
      if (!primary.allListening) throw new Error('not all workers listen yet')
    },
  }
  await server.register(
    metricsListener({ checks: [workers], log, metricsText: async () => await textOf(await primary.gather()) }),
  )
  await server.listen({ host, port })
  return async () => await server.close()
}
