import { randomUUID } from 'node:crypto'
import { Client } from './client.ts'
import type { Image, Upload } from './images.ts'
import { commonBlob, deleteImages, mib, pullImage, pushImage, uniqueBlob } from './images.ts'
import { metered } from './measure.ts'
import type { Sample } from './sample.ts'
import { sampleOf } from './sample.ts'
import { randomFrom } from './statistics.ts'
import type { Subject } from './subject.ts'

// The workloads of zb (project-zot/zot, cmd/zb), as definitions for any OCI registry.

/** What one operation of a workload does. A mix gives the shares of blobs of 1, 10 and 100 MB. */
export type Zb =
  | { does: 'catalog' }
  | { does: 'push'; size: number | Mix; how: Upload; unique?: boolean }
  | { does: 'pull'; size: number | Mix }
  /** Three of four operations pull, the fourth pushes. */
  | { does: 'pull and push'; size: number }

export type Mix = readonly [number, number, number]

export const sizes = [mib, 10 * mib, 100 * mib] as const

export type Load = {
  clients: number
  /** Operations, of all clients together. */
  count: number
  /** Both servers get the same sequence of sizes and kinds. */
  seed: number
}

type Operation = () => Promise<number>

/** One of the clients that work at the same time. */
class Worker implements Disposable {
  readonly #client: Client
  readonly #workload: Zb
  readonly #random: () => number
  readonly #repositories: string[] = []
  #images: Image[] = []
  /** What it will do, prepared: random bodies and their digests do not count as time of the server. */
  #operations: Operation[] = []

  constructor(subject: Subject, workload: Zb, seed: number) {
    this.#client = new Client(subject)
    this.#workload = workload
    this.#random = randomFrom(seed)
  }

  async prepare(count: number): Promise<void> {
    const workload = this.#workload
    if (workload.does === 'catalog') {
      for (let i = 0; i < count; i++) await this.#push(this.#sizeIn([0.7, 0.2, 0.1]), 'monolith', `tag${i}`)
    } else if (workload.does !== 'push') {
      const pulled = typeof workload.size === 'number' ? [workload.size] : sizes
      for (const size of pulled) this.#images.push(await this.#push(size, 'monolith', 'pulled'))
    }
    this.#operations = Array.from({ length: count }, (_, i) => this.#operation(workload, `tag${i}`))
  }

  async work(done: (milliseconds: number, bytes: number) => void, failed: (error: Error) => void): Promise<void> {
    for (const operation of this.#operations) {
      const began = performance.now()
      try {
        const bytes = await operation()
        done(performance.now() - began, bytes)
      } catch (error) {
        failed(error as Error)
      }
    }
  }

  async cleanUp(): Promise<void> {
    for (const repository of this.#repositories) await deleteImages(this.#client, repository)
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]()
  }

  #operation(workload: Zb, tag: string): Operation {
    if (workload.does === 'catalog') return () => this.#catalog()
    const { does, size } = workload
    if (does === 'push') return this.#pushing(this.#sizeIn(size), tag, workload)
    if (does === 'pull' || this.#random() < 0.75) return this.#pulling(size)
    return this.#pushing(this.#sizeIn(size), tag, { how: 'monolith' })
  }

  #pushing(size: number, tag: string, { how, unique = false }: { how: Upload; unique?: boolean }): Operation {
    const layer = unique ? uniqueBlob(size) : commonBlob(size)
    return async () => (await pushImage(this.#client, this.#target(tag), layer, how)).bytes
  }

  #pulling(size: number | Mix): Operation {
    const image = this.#images[typeof size === 'number' ? 0 : this.#pick(size)]
    if (image === undefined) throw new Error('nothing to pull')
    return () => pullImage(this.#client, image)
  }

  async #catalog(): Promise<number> {
    const { body } = await this.#client.call('GET', '/v2/_catalog', { want: 200, keep: true })
    return body.length
  }

  #push(size: number, how: Upload, tag: string): Promise<Image> {
    return pushImage(this.#client, this.#target(tag), commonBlob(size), how)
  }

  #target(tag: string): { repository: string; tag: string } {
    const repository = `bench/zb/${randomUUID()}`
    this.#repositories.push(repository)
    return { repository, tag }
  }

  #sizeIn(size: number | Mix): number {
    return typeof size === 'number' ? size : sizes[this.#pick(size)]
  }

  #pick(mix: Mix): 0 | 1 | 2 {
    const drawn = this.#random()
    if (drawn < mix[0]) return 0
    return drawn < mix[0] + mix[1] ? 1 : 2
  }
}

/** Prepares all clients, measures their operations together, and deletes what they pushed. */
export async function runZb(subject: Subject, workload: Zb, { clients, count, seed }: Load): Promise<Sample> {
  using stack = new DisposableStack()
  const each = Math.max(1, Math.floor(count / clients))
  const workers = Array.from({ length: clients }, (_, i) => stack.use(new Worker(subject, workload, seed * 1000 + i)))
  await Promise.all(workers.map((worker) => worker.prepare(each)))
  const latencies: number[] = []
  const errors: Error[] = []
  let bytes = 0
  const done = (milliseconds: number, moved: number): void => {
    latencies.push(milliseconds)
    bytes += moved
  }
  const meter = await metered(subject.pids, async () => {
    await Promise.all(workers.map((worker) => worker.work(done, (error) => errors.push(error))))
  })
  await Promise.all(workers.map((worker) => worker.cleanUp()))
  return sampleOf({ latencies, bytes, errors: errors.length, lastError: errors.at(-1)?.message }, meter)
}
