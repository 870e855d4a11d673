import { readFile } from 'node:fs/promises'
import type { EntrepotUnderTest, Scope } from '../../support/server.ts'
import { startEntrepot } from '../../support/server.ts'
import { startDistribution } from './distribution-target.ts'

export type Login = { username: string; password: string }

/** A running registry server and who may do what in it. */
export type Target = AsyncDisposable & {
  url: string
  /** host:port */
  host: string
  /** Set when the server speaks TLS. */
  caFile?: string
  ca?: string
  /** Image names are `<host>/<registry>/<repository>:<tag>`. */
  registry: string
  writer: Login
  /** May pull only; null where the server knows no such thing. */
  reader: Login | null
}

export type TargetOptions = { tls: boolean }

/** `CLIENTS_TARGET=distribution` runs the suites against the reference server, to see whether a suite itself is right. */
export function startTarget(options: TargetOptions): Promise<Target> {
  return process.env['CLIENTS_TARGET'] === 'distribution' ? startDistribution(options) : startOurs(options)
}

async function startOurs({ tls }: TargetOptions): Promise<Target> {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startEntrepot({ tls }))
  const registry = await server.createRegistry('clients')
  const token = (name: string, scopes: Scope[]) => server.createToken(registry.id, { name, scopes })
  const writer = await token('writer', [
    { type: 'repository', name: '*', actions: ['pull', 'push', 'delete'] },
    { type: 'registry', name: '*', actions: ['*'] },
  ])
  const reader = await token('reader', [{ type: 'repository', name: '*', actions: ['pull'] }])
  const started = opened.move()
  return {
    url: server.url,
    host: server.host,
    ...(await authority(server)),
    registry: registry.name,
    writer,
    reader,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function authority({ caFile }: EntrepotUnderTest): Promise<Pick<Target, 'ca' | 'caFile'>> {
  return caFile === undefined ? {} : { caFile, ca: await readFile(caFile, 'utf8') }
}
