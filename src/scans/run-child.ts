import type { Readable, Writable } from 'node:stream'
import type { LayerFacts } from '../scanner/facts.ts'
import type { ChildCode } from './child-code.ts'
import { Courtesy } from './courtesy.ts'
import type { ReadingProcess } from './reading-process.ts'
import { headOf, startReading } from './reading-process.ts'
import { SpareProcess } from './spare-process.ts'

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
  /** Of the processor. Where others leave little of it, that takes many times as long. */
  readonly cpuSeconds: number
  /** In which it neither takes a piece nor answers: it hangs. */
  readonly stallMs: number
}

/** Of the answer: what 200,000 packages and two million paths may need, and what the caller holds. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024
const MAX_ERROR_BYTES = 2_000

/** Processes that read layers, one each. */
export class LayerReaders implements Disposable {
  readonly #options: ChildOptions
  readonly #spare: SpareProcess
  readonly #courtesy = new Courtesy()

  constructor(options: ChildOptions) {
    this.#options = options
    this.#spare = new SpareProcess(async () => {
      const code = await options.code()
      return { code, process: startReading(code, options.cpuSeconds) }
    })
  }

  /** Soon there may be a layer to read. */
  prepare(): void {
    void this.#spare.prepare()
  }

  /** @throws `ChildError`; what reading `bytes` throws. */
  async read(
    bytes: AsyncIterable<Uint8Array>,
    aliases: LayerAnswer['unreadLinks'],
    signal: AbortSignal,
  ): Promise<LayerAnswer> {
    const code = await this.#options.code()
    const reading = this.#spare.take(code) ?? startReading(code, this.#options.cpuSeconds)
    return await readWith(reading, this.#options, { bytes, aliases, signal, courtesy: this.#courtesy })
  }

  /** Requests keep this process busy: one layer at a time is enough. */
  isBusy(): boolean {
    return this.#courtesy.isBusy()
  }

  [Symbol.dispose](): void {
    this.#spare[Symbol.dispose]()
  }
}

/** One layer, in a process that nobody started ahead. @throws `ChildError`; what reading `bytes` throws. */
export async function runChild(
  options: ChildOptions,
  bytes: AsyncIterable<Uint8Array>,
  aliases: LayerAnswer['unreadLinks'],
  signal: AbortSignal,
): Promise<LayerAnswer> {
  const reading = startReading(await options.code(), options.cpuSeconds)
  return await readWith(reading, options, { bytes, aliases, signal, courtesy: new Courtesy() })
}

interface Task {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly aliases: LayerAnswer['unreadLinks']
  readonly signal: AbortSignal
  readonly courtesy: Courtesy
}

async function readWith(reading: ReadingProcess, options: ChildOptions, task: Task): Promise<LayerAnswer> {
  const { bytes, aliases, signal, courtesy } = task
  const { cpuSeconds, stallMs } = options
  const kill = (): void => reading.kill()
  const watch = new StallWatch(stallMs, kill)
  signal.addEventListener('abort', kill)
  if (signal.aborted) kill()
  try {
    const answer = collect(watched(reading.stdout, watch), MAX_ANSWER_BYTES, kill)
    const complaint = collect(reading.stderr, MAX_ERROR_BYTES, () => {})
    await feed(reading, withHead(headOf(aliases), bytes), { watch, courtesy })
    const how = await reading.ended
    signal.throwIfAborted()
    if (watch.hasBarked) throw new ChildError(`reading it came no further for ${stallMs} ms`)
    if (how === 'signal SIGXCPU') throw new ChildError(`reading it took more than ${cpuSeconds} s of processor time`)
    return parse(how, await answer, await complaint)
  } finally {
    signal.removeEventListener('abort', kill)
    watch.stop()
    kill()
  }
}

/** Ends what does nothing though it has something to do. */
class StallWatch {
  readonly #ms: number
  readonly #bark: () => void
  #timer: NodeJS.Timeout | null = null
  hasBarked = false

  constructor(ms: number, bark: () => void) {
    this.#ms = ms
    this.#bark = () => {
      this.hasBarked = true
      bark()
    }
  }

  /** From now on something is to be done, or something was done. */
  start(): void {
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(this.#bark, this.#ms)
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }
}

async function* withHead(head: Uint8Array, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  yield* bytes
}

async function* watched(stream: Readable, watch: StallWatch): AsyncGenerator<Buffer> {
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    watch.start()
    yield chunk
  }
}

/**
 * No faster than the child takes it, and each chunk whole before the next one is asked for, which may lie where this one lay. One that takes
 * no more has said why by its end; bytes that cannot be had are our own trouble, and may take their time.
 */
async function feed(
  { stdin, ended }: ReadingProcess,
  bytes: AsyncIterable<Uint8Array>,
  { watch, courtesy }: { readonly watch: StallWatch; readonly courtesy: Courtesy },
): Promise<void> {
  let isOver = false
  const over = ended.then(() => {
    isOver = true
  })
  for await (const chunk of bytes) {
    for await (const piece of courtesy.piecesOf(chunk)) {
      watch.start()
      await Promise.race([written(stdin, piece), over])
      watch.stop()
      if (isOver || stdin.destroyed) return
    }
  }
  stdin.end()
  watch.start()
}

function written(stdin: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => stdin.write(chunk, () => resolve()))
}

async function collect(stream: AsyncIterable<Buffer>, maxBytes: number, onTooMuch: () => void): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
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
