// Plain JavaScript that Node 20 understands: this runs before the Node 26 of package.json is there.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The major version that the code runs on (type stripping, node:sqlite, zstd, argon2). */
export const NODE_MAJOR = 26
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP']
const LOCK_POLL_MS = 100
/** A lock without content is one whose owner is between open and write, or died there. */
const EMPTY_LOCK_STALE_MS = 5_000

export const runsHere = () => Number.parseInt(process.versions.node, 10) >= NODE_MAJOR

/** Path of a Node 26: this process's, else the one npm installed. @throws when the platform has none. */
export function nodeBinary() {
  if (runsHere()) return process.execPath
  const { platform, arch } = process
  const require = createRequire(import.meta.url)
  const os = platform === 'win32' ? 'win' : platform
  const file = platform === 'win32' ? 'bin/node.exe' : 'bin/node'
  for (const name of [`node-bin-${os}-${arch}`, `node-${os}-${arch}`]) {
    try {
      return require.resolve(`${name}/${file}`)
    } catch {
      // the other name may exist
    }
  }
  const why = `npm installed no Node ${NODE_MAJOR} for ${platform}-${arch}`
  throw new Error(`${why}; run Entrepot with Node ${NODE_MAJOR} or newer (this is ${process.version})`)
}

/**
 * Brings node_modules up to package-lock.json, once, however many processes ask at the same time. Does nothing in a
 * built package. What npm prints goes to stderr, so that a command's stdout stays its own.
 */
export async function ensureInstalled(root = ROOT) {
  if (!existsSync(join(root, 'package-lock.json')) || isFresh(root)) return
  const release = await takeLock(root)
  try {
    if (isFresh(root)) return
    await install(root, release.note)
    if (!runsHere()) await checkBinary()
    writeFileSync(stampOf(root), readFileSync(join(root, 'package-lock.json')))
  } finally {
    release()
  }
}

/** Runs `file`, forwards signals to it, and resolves to its exit code (128 + n after signal n). */
export async function run(file, args, options = {}) {
  const forward = (signal) => child.kill(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  const child = spawn(file, args, { stdio: 'inherit', ...options })
  try {
    return await exitOf(child)
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward)
  }
}

// The stamp lies in node_modules because `npm ci` empties that folder: a broken install leaves no stamp behind.
const stampOf = (root) => join(root, 'node_modules', '.entrepot-installed')

function isFresh(root) {
  const lock = readFileSync(join(root, 'package-lock.json'))
  try {
    return lock.equals(readFileSync(stampOf(root)))
  } catch {
    return adopt(root, lock)
  }
}

/** Accepts what a plain `npm ci` installed: npm's own record, written last, holds everything the lockfile asks for. */
function adopt(root, lock) {
  let installed
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages
    if (!runsHere()) nodeBinary()
  } catch {
    return false
  }
  const wanted = Object.entries(JSON.parse(lock.toString()).packages).filter(([path]) => path !== '')
  const holds = ([path, { version, integrity, optional }]) => {
    const found = installed[path]
    return found ? found.version === version && found.integrity === integrity : optional === true
  }
  if (!wanted.every(holds)) return false
  try {
    writeFileSync(stampOf(root), lock)
  } catch {
    // installed by another user: the comparison is made again at every start
  }
  return true
}

async function install(root, note) {
  process.stderr.write('entrepot: installing dependencies (npm ci)\n')
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional']
  const options = { cwd: root, env: npmEnvironment(), stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  let stoppedBy
  const stop = (signal) => {
    stoppedBy = signal
    child.kill(signal)
  }
  // Before it starts: a signal in between would end this process alone, and leave npm and the lock.
  for (const signal of FORWARDED) process.on(signal, stop)
  const child = spawn('npm', args, options)
  note(child.pid)
  const code = await exitOf(child).finally(() => {
    for (const signal of FORWARDED) process.off(signal, stop)
  })
  if (stoppedBy)
    throw Object.assign(new Error(`stopped by ${stoppedBy}`), { exitCode: 128 + constants.signals[stoppedBy] })
  if (code !== 0) throw new Error(`npm ci failed (exit code ${code})`)
}

/** An optional package whose download fails is skipped silently by npm, and one for another libc does not run. */
async function checkBinary() {
  const binary = nodeBinary()
  const proof = `process.exit(parseInt(process.versions.node) >= ${NODE_MAJOR} ? 0 : 9)`
  const code = await exitOf(spawn(binary, ['-e', proof])).catch(() => 1)
  if (code !== 0) throw new Error(`${binary} does not run here; run Entrepot with Node ${NODE_MAJOR} or newer`)
}

/**
 * The environment as if npm were called from a shell: what an outer npm (`npm start`) set would change what gets
 * installed, and npm must not run on the very Node it is about to delete.
 */
function npmEnvironment() {
  const env = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (name === 'NODE_ENV' || /^npm_(lifecycle|package)_/i.test(name) || /^npm_config_omit$/i.test(name)) continue
    env[name] = /^path$/i.test(name) ? withoutNodeModules(value) : value
  }
  return env
}

const withoutNodeModules = (path) =>
  path
    .split(delimiter)
    .filter((folder) => !folder.split(sep).includes('node_modules'))
    .join(delimiter)

/**
 * Takes the install lock and resolves to its release. The file names both processes, ours and npm's: after `kill -9`
 * of ours alone npm still writes, and a second install next to it fails.
 */
async function takeLock(root) {
  const path = join(root, '.install-lock')
  for (let told = false; ; ) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, identityOf(process.pid))
      const release = () => {
        closeSync(file)
        rmSync(path, { force: true })
      }
      release.note = (npmPid) => npmPid && writeSync(file, ` ${identityOf(npmPid)}`)
      return release
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (removeIfStale(path)) continue
    if (!told) process.stderr.write('entrepot: waiting for another process that installs dependencies\n')
    told = true
    await sleep(LOCK_POLL_MS)
  }
}

function removeIfStale(path) {
  try {
    const text = readFileSync(path, 'utf8')
    const stale =
      text === '' ? Date.now() - statSync(path).mtimeMs > EMPTY_LOCK_STALE_MS : !text.split(' ').some(isAlive)
    if (stale && readFileSync(path, 'utf8') === text) rmSync(path, { force: true })
    return stale
  } catch (error) {
    if (error.code === 'ENOENT') return true
    throw error
  }
}

/** `pid`, or on Linux `pid@start`: pids repeat, above all in containers, where every start has the same ones. */
function identityOf(pid) {
  const start = linuxStat(pid)?.[19]
  return start === undefined ? `${pid}` : `${pid}@${start}`
}

function isAlive(identity) {
  const pid = Number.parseInt(identity, 10)
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
  // a zombie is dead, and stays one for good in a container whose first process buries nobody
  if (linuxStat(pid)?.[0] === 'Z') return false
  return identityOf(pid) === identity || !identity.includes('@')
}

/** The fields of /proc/PID/stat after the name (proc_pid_stat(5)): 0 is the state, 19 the start time. */
function linuxStat(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function exitOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}
