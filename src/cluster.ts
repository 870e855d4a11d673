import cluster, { type Worker } from 'node:cluster'

/** What a primary and its workers tell each other. */
export type ToPrimary =
  | { readonly kind: 'listening' }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'metrics'; readonly request: number; readonly text: unknown }
export type ToWorker = { readonly kind: 'metrics'; readonly request: number }

export interface PrimaryOptions {
  readonly workers: number
  /** Once all workers listen. */
  readonly onListening: () => void
  /** A worker died unasked; another takes its place. */
  readonly onDeath: (worker: { readonly pid: number | undefined; readonly reason: string }) => void
  /** How long workers may drain before they are killed. */
  readonly drainMs: number
}

const RESTART_PAUSE_MS = 200

/**
 * Keeps `workers` processes that share the port until a signal comes; then lets them drain. Resolves to the exit code.
 * Nothing lives in the primary: if it is killed its workers end, and the next start finds everything in the database.
 */
export async function runPrimary(options: PrimaryOptions): Promise<number> {
  cluster.setupPrimary({ args: process.argv.slice(2) })
  const state = { stopping: false, listening: 0, fatal: null as string | null }
  return await new Promise<number>((resolve) => {
    const stop = (): void => {
      if (state.stopping) return
      state.stopping = true
      drain(options.drainMs)
      if (alive().length === 0) resolve(state.fatal === null ? 0 : 1)
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
    cluster.on('message', (_worker: Worker, message: ToPrimary) => {
      if (message.kind === 'listening') {
        state.listening += 1
        if (state.listening === options.workers) options.onListening()
      } else if (message.kind === 'fatal') state.fatal = message.message
    })
    cluster.on('exit', (worker, code, signal) => {
      if (state.fatal !== null && !state.stopping) stop()
      if (state.stopping) {
        if (alive().length === 0) resolve(state.fatal === null ? 0 : 1)
        return
      }
      options.onDeath({ pid: worker.process.pid, reason: signal ?? `exit code ${code}` })
      setTimeout(() => state.stopping || cluster.fork(), RESTART_PAUSE_MS)
    })
    for (let count = 0; count < options.workers; count += 1) cluster.fork()
  })
}

function alive(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker): worker is Worker => worker !== undefined && !worker.isDead())
}

function drain(deadlineMs: number): void {
  for (const worker of alive()) worker.process.kill('SIGTERM')
  setTimeout(() => {
    for (const worker of alive()) worker.process.kill('SIGKILL')
  }, deadlineMs).unref()
}

/** Asks every worker for its metrics; one that does not answer in time is left out. */
export async function gatherMetrics(timeoutMs: number): Promise<unknown[]> {
  const workers = alive()
  const request = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
  const texts: unknown[] = []
  return await new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      cluster.off('message', onMessage)
      resolve(texts)
    }
    const onMessage = (_worker: Worker, message: ToPrimary): void => {
      if (message.kind !== 'metrics' || message.request !== request) return
      texts.push(message.text)
      if (texts.length === workers.length) done()
    }
    const timer = setTimeout(done, timeoutMs)
    cluster.on('message', onMessage)
    for (const worker of workers) worker.send({ kind: 'metrics', request } satisfies ToWorker)
    if (workers.length === 0) done()
  })
}
