import type { ChildProcess, ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { ChildCode } from './child-code.ts'
import { endOf, programNamed, spawnAtLowestPriority } from './lowest-priority.ts'

/** JavaScript's own objects. Buffers are bounded by the limits of what is read, and by `ADDRESS_SPACE`. */
const HEAP_MB = 144
/** Below 2 GB the runtime itself aborts; beyond it too many buffers are an error that can be caught (stack.md 8). */
const ADDRESS_SPACE = 2_000_000_000
/** What it is told to end with comes first; this it cannot refuse. */
const GRACE_SECONDS = 5

/** A process that reads one layer and ends: no key, no database, no environment and, by Node's permissions, no files, no network, no children. */
export interface ReadingProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** How, in words; null: well. */
  readonly ended: Promise<string | null>
  kill(): void
}

/** It waits for what `toReader` writes. `cpuSeconds`: of processor time, where the system counts it. */
export function startReading(code: ChildCode, cpuSeconds: number): ReadingProcess {
  const node = [
    process.execPath,
    '--permission',
    `--max-old-space-size=${HEAP_MB}`,
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
    '--eval',
    BOOT,
  ]
  const command = [...boundsBy(PROGRAMS, cpuSeconds), ...node]
  const child = spawnAtLowestPriority(command, { env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
  const pipe = child.stdio[3] as Writable
  pipe.on('error', ignore)
  pipe.end(JSON.stringify(code))
  const { stdin, stdout, stderr } = child as ChildProcess as ChildProcessByStdio<Writable, Readable, Readable>
  stdin.on('error', ignore)
  return { stdin, stdout, stderr, ended: endOf(child), kill: () => void child.kill('SIGKILL') }
}

/** EPIPE: it ended before it had read all, and how says why. */
function ignore(): void {}

/** Pairs of a file and the other names its bytes are wanted for, before the layer's bytes. */
export function headOf(aliases: readonly (readonly [string, readonly string[]])[]): Buffer {
  const text = Buffer.from(JSON.stringify(aliases))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text])
}

/**
 * Its modules come through a pipe of their own: under `--permission` Node keeps no compiled code, and would strip their types each time. Whoever
 * started it and is gone has nothing to read.
 */
const BOOT = `
const { readFileSync, readSync } = process.getBuiltinModule('node:fs')
const { registerHooks } = process.getBuiltinModule('node:module')
const { entry, modules } = JSON.parse(readFileSync(3, 'utf8'))
const texts = new Map(modules)
registerHooks({
  resolve(specifier, { parentURL }, next) {
    const url = specifier.startsWith('.') ? new URL(specifier, parentURL).href : specifier
    return texts.has(url) ? { url, format: 'module', shortCircuit: true } : next(specifier)
  },
  load: (url, _, next) => texts.has(url) ? { format: 'module', source: texts.get(url), shortCircuit: true } : next(url),
})
const exactly = (length) => {
  const bytes = Buffer.alloc(length)
  for (let at = 0, read = 0; at < length; at += read) {
    read = readSync(0, bytes, at, length - at, null)
    if (read === 0) process.exit(0)
  }
  return bytes
}
import(entry).then(({ main }) => main(JSON.parse(exactly(exactly(4).readUInt32LE(0)).toString())))`

/** The kernel's own bounds end also what listens to nobody; where there are none, `runChild` ends what takes no more bytes. */
export function boundsBy(
  { prlimit, shell }: { readonly prlimit: string | null; readonly shell: string | null },
  cpuSeconds: number,
): string[] {
  const most = cpuSeconds + GRACE_SECONDS
  if (prlimit) return [prlimit, '--core=0', `--cpu=${cpuSeconds}:${most}`, `--as=${ADDRESS_SPACE}`]
  return shell ? [shell, '-c', `ulimit -S -t ${cpuSeconds}; ulimit -H -t ${most}; exec "$0" "$@"`] : []
}

const PROGRAMS = {
  prlimit: process.platform === 'linux' ? programNamed('prlimit') : null,
  shell: process.platform === 'win32' ? null : programNamed('sh'),
}
