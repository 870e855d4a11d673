import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { exitWithin, killDaemon, startDaemon, tool, until } from '../../support/tools.ts'

/** A private daemon; ended by its own process id. */
export type ClientDaemon = AsyncDisposable & {
  /** A unix socket's path. */
  socket: string
}

const START_MS = 30_000
const STOP_MS = 20_000

/** A docker engine that shares nothing with one of the machine: no network, no firewall rules, files copied (vfs). */
export async function startDockerd(folder: string, env: Record<string, string>): Promise<ClientDaemon> {
  const socket = join(folder, 'docker.sock')
  const own = { 'config-file': 'daemon.json', 'data-root': 'data', 'exec-root': 'exec', pidfile: 'docker.pid' }
  await writeFile(join(folder, own['config-file']), '{}')
  const args = [
    ...Object.entries(own).map(([flag, name]) => `--${flag}=${join(folder, name)}`),
    ...[`--host=unix://${socket}`, '--storage-driver=vfs', '--bridge=none', '--iptables=false', '--ip6tables=false'],
    ...['--ip-forward=false', '--ip-masq=false'],
  ]
  return start('dockerd', args, { socket, env })
}

export async function startContainerd(folder: string): Promise<ClientDaemon> {
  const socket = join(folder, 'containerd.sock')
  const config = join(folder, 'config.toml')
  await mkdir(folder, { recursive: true })
  await writeFile(
    config,
    `version = 2
root = "${containerdRoot(folder)}"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${socket}"
`,
  )
  return start('containerd', ['--config', config], { socket, env: {} })
}

export function containerdRoot(folder: string): string {
  return join(folder, 'root')
}

type StartOptions = { socket: string; env: Record<string, string> }

/** Started when its socket accepts; what it logged is in the error if it never does. */
async function start(name: string, args: string[], { socket, env }: StartOptions): Promise<ClientDaemon> {
  const daemon = startDaemon(tool(name) ?? name, args, { env: { ...process.env, ...env } })
  const ended = () => daemon.child.exitCode !== null || daemon.child.signalCode !== null
  const stop = async () => {
    daemon.child.kill('SIGTERM')
    await exitWithin(daemon, STOP_MS)
    await killDaemon(daemon)
  }
  try {
    await until(
      async () => ended() || (await accepts(socket)),
      () => `${name} listens; its log:\n${daemon.logs()}`,
      START_MS,
    )
    if (ended()) throw new Error(`${name} ended; its log:\n${daemon.logs()}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { socket, [Symbol.asyncDispose]: stop }
}

/** Whether somebody listens at a unix socket's path. */
async function accepts(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
