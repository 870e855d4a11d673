import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where `.ci/tools.sh` installs. */
const cache = process.env['ENTREPOT_TOOLS'] ?? join(homedir(), '.cache', 'entrepot-tools')
/** Debian keeps these off the ordinary PATH. */
const elsewhere = ['/usr/lib/postgresql/15/bin', '/usr/sbin', '/sbin']

/** The path of an executable: the cache of `.ci/tools.sh` wins, so that versions are the pinned ones; null = not here. */
export function tool(name: string): string | null {
  const folders = [join(cache, 'bin'), ...(process.env['PATH'] ?? '').split(delimiter), ...elsewhere]
  for (const folder of folders) {
    if (folder !== '' && isExecutable(join(folder, name))) return join(folder, name)
  }
  return null
}

/** What `.ci/tools.sh` keeps in a folder of its own; whether it is there is the caller's to see. */
export function toolFolder(name: string): string {
  return join(cache, name)
}

/** The Python of the cache's virtual environment, which has tink; null = not here. */
export function python(): string | null {
  const path = join(cache, 'venv', 'bin', 'python')
  return isExecutable(path) ? path : null
}

/** For node:test's `skip`: false when all are here, else the reason. */
export function skipWithout(...names: string[]): false | string {
  const missing = names.filter((name) => tool(name) === null)
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')} (see .ci/tools.sh)`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export type RunOptions = {
  /** Replaces the environment variables named here; `undefined` removes one. */
  env?: Record<string, string | undefined>
  input?: string | Uint8Array
  cwd?: string
  /** Milliseconds; then the whole process group is killed. Default: two minutes. */
  timeout?: number
  uid?: number
  gid?: number
}

/** `code` is null when a signal ended it; `timedOut` when that signal was ours. */
export type RunResult = { code: number | null; stdout: string; stderr: string; timedOut: boolean }

/** Runs a command to its end. Never throws on a non-zero exit; a missing command is code 127. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, timeout = 120_000, env, ...rest } = options
  const child = spawn(command, args, { ...rest, env: environment(env), detached: true, stdio: 'pipe' })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A command that ends without reading its input is its own business.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  guard(child)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    signalGroup(child, 'SIGKILL')
  }, timeout)
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('error', (error: NodeJS.ErrnoException) => {
    stderr.push(Buffer.from(String(error)))
    resolve(error.code === 'ENOENT' ? 127 : 126)
  })
  child.once('close', resolve)
  const code = await promise
  clearTimeout(timer)
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), timedOut }
}

/** Like `run`, for set-up steps that must succeed: throws with the output. */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr, timedOut } = await run(command, args, options)
  if (code === 0) return stdout
  throw new Error(`${command} ${args.join(' ')}: ${timedOut ? 'timed out' : `exit ${code}`}\n${stdout}${stderr}`)
}

function environment(changes: Record<string, string | undefined> = {}): NodeJS.ProcessEnv {
  const env = { ...process.env, ...changes }
  for (const [name, value] of Object.entries(changes)) if (value === undefined) delete env[name]
  return env
}

/** A port that was free a moment ago on the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Asks until the answer is true. Throws with `describe()` when it is not within `timeout` milliseconds. */
export async function until(
  ask: () => Promise<boolean> | boolean,
  describe: () => string,
  timeout: number,
  pause = 25,
): Promise<void> {
  const deadline = Date.now() + timeout
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${describe()}`)
    await sleep(pause)
  }
}

// --- servers: long-running children in a process group of their own, which never outlive this process -----------------

const guarded = new Set<ChildProcess>()
const folders = new Set<string>()

/** The child's whole group dies with this process. */
function guard(child: ChildProcess): void {
  watchExit()
  guarded.add(child)
  child.once('exit', () => guarded.delete(child))
}

/** Removes a temporary directory when this process ends, if nobody did before. */
export function removeAtExit(folder: string): void {
  watchExit()
  folders.add(folder)
}

let watching = false

function watchExit(): void {
  if (watching) return
  watching = true
  process.on('exit', endAll)
  // By default these end the process without an 'exit' event, and detached children would live on.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code))
  }
}

function endAll(): void {
  for (const child of guarded) signalGroup(child, 'SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/** Signals a child and everything in its process group, if anything is left of it. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The live processes of a group. Not `kill(-group, 0)`: it also counts dead ones that their parent has not reaped. */
export function groupMembers(group: number): number[] {
  return liveProcesses((stat) => stat.group === group)
}

/** Its own, not theirs: the workers of a server, without what reads layers for them. */
export function childrenOf(parent: number): number[] {
  return liveProcesses((stat) => stat.parent === parent)
}

interface Stat {
  readonly parent: number
  readonly group: number
}

function liveProcesses(isOne: (stat: Stat) => boolean): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(name) : null
    return stat !== null && isOne(stat) ? [Number(name)] : []
  })
}

/** `/proc/<pid>/stat` is "pid (command) state parent group …", and the command may hold blanks and parentheses. */
function statOf(pid: string): Stat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? null : { parent: Number(parent), group: Number(group) }
  } catch {
    return null
  }
}

/** A running server program. `exited` resolves with its exit code, or null when a signal ended it. */
export type Daemon = { child: ChildProcess; pid: number; exited: Promise<number | null>; logs: () => string }

/** Only the last megabyte of a server's output is kept. */
const maxLog = 1 << 20

/** Starts a program that runs until it is stopped, in its own process group, keeping what it prints. */
export function startDaemon(command: string, args: readonly string[], options: SpawnOptions = {}): Daemon {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-maxLog)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  guard(child)
  // A test that forgets to dispose may still end: the exit handler then ends the server.
  unref(child)
  const { promise: exited, resolve } = Promise.withResolvers<number | null>()
  child.once('exit', resolve)
  child.once('error', (error) => {
    keep(Buffer.from(`${error}\n`))
    resolve(127)
  })
  return { child, pid: child.pid ?? -1, exited, logs: () => log }
}

function unref(child: ChildProcess): void {
  child.unref()
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref()
}

/** Resolves with the exit code, or 'timeout'. */
export async function exitWithin(daemon: Daemon, timeout: number): Promise<number | null | 'timeout'> {
  daemon.child.ref()
  const abort = new AbortController()
  const timer = sleep(timeout, 'timeout' as const, { signal: abort.signal }).catch(() => 'timeout' as const)
  try {
    return await Promise.race([daemon.exited, timer])
  } finally {
    abort.abort()
  }
}

/** Ends the whole group at once and waits until nothing of it runs. */
export async function killDaemon(daemon: Daemon, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  daemon.child.ref()
  signalGroup(daemon.child, signal)
  await daemon.exited
  const survivors = (): number[] => groupMembers(daemon.pid)
  await until(
    () => survivors().length === 0,
    () => `${survivors()} survive ${signal}`,
    10_000,
  )
}
