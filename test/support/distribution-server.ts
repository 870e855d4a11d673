import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Auth } from '../../src/auth/auth.ts'
import type { DistributionDeps } from '../../src/distribution-api/call.ts'
import { distributionApi } from '../../src/distribution-api/routes.ts'
import { createClientOf } from '../../src/http/client.ts'
import type { Log } from '../../src/http/log.ts'
import type { ServerOptions } from '../../src/http/server.ts'
import { createServer } from '../../src/http/server.ts'
import type { Registry } from '../../src/registry/registry.ts'
import type { FakeLogin } from './fake-auth.ts'
import { createFakeAuth } from './fake-auth.ts'
import { createMemoryRegistry } from './memory-registry.ts'

export const CI: FakeLogin = {
  name: 'ci',
  password: 'secret',
  registries: { acme: 1, 'acme-two': 2 },
  actions: ['pull', 'push', 'delete'],
}
export const READER: FakeLogin = { name: 'reader', password: 'secret', registries: { acme: 1 }, actions: ['pull'] }

export interface LogLine {
  readonly level: string
  readonly facts: Record<string, unknown>
  readonly message: string
}

export interface DistributionUnderTest<R extends Registry> {
  readonly app: FastifyInstance
  readonly registry: R
  readonly log: LogLine[]
}

export interface DistributionTestOptions<R extends Registry> {
  readonly registry: R
  readonly auth?: Auth
  readonly deps?: Partial<DistributionDeps>
  readonly server?: Partial<ServerOptions>
  readonly trustedProxies?: readonly string[]
}

/** The data plane alone, on a registry in memory unless another is given. */
export async function distributionUnderTest<R extends Registry>(
  options: DistributionTestOptions<R>,
): Promise<DistributionUnderTest<R>> {
  const lines: LogLine[] = []
  const log = collectingLog(lines)
  const clientOf = createClientOf({ trustedProxies: options.trustedProxies ?? [] })
  const app = createServer({
    log,
    clientOf,
    tls: null,
    progress: { minBytes: 1024, windowMs: 60_000 },
    closeDeadlineMs: 1_000,
    opaquePrefixes: ['/v2'],
    ...options.server,
  })
  await app.register(
    distributionApi({
      registry: options.registry,
      auth: options.auth ?? createFakeAuth([CI, READER]),
      clientOf,
      publicUrl: null,
      domain: null,
      maxManifestBytes: 1024 * 1024,
      log,
      ...options.deps,
    }),
  )
  await app.ready()
  return { app, registry: options.registry, log: lines }
}

export function inMemory(options: Omit<DistributionTestOptions<Registry>, 'registry'> = {}) {
  return distributionUnderTest({ ...options, registry: createMemoryRegistry() })
}

/** Listens on a free port; `http://127.0.0.1:<port>`. */
export async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

export function basic(login: FakeLogin): string {
  return `Basic ${Buffer.from(`${login.name}:${login.password}`).toString('base64')}`
}

function collectingLog(lines: LogLine[]): Log {
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, facts: facts as Record<string, unknown>, message })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
