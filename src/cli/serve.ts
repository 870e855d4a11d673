import cluster from 'node:cluster'
import type { Config } from '../config/config.ts'
import type { Log } from '../telemetry/log.ts'
import { createLog } from '../telemetry/log.ts'
import type { Command, Io } from './command.ts'
import { defineCommand } from './define.ts'
import { configOf, WHERE } from './local.ts'

const DRAIN_MS = 30_000

export const serveCommand: Command = defineCommand({
  name: 'serve',
  summary: 'run the server until it is told to stop',
  about:
    'Makes what is missing at its first start: data directory, database, master key, and contract 1 with its owner, whose\n' +
    'password it shows once, or writes to the file first-owner-password in the data directory where no terminal is. Settings come from ENTREPOT_* and a file: see "entrepot config schema".',
  example: 'ENTREPOT_LISTEN=0.0.0.0:5000 entrepot serve --data /var/lib/entrepot',
  positionals: [],
  options: WHERE,
  run: async ({ options }, context) => {
    const config = await configOf(options, context)
    const log = createLog({ format: config.logFormat })
    if (cluster.isWorker) return await endWorker(config, log)
    return await servePrimary(config, log, context.io)
  },
})

async function endWorker(config: Config, log: Log): Promise<number> {
  const { runWorker } = await import('../worker.ts')
  const code = await runWorker(config, log)
  process.removeAllListeners('disconnect')
  process.disconnect?.()
  return code
}

async function servePrimary(config: Config, log: Log, io: Io): Promise<number> {
  const { prepare } = await import('../first-start.ts')
  const { Primary, claimPort, listenProblem } = await import('../cluster.ts')
  try {
    await claimPort(config.listen.host, config.listen.port)
  } catch (error) {
    const problem = listenProblem(error, config.listen)
    if (problem === null) throw error
    io.err(`The server cannot start: ${problem}`)
    return 1
  }
  const { owner, madeKeyFile } = await prepare(config)
  if (madeKeyFile !== null)
    log.warn(
      { file: madeKeyFile },
      'made the master key: back this file up apart from the data; without it nothing can be read',
    )
  const url = urlOf(config)
  if (owner) await introduce(config, log, io, { url, owner })
  const { startCheckpointer } = await import('../checkpointer.ts')
  await using _checkpointer = startCheckpointer(config, log)
  const primary = new Primary({
    workers: config.workers,
    onListening: () => log.info({ url, workers: config.workers }, `listening on ${url}`),
    onDeath: (worker) => log.error(worker, 'a worker died; starting another'),
    drainMs: DRAIN_MS,
  })
  using _memory = (await import('../idle-memory.ts')).collectWhenIdle()
  const closeMetrics = await serveMetrics(config, log, primary)
  const code = await primary.run()
  await closeMetrics()
  if (primary.fatal !== null) io.err(`The server cannot start: ${primary.fatal}`)
  else log.info({}, 'stopped')
  return code
}

/** The one moment at which the first owner's password is shown; before anything else can go wrong with this start. */
async function introduce(
  config: Config,
  log: Log,
  io: Io,
  { url, owner }: { url: string; owner: { email: string; generatedPassword: string | null } },
): Promise<void> {
  const password = owner.generatedPassword
  if (password === null || process.stdout.isTTY) {
    const shown = password === null ? 'as set by ENTREPOT_ADMIN_PASSWORD' : `${password}   (shown only now)`
    io.out(`\n  Entrepot   ${url}\n  owner      ${owner.email}\n  password   ${shown}\n`)
    io.out(
      '  Next, in another terminal:\n    bin/entrepot registry create acme\n    bin/entrepot token create acme ci\n',
    )
    return
  }
  const { keepPassword } = await import('../first-start.ts')
  const passwordFile = await keepPassword(config, password)
  const what = 'made contract 1 with its owner; the password is in that file, remove it after reading'
  log.info({ url, owner: owner.email, passwordFile }, what)
}

async function serveMetrics(
  config: Config,
  log: Log,
  primary: { readonly allListening: boolean; gather(): Promise<unknown> },
): Promise<() => Promise<void>> {
  if (config.metricsListen === null) return async () => {}
  const { serveMetricsListener } = await import('../metrics-listener.ts')
  return await serveMetricsListener(config.metricsListen, log, primary as Parameters<typeof serveMetricsListener>[2])
}

function urlOf({ publicUrl, tls, listen: { host, port } }: Config): string {
  if (publicUrl !== null) return publicUrl
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `${tls === null ? 'http' : 'https'}://${reachable}:${port}`
}
