import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { RefreshRequest, RefreshResult } from '../scanner/advisories/refresh.ts'
import { endOf, spawnAtLowestPriority } from './lowest-priority.ts'

/** Changed packages of the whole world and what became of each source. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024
const MAX_ERROR_BYTES = 4_000
/** Importing all of OSV holds less; beyond it the run fails, and nothing else. */
const HEAP_MB = 1024
/** What a process needs to find its way through a company's network, and to its temporary files. */
const PASSED_ON = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'TMPDIR', 'SQLITE_TMPDIR'] as const

/**
 * Brings the advisories up to date in a process of its own, which ends with this one. @throws Error saying how it ended when it did
 * not end well.
 */
export async function runFeeds(
  program: string,
  task: RefreshRequest & { readonly egressAllow: readonly string[] },
  signal: AbortSignal,
): Promise<RefreshResult> {
  signal.throwIfAborted()
  const node = [process.execPath, `--max-old-space-size=${HEAP_MB}`, '--disable-warning=ExperimentalWarning', program]
  const env = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
  const child = spawnAtLowestPriority(node, { env, stdio: ['pipe', 'pipe', 'pipe'] }) as ChildProcessByStdio<
    Writable,
    Readable,
    Readable
  >
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  const ended = endOf(child)
  try {
    child.stdin.on('error', () => {}) // it ended before it had read all; how says why
    child.stdin.write(`${JSON.stringify(task)}\n`)
    const [answer, complaint, how] = await Promise.all([
      textOf(child.stdout, MAX_ANSWER_BYTES),
      textOf(child.stderr, MAX_ERROR_BYTES),
      ended,
    ])
    signal.throwIfAborted()
    if (how === null) return JSON.parse(answer) as RefreshResult
    throw new Error(sentenceIn(complaint) ?? `the process that fetches advisories ended with ${how}`)
  } finally {
    signal.removeEventListener('abort', kill)
    kill()
  }
}

/** Beyond `maxBytes` the rest is let go; JSON that is cut says so itself. */
async function textOf(stream: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < maxBytes) chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Of what Node prints of an error that nobody caught. */
function sentenceIn(complaint: string): string | null {
  return /^(?:\w*Error)(?: \[\w+\])?: (.+)$/m.exec(complaint)?.[1] ?? null
}
