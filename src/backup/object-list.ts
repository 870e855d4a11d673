import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** An object of a backup: `<id> <bytes as stored> <sha256 of them>`, a line each, in the order of ids. */
export interface ListedObject {
  readonly id: string
  readonly size: number
  readonly sha256: string
}

const LINE = /^([0-9a-f]{32}) (\d+) ([0-9a-f]{64})$/

export function lineOf({ id, size, sha256 }: ListedObject): string {
  return `${id} ${size} ${sha256}\n`
}

/** Of a file that may be absent; a last line that a kill cut off is passed over. */
export async function* readList(path: string): AsyncGenerator<ListedObject, void, void> {
  yield* readListIn(createReadStream(path))
}

export async function* readListIn(input: Readable): AsyncGenerator<ListedObject, void, void> {
  for await (const line of linesIn(input)) {
    const [, id, size, sha256] = LINE.exec(line) ?? []
    if (id !== undefined && sha256 !== undefined) yield { id, size: Number(size), sha256 }
  }
}

/** `<id> <plaintext bytes>`: what a snapshot needs. */
export async function* readNeeded(path: string): AsyncGenerator<{ id: string; size: number }, void, void> {
  for await (const line of linesIn(createReadStream(path))) {
    const [id = '', size = ''] = line.split(' ')
    yield { id, size: Number(size) }
  }
}

async function* linesIn(input: Readable): AsyncGenerator<string, void, void> {
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    input.destroy()
  }
}

/** Several lists, looked into for ids in ascending order: one pass, nothing held. */
export class SortedLists implements AsyncDisposable {
  readonly #lists: readonly { readonly items: AsyncGenerator<ListedObject, void, void>; head: ListedObject | null }[]

  private constructor(lists: readonly AsyncGenerator<ListedObject, void, void>[]) {
    this.#lists = lists.map((items) => ({ items, head: null }))
  }

  static async open(paths: readonly string[]): Promise<SortedLists> {
    const opened = new SortedLists(paths.map(readList))
    for (const list of opened.#lists) list.head = (await list.items.next()).value ?? null
    return opened
  }

  async find(id: string): Promise<ListedObject | null> {
    let found: ListedObject | null = null
    for (const list of this.#lists) {
      while (list.head !== null && list.head.id < id) list.head = (await list.items.next()).value ?? null
      if (list.head?.id === id) found ??= list.head
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { items } of this.#lists) await items.return()
  }
}

/** Ids of a list, 16 bytes each: ten million fit where a Set would not. */
export class KnownIds {
  readonly #bytes: Buffer
  readonly #count: number

  private constructor(bytes: Buffer, count: number) {
    this.#bytes = bytes
    this.#count = count
  }

  static async of(path: string, count: number): Promise<KnownIds> {
    const bytes = Buffer.alloc(count * 16)
    let at = 0
    for await (const { id } of readList(path)) {
      bytes.write(id, at * 16, 'hex')
      at += 1
    }
    return new KnownIds(bytes, at)
  }

  has(id: string): boolean {
    const wanted = Buffer.from(id, 'hex')
    let [low, high] = [0, this.#count]
    while (low < high) {
      const middle = (low + high) >> 1
      const order = this.#bytes.compare(wanted, 0, 16, middle * 16, middle * 16 + 16)
      if (order === 0) return true
      if (order < 0) low = middle + 1
      else high = middle
    }
    return false
  }
}
