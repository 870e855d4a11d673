import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EntrepotUnderTest } from '../test/support/server.ts'
import { startEntrepot } from '../test/support/server.ts'
import type { Daemon } from '../test/support/tools.ts'
import { freePort, groupMembers, killDaemon, removeAtExit, startDaemon, tool, until } from '../test/support/tools.ts'

export type SubjectName = 'distribution' | 'entrepot'

/** A server being measured. */
export type Subject = AsyncDisposable & {
  name: SubjectName
  port: number
  /** Sent with every request; undefined: the server asks for none. */
  authorization: string | undefined
  /** Of all its processes. */
  pids: () => number[]
  /** Stops it in order, starts it again, and resolves to the milliseconds from the start until it is ready. */
  restart: () => Promise<number>
  logs: () => string
  /** Each fixture is made once. */
  fixture: <T>(name: string, make: () => Promise<T>) => Promise<T>
}

function fixtures(): Subject['fixture'] {
  const made = new Map<string, Promise<unknown>>()
  return <T>(name: string, make: () => Promise<T>): Promise<T> => {
    const known = made.get(name) ?? make()
    made.set(name, known)
    return known as Promise<T>
  }
}

/** The other server: distribution 3 with files and a cache of descriptors in memory, without credentials. */
export async function startPeer(): Promise<Subject> {
  const program = tool('distribution')
  if (program === null) throw new Error('distribution is not installed: .ci/tools.sh distribution')
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-peer-'))
  removeAtExit(folder)
  const port = await freePort()
  const config = join(folder, 'config.yml')
  await writeFile(config, peerConfig(join(folder, 'data'), port))
  let daemon: Daemon | undefined
  const start = async (): Promise<number> => {
    const began = performance.now()
    // Without this it looks for a collector of traces on this machine.
    const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' }
    const started = startDaemon(program, ['serve', config], { cwd: folder, env })
    daemon = started
    await until(
      () => answers(port, '/v2/'),
      () => `distribution is not ready:\n${started.logs()}`,
      20_000,
      10,
    )
    return performance.now() - began
  }
  const stop = async (): Promise<void> => {
    if (daemon !== undefined) await killDaemon(daemon, 'SIGTERM')
    daemon = undefined
  }
  await start()
  return {
    name: 'distribution',
    port,
    authorization: undefined,
    pids: () => (daemon === undefined ? [] : groupMembers(daemon.pid)),
    restart: async () => {
      await stop()
      return await start()
    },
    logs: () => daemon?.logs() ?? '',
    fixture: fixtures(),
    [Symbol.asyncDispose]: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function peerConfig(data: string, port: number): string {
  return `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${data}}, delete: {enabled: true}, cache: {blobdescriptor: inmemory}}
http: {addr: 127.0.0.1:${port}, secret: ${randomBytes(16).toString('hex')}}
`
}

export type OursOptions = {
  /** Further variables of the server's environment, for profiling. */
  env?: Record<string, string>
  dataDir?: string
}

/** Entrepot as it is shipped: default number of workers, credentials, encryption, fsync. */
export async function startOurs(options: OursOptions = {}): Promise<Subject & { server: EntrepotUnderTest }> {
  const { dataDir, env = {} } = options
  const server = await startEntrepot({
    ...(dataDir === undefined ? {} : { dataDir }),
    env: { ...env, ENTREPOT_WORKERS: undefined },
  })
  await using stack = new AsyncDisposableStack()
  stack.use(server)
  // The other server scans nothing.
  const features = { vulnerabilityScanning: { enabled: false } }
  const { id } = await server.createRegistry('bench', { features })
  const token = await server.createToken(id, {
    name: 'bench',
    scopes: [
      { type: 'repository', name: '*', actions: ['pull', 'push', 'delete'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ],
  })
  const moved = stack.move()
  return {
    name: 'entrepot',
    port: server.port,
    authorization: `Basic ${Buffer.from(`${token.username}:${token.password}`).toString('base64')}`,
    server,
    pids: () => groupMembers(server.pid),
    restart: async () => {
      await server.stop()
      const began = performance.now()
      await server.start()
      return performance.now() - began
    },
    logs: server.logs,
    fixture: fixtures(),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
