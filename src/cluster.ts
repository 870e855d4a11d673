import type { Worker } from 'node:cluster'
import cluster from 'node:cluster'
import { createServer } from 'node:net'
import type { HostPort } from './config/config.ts'
import type { MetricsSnapshot } from './telemetry/metrics.ts'

/** What a worker tells its primary. */
export type ToPrimary =
  | { readonly kind: 'listening' }
  /** It cannot start, and another in its place could not either. */
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'snapshot'; readonly request: number; readonly snapshot: MetricsSnapshot }
  /** Somebody asked this worker for the metrics of all. */
  | { readonly kind: 'gather'; readonly request: number }

export type ToWorker =
  | { readonly kind: 'snapshot'; readonly request: number }
  | { readonly kind: 'gathered'; readonly request: number; readonly snapshots: readonly MetricsSnapshot[] }

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
const GATHER_MS = 1_000
/** libuv's pool does fsyncs, reads and argon2; four threads are fewer than a disk can do at once. */
const POOL_THREADS = '12'

/**
 * Bytes pass through buffers that V8 does not allocate itself. Unasked it marks the whole heap each time those have grown
 * by some 30 MB, whatever of them is still in use: 49 to 62 times for 1 GB pushed, half of the CPU. Counted into the heap's own
 * limit, which starts at twice what a worker needs, it seldom is; and a small young generation frees them a few megabytes at
 * a time, so that they stay in the processor's cache. Measured for streamed pushes of 100 MB: 2.2 s of CPU per GB instead of
 * 3.5. The limit then grows by little, and what a collection freed goes back to the system a moment later
 * (docs/decisions/0013-memory.md). The first flag is V8's alone, so all are given only to a V8 that knows them (Node 26).
 */
const V8_FLAGS = process.versions.v8.startsWith('14.')
  ? [
      '--external-memory-accounted-in-global-limit',
      '--initial-old-space-size=64',
      '--heap-growing-percent=30',
      '--max-semi-space-size=4',
      '--memory-reducer-delay-ms=700',
    ]
  : []

/**
 * For glibc's allocator: what is larger than the 64 KiB that a socket is read into is mapped by itself and so given back by itself. On
 * its own it raises that limit to 32 MB with the first large buffer freed, and keeps 150 MB between small things that live on.
 * What is freed at the end of its heap stays for the next pieces, up to 8 MB: given back at once, it costs a tenth of a push to get it again.
 * Nothing to other allocators. The operator's own settings stand.
 */
const MALLOC_SETTINGS = {
  MALLOC_MMAP_THRESHOLD_: String(72 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(8 * 1024 * 1024),
  MALLOC_ARENA_MAX: '2',
}

/**
 * Keeps `workers` processes that share the port until a signal comes; then lets them drain. Nothing lives here: if the
 * primary is killed its workers end, and the next start finds everything in the database.
 */
export class Primary {
  readonly #options: PrimaryOptions
  readonly #ended = Promise.withResolvers<number>()
  #stopping = false
  #listening = 0
  /** Why it cannot start; null while it can. */
  fatal: string | null = null

  constructor(options: PrimaryOptions) {
    this.#options = options
  }

  /** Resolves to the exit code when the last worker has gone after a signal. */
  async run(): Promise<number> {
    cluster.setupPrimary({ args: process.argv.slice(2), execArgv: [...process.execArgv, ...V8_FLAGS] })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => this.#stop())
    cluster.on('message', (worker: Worker, message: ToPrimary) => this.#hear(worker, message))
    cluster.on('exit', (worker, code, signal) => this.#bury(worker, signal ?? `exit code ${code}`))
    for (let count = 0; count < this.#options.workers; count += 1) fork()
    return await this.#ended.promise
  }

  get allListening(): boolean {
    return !this.#stopping && this.#listening >= this.#options.workers
  }

  /** Every worker's metrics; one that does not answer in time is left out. */
  async gather(): Promise<MetricsSnapshot[]> {
    const workers = alive()
    const snapshots: MetricsSnapshot[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const request = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    const hear = (_worker: Worker, message: ToPrimary): void => {
      if (message.kind !== 'snapshot' || message.request !== request) return
      snapshots.push(message.snapshot)
      if (snapshots.length === workers.length) resolve()
    }
    cluster.on('message', hear)
    const timer = setTimeout(resolve, GATHER_MS)
    for (const worker of workers) tell(worker, { kind: 'snapshot', request })
    if (workers.length > 0) await promise
    clearTimeout(timer)
    cluster.off('message', hear)
    return snapshots
  }

  #hear(worker: Worker, message: ToPrimary): void {
    if (message.kind === 'listening') {
      this.#listening += 1
      if (this.#listening === this.#options.workers) this.#options.onListening()
    } else if (message.kind === 'fatal') {
      this.fatal ??= message.message
      this.#stop()
    } else if (message.kind === 'gather') {
      const { request } = message
      void this.gather().then((snapshots) => tell(worker, { kind: 'gathered', request, snapshots }))
    }
  }

  #bury(worker: Worker, reason: string): void {
    if (this.#stopping) {
      this.#endIfEmpty()
      return
    }
    this.#options.onDeath({ pid: worker.process.pid, reason })
    setTimeout(() => {
      if (!this.#stopping) fork()
    }, RESTART_PAUSE_MS)
  }

  #stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    for (const worker of alive()) worker.process.kill('SIGTERM')
    setTimeout(() => {
      for (const worker of alive()) worker.process.kill('SIGKILL')
    }, this.#options.drainMs).unref()
    this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (alive().length === 0) this.#ended.resolve(this.fatal === null ? 0 : 1)
  }
}

/** Refuses a port that anybody listens on; workers could not tell, since they share theirs. @throws like `listen` */
export async function claimPort(host: string, port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}

/** In words, for what an operator can mend; null: it is something else. */
export function listenProblem(error: unknown, { host, port }: HostPort): string | null {
  const { code } = error as NodeJS.ErrnoException
  const choose = 'choose another address with ENTREPOT_LISTEN'
  if (code === 'EADDRINUSE') return `${host}:${port} is in use by another program: stop that one, or ${choose}`
  if (code === 'EACCES') return `this user may not listen on ${host}:${port}: ${choose}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine: ${choose}`
  return null
}

function fork(): void {
  cluster.fork({ UV_THREADPOOL_SIZE: POOL_THREADS, ...MALLOC_SETTINGS, ...process.env })
}

function alive(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker !== undefined && !worker.isDead(),
  )
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}
