import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { runCheck } from './check/check.ts'
import { claimStore } from './check/store-marker.ts'
import type { CheckReport, LocalApp } from './cli/command.ts'
import type { Config } from './config/config.ts'
import { distributionApi } from './distribution-api/routes.ts'
import { reportFeeds, startFeedJobs } from './feeds-of.ts'
import { createClientOf } from './http/client.ts'
import { logRequests } from './http/request-log.ts'
import type { ServerOptions } from './http/server.ts'
import { createServer } from './http/server.ts'
import { loadCertificate } from './http/tls.ts'
import { every, registerSchedules, runDueSchedules } from './jobs/schedules.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import { createKeyring } from './keys/keys.ts'
import { localKeys } from './local-keys.ts'
import { rewriteManagementPath } from './management-api/paths.ts'
import { registerManagement } from './management-planes.ts'
import { measured } from './measured-metadata.ts'
import { findContract } from './metadata/tables/contracts.ts'
import type { Stores } from './open-stores.ts'
import { openStores } from './open-stores.ts'
import { operations } from './operations/operations.ts'
import type { ReadinessCheck } from './operations/readiness.ts'
import type { RoomPorts, Rooms } from './rooms.ts'
import { askStorage, createRooms } from './rooms.ts'
import { startJobs } from './scans-of.ts'
import { schedulesOf } from './schedules.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { createMetrics } from './telemetry/metrics.ts'

/** One process that answers requests. */
export interface App extends AsyncDisposable {
  readonly server: FastifyInstance
  readonly rooms: Rooms
  readonly metrics: Metrics
  readonly checks: readonly ReadinessCheck[]
  /** Writes what is batched in memory; also done by itself every few seconds. */
  flush(): Promise<void>
}

export interface Ports {
  readonly log: Log
  /** Of all processes of this node; without it, of this one. */
  readonly metricsText?: (own: Metrics) => Promise<string>
  readonly rooms?: RoomPorts
  /** A test's clock in the place of the database's. */
  readonly databaseNow?: () => number
}

const FLUSH_MS = 2_000
const TICK_MS = 1_000
/** Advisories imported on this machine count that much later at most. */
const FOLLOW_MS = 2_000
/** Slower than this is nobody's line: a client that sends a byte now and then only holds memory and connections. */
const MIN_BYTES_PER_SECOND = 512
const CLOSE_DEADLINE_MS = 20_000
const CERTIFICATE_POLL_MS = 2_000

