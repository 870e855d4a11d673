import { isDeepStrictEqual } from 'node:util'
import { mutate } from './mutate.ts'
import { Random } from './random.ts'
import type { Target } from './target.ts'

/** An input that broke a promise. */
export class Found extends Error {
  override readonly name = 'Found'
  readonly input: Buffer

  constructor(input: Buffer, cause: unknown) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause })
    this.input = input
  }
}

export interface Progress {
  readonly executions: number
  /** Shortest known input of each answer. */
  readonly answers: ReadonlyMap<string, Buffer>
}

export interface Watch {
  /** Before each input: whoever watches knows it, should it never come back. */
  before(input: Buffer, execution: number): void
}

/** Inputs that answered something new, to go on from. */
const MAX_POOL = 400
const MAX_ANSWERS = 1_000
/** For so many inputs the answer is asked for twice. */
const TWICE_EVERY = 64
const TURN_EVERY = 128
/** Of processor time, for at most 24 kB: some thousand times what the slowest of these takes. */
const SLOW_MS = 400

/** Changes seeds and what came of them `runs` times. @throws Found for the first that breaks a promise. */
export async function fuzz(
  target: Target,
  { runs, seed, corpus = [], watch }: { runs: number; seed: number; corpus?: readonly Buffer[]; watch?: Watch },
): Promise<Progress> {
  const random = new Random(seed)
  const known = new Known([...target.seeds, ...corpus], random)
  for (const start of known.starts) known.add(await answerOf(target, Buffer.from(start)), Buffer.from(start))
  for (let execution = 0; execution < runs; execution += 1) {
    // zlib closes what failed in a turn of its own.
    if (execution % TURN_EVERY === 0) await new Promise(setImmediate)
    const input = mutate(target, known.pick(), known.pickNew(), random)
    watch?.before(input, execution)
    known.add(await tried(target, input, execution % TWICE_EVERY === 0), input)
  }
  return { executions: runs, answers: known.answers }
}

/** What to go on from: where it began, and inputs that answered something new. */
class Known {
  readonly starts: readonly Uint8Array[]
  readonly answers = new Map<string, Buffer>()
  readonly #pool: Uint8Array[]
  readonly #random: Random

  constructor(starts: readonly Uint8Array[], random: Random) {
    this.starts = starts
    this.#pool = [...starts]
    this.#random = random
  }

  pick(): Uint8Array {
    return this.#random.once(2) ? this.#random.pick(this.starts) : this.pickNew()
  }

  pickNew(): Uint8Array {
    return this.#random.pick(this.#pool)
  }

  add(answer: string, input: Buffer): void {
    const shortest = this.answers.get(answer)
    const isNew = shortest === undefined && this.answers.size < MAX_ANSWERS
    if (isNew) {
      if (this.#pool.length < MAX_POOL) this.#pool.push(input)
      else this.#pool[this.#random.below(MAX_POOL)] = input
    }
    // A copy: the input may be a small part of something large.
    if (isNew || (shortest && input.length < shortest.length)) this.answers.set(answer, Buffer.from(input))
  }
}

/** @throws Found */
export async function tried(target: Target, input: Buffer, isTwice: boolean): Promise<string> {
  const began = performance.now()
  const answer = await answerOf(target, input)
  if (performance.now() - began > SLOW_MS) await checkSlow(target, input)
  if (isTwice && !isDeepStrictEqual(await answerOf(target, input), answer))
    throw new Found(input, 'asked twice, it answers differently')
  return answer
}

async function answerOf(target: Target, input: Buffer): Promise<string> {
  try {
    return await target.run(input)
  } catch (error) {
    throw new Found(input, error)
  }
}

/** The machine may have been busy: slow is what takes long of processor time, five times. */
async function checkSlow(target: Target, input: Buffer): Promise<void> {
  const times: number[] = []
  for (let time = 0; time < 5; time += 1) {
    const before = process.threadCpuUsage()
    await answerOf(target, input)
    const { user, system } = process.threadCpuUsage(before)
    times.push((user + system) / 1000)
  }
  const least = Math.min(...times)
  if (least > SLOW_MS) throw new Found(input, `it takes ${Math.round(least)} ms`)
}

/** A shorter input that breaks the same promise: piece after piece is left out. */
export async function shortened(target: Target, found: Found): Promise<Buffer> {
  let best = found.input
  for (let piece = Math.ceil(best.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < best.length; ) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)])
      const same = await breaks(target, shorter, found.message)
      if (same) best = shorter
      else at += piece
    }
    if (piece === 1) break
  }
  return best
}

async function breaks(target: Target, input: Buffer, message: string): Promise<boolean> {
  try {
    await tried(target, input, true)
    return false
  } catch (error) {
    return error instanceof Found && kindOf(error.message) === kindOf(message)
  }
}

function kindOf(message: string): string {
  return message.replace(/\d+/g, '#').slice(0, 80)
}
