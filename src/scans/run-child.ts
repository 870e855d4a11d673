import type { ChildProcess, ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { LayerFacts } from '../scanner/facts.ts'
import type { ChildCode } from './child-code.ts'
import { endOf, programNamed, spawnAtLowestPriority } from './lowest-priority.ts'

/** What a layer says, as the process that read it answers. */
export interface LayerAnswer {
  readonly facts: LayerFacts
  readonly unreadLinks: readonly (readonly [string, readonly string[]])[]
}

/** The process that read a layer came to no end: it died, took too long or answered nonsense. The layer's fault, as far as one can tell. */
export class ChildError extends Error {
  override readonly name = 'ChildError'
}

export interface ChildOptions {
  readonly code: () => Promise<ChildCode>
  readonly maxMs: number
}

/** Of the answer: what 200,000 packages and two million paths may need, and what the caller holds. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024
const MAX_ERROR_BYTES = 2_000
/** JavaScript's own objects. Buffers are bounded by the limits of what is read, and by `ADDRESS_SPACE`. */
const HEAP_MB = 144
/** Below 2 GB the runtime itself aborts; beyond it too many buffers are an error that can be caught (stack.md 8). */
const ADDRESS_SPACE = 2_000_000_000

/**
 * Reads one layer in a process that has no key, no database, no environment and, by Node's permissions, no files, no network, no
 * children. @throws `ChildError`; what reading `bytes` throws.
 */
export async function runChild(
  { code, maxMs }: ChildOptions,
  bytes: AsyncIterable<Uint8Array>,
  aliases: LayerAnswer['unreadLinks'],
  signal: AbortSignal,
): Promise<LayerAnswer> {
  const told = { ...(await code()), aliases }
  const child = start()
  tell(child, told)
  const ended = endOf(child)
  const overdue = AbortSignal.timeout(maxMs)
  const kill = (): void => void child.kill('SIGKILL')
  for (const end of [overdue, signal]) end.addEventListener('abort', kill)
  if (signal.aborted) kill()
  try {
    const answer = collect(child.stdout, MAX_ANSWER_BYTES, kill)
    const complaint = collect(child.stderr, MAX_ERROR_BYTES, () => {})
    await feed(child.stdin, bytes, ended)
    const how = await ended
    signal.throwIfAborted()
    if (overdue.aborted) throw new ChildError(`reading it took longer than ${maxMs} ms`)
    return parse(how, await answer, await complaint)
  } finally {
    for (const end of [overdue, signal]) end.removeEventListener('abort', kill)
    kill()
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** Its modules come through a pipe of their own: under `--permission` Node keeps no compiled code, and would strip their types each time. */
const BOOT = `
const { readFileSync } = process.getBuiltinModule('node:fs')
const { registerHooks } = process.getBuiltinModule('node:module')
const { entry, modules, aliases } = JSON.parse(readFileSync(3, 'utf8'))
const texts = new Map(modules)
registerHooks({
  resolve(specifier, { parentURL }, next) {
    const url = specifier.startsWith('.') ? new URL(specifier, parentURL).href : specifier
    return texts.has(url) ? { url, format: 'module', shortCircuit: true } : next(specifier)
  },
  load: (url, _, next) => texts.has(url) ? { format: 'module', source: texts.get(url), shortCircuit: true } : next(url),
})
import(entry).then(({ main }) => main(aliases))`

function start(): Child {
  const node = [
    process.execPath,
    '--permission',
    `--max-old-space-size=${HEAP_MB}`,
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
    '--eval',
    BOOT,
  ]
  const command = [...(PRLIMIT ? [PRLIMIT, `--as=${ADDRESS_SPACE}`] : []), ...node]
  return spawnAtLowestPriority(command, { env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] }) as Child
}

function tell(child: Child, what: ChildCode & { readonly aliases: LayerAnswer['unreadLinks'] }): void {
  const pipe = (child as unknown as ChildProcess).stdio[3] as Writable
  pipe.on('error', () => {}) // EPIPE: it ended before it had read all
  pipe.end(JSON.stringify(what))
}

const PRLIMIT = process.platform === 'linux' ? programNamed('prlimit') : null

/**
 * No faster than the child takes it, and each chunk whole before the next one is asked for, which may lie where this one lay. One that takes
 * no more has said why by its end; bytes that cannot be had are our own trouble.
 */
async function feed(stdin: Writable, bytes: AsyncIterable<Uint8Array>, ended: Promise<unknown>): Promise<void> {
  stdin.on('error', () => {}) // EPIPE: it ended before it had read all
  let isOver = false
  const over = ended.then(() => {
    isOver = true
  })
  for await (const chunk of bytes) {
    await Promise.race([written(stdin, chunk), over])
    if (isOver || stdin.destroyed) return
  }
  stdin.end()
}

function written(stdin: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => stdin.write(chunk, () => resolve()))
}

async function collect(stream: Readable, maxBytes: number, onTooMuch: () => void): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
    else onTooMuch()
  }
  return size > maxBytes ? null : Buffer.concat(chunks)
}

function parse(how: string | null, answer: Buffer | null, complaint: Buffer | null): LayerAnswer {
  if (answer === null) throw new ChildError(`what it holds takes more than ${MAX_ANSWER_BYTES} bytes to tell`)
  if (how !== null) {
    const cause = new Error(complaint?.toString('utf8') ?? '')
    throw new ChildError(`the process that read it ended with ${how}`, { cause })
  }
  try {
    return JSON.parse(answer.toString('utf8')) as LayerAnswer
  } catch (error) {
    throw new ChildError('the process that read it gave no answer', { cause: error })
  }
}