/** The only place where the parts meet: stores, rooms, planes. What was opened is closed in reverse, also when a later part fails. */
export async function compose(
  config: Config,
  { log, metricsText = ownMetrics, rooms: ports = {}, databaseNow }: Ports,
): Promise<App> {
  await using opened = new AsyncDisposableStack()
  const metrics = createMetrics()
  const stores = opened.use(await openStores(config, (metadata) => measured(metadata, metrics), databaseNow))
  await claimStore(stores.blobs, stores.keys.installation)
  const rooms = createRooms(stores, config, log, ports)
  opened.use(rooms.scans)
  reportCaches(metrics, rooms)
  reportFeeds(metrics, rooms.feeds)
  const checks = readinessOf(stores)
  const server = await planes(config, rooms, { log, metrics, metricsText: () => metricsText(metrics), checks })
  const flush = (): Promise<void> => flushAll(stores, rooms)
  const report = (what: string) => (error: unknown) => log.warn({ err: error }, what)
  opened.defer(() => flush().catch(report('what was counted in memory is lost')))
  opened.use(every(FLUSH_MS, () => flush().catch(report('what is counted in memory is not written yet'))))
  opened.use(await background(stores, rooms, metrics, log))
  opened.use(every(FOLLOW_MS, () => rooms.scans.followImports().catch(report('imported advisories are not in force'))))
  opened.use(startJobs(stores.metadata, rooms.scans, log))
  opened.use(startFeedJobs(stores.metadata, rooms.feeds, log))
  opened.defer(() => server.close())
  const resources = opened.move()
  return { server, rooms, metrics, checks, flush, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

interface PlaneDeps {
  readonly log: Log
  readonly metrics: Metrics
  readonly metricsText: () => Promise<string>
  readonly checks: readonly ReadinessCheck[]
}

async function planes(config: Config, rooms: Rooms, deps: PlaneDeps): Promise<FastifyInstance> {
  const { log } = deps
  const { auth, registry } = rooms
  const clientOf = createClientOf({ trustedProxies: config.trustedProxies })
  const logRequest = logRequests(log)
  const server = createServer({
    log,
    clientOf,
    tls: await tlsOf(config),
    progress: { minBytes: MIN_BYTES_PER_SECOND * config.stallSeconds, windowMs: config.stallSeconds * 1_000 },
    closeDeadlineMs: CLOSE_DEADLINE_MS,
    opaquePrefixes: ['/v2'],
    rewriteUrl: rewriteManagementPath,
    onAnswered: (facts) => {
      deps.metrics.request(facts)
      if (facts.status >= 500) logRequest(facts)
    },
  })
  const locationLabels = config.locations.flatMap(({ between }) => (between === null ? [] : [between]))
  const { publicUrl, domain, maxManifestBytes } = config
  await server.register(
    distributionApi({ registry, auth, clientOf, maxManifestBytes, log, publicUrl, domain, locationLabels }),
  )
  await server.register(operations({ ...deps, auth, clientOf }))
  await registerManagement(server, rooms, { clientOf, log })
  return server
}

async function tlsOf({ tls }: Config): Promise<ServerOptions['tls']> {
  if (tls === null) return null
  const files = { ...tls, pollMs: CERTIFICATE_POLL_MS }
  return { files, certificate: await loadCertificate(files) }
}

function readinessOf(stores: Stores): ReadinessCheck[] {
  return [
    {
      name: 'database',
      check: async () => {
        await stores.metadata.authEpoch()
        await stores.metadata.read((sql) => sql.get`SELECT 1 AS one`)
      },
    },
    { name: 'storage', check: () => askStorage(stores) },
    // Unwrapping what is stored beside the keys: a key service that is gone, or another key, shows here.
    { name: 'keys', check: async () => void (await stores.keys.sealSecret(Buffer.alloc(1), 'readyz')) },
  ]
}

function reportCaches(metrics: Metrics, { reader }: Rooms): void {
  const gauges = {
    entrepot_segment_cache_bytes: ['Decrypted segments held in memory', () => reader.figures.bytes],
    entrepot_segment_cache_hits: ['Segments answered from memory since start', () => reader.figures.hits],
    entrepot_segment_cache_misses: ['Segments read and decrypted since start', () => reader.figures.misses],
  } as const
  for (const [name, [help, read]] of Object.entries(gauges)) metrics.gauge(name, help, 'sum', read)
}

async function background(stores: Stores, rooms: Rooms, metrics: Metrics, log: Log): Promise<AsyncDisposable> {
  const { metadata } = stores
  const schedules = schedulesOf(metadata, rooms).map((schedule) => ({
    ...schedule,
    run: timed(metrics, schedule.name, schedule.run),
  }))
  await registerSchedules(metadata, schedules)
  const onError = (schedule: string, error: unknown): void => log.error({ err: error, schedule }, 'schedule failed')
  return every(TICK_MS, async () => {
    await runDueSchedules({ metadata, onError }, schedules).catch((error: unknown) => onError('scheduler', error))
  })
}

function timed(metrics: Metrics, name: string, run: () => Promise<void>): () => Promise<void> {
  return async () => {
    const start = performance.now()
    try {
      await run()
      metrics.job(name, 'ok', performance.now() - start)
    } catch (error) {
      metrics.job(name, 'failed', performance.now() - start)
      throw error
    }
  }
}

async function flushAll({ metadata }: Stores, { auth, pulls, days, refusals }: Rooms): Promise<void> {
  await pulls.flush(metadata)
  await days.flush(metadata)
  await refusals.flush()
  await auth.flush()
}

async function ownMetrics(metrics: Metrics): Promise<string> {
  const { textOf } = await import('./telemetry/metrics.ts')
  return await textOf([await metrics.snapshot()])
}

/** The installation for a command at the machine itself, also while its server runs. */
export async function openLocal(config: Config): Promise<LocalApp> {
  const stores = await openStores(config)
  const { SILENT } = await import('./http/log.ts')
  const { registries, accounts, naming, backup, scans } = createRooms(stores, config, SILENT)
  const keyFile = config.secrets.masterKey === null ? join(config.data, 'master.key') : null
  return {
    registries,
    accounts,
    naming,
    scans,
    work: (say) => startJobs(stores.metadata, scans, { ...SILENT, warn: told(say), error: told(say) }),
    keys: localKeys(stores.keys, keyFile, (provider) => snapshotUnder(provider, stores, config)),
    contract: (id) => stores.metadata.read((sql) => findContract(sql, id)),
    check: (options) => checkStores(stores, options),
    backUp: (options) => backup.backUp(options),
    async [Symbol.asyncDispose]() {
      scans[Symbol.dispose]()
      await stores[Symbol.asyncDispose]()
    },
  }
}

function told(say: (text: string) => void): Log['warn'] {
  return (facts, message) => {
    const { err } = facts as { readonly err?: unknown }
    say(err instanceof Error ? `${message}: ${err.message}` : message)
  }
}

/** With the new master key, since those in the store need the old one. If it cannot be now, the next start takes one. */
async function snapshotUnder(provider: KeyProvider, stores: Stores, config: Config): Promise<void> {
  const keys = await createKeyring({ metadata: stores.metadata, provider })
  const { SILENT } = await import('./http/log.ts')
  const { backup } = createRooms({ ...stores, keys }, config, SILENT)
  await backup.keepSnapshots({ atOnce: true }).catch(() => null)
}

async function checkStores(
  { metadata, blobs, keys }: Stores,
  { repair, fast }: { readonly repair: boolean; readonly fast: boolean },
): Promise<CheckReport> {
  const deps = { metadata, blobs, keyring: keys, installation: keys.installation, now: Date.now }
  const report = await runCheck(deps, { depth: fast ? 'rows' : 'bytes', repair })
  return {
    checked: { ...report.counted },
    problems: report.problems.map(({ kind, subject, detail }) => `${kind} ${subject}: ${detail}`),
    repaired: report.repaired === 0 ? [] : [`${report.repaired} objects without a row removed`],
  }
}
