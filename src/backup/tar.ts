import { open } from 'node:fs/promises'
import type { ObjectWriter } from '../blobs/blob-store.ts'
import { IntegrityError } from '../encryption/integrity-error.ts'

// POSIX.1-1988 ustar, as much as a backup needs: plain files with short names. Any tar program reads it.

const BLOCK = 512
const MAX_NAME = 100
/** Eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1
const [NAME, MODE, SIZE, TIME, SUM, TYPE, MAGIC] = [0, 100, 124, 136, 148, 156, 257]

/** Files one after the other into `writer`, which the caller closes after `end`. */
export class TarWriter {
  readonly #writer: ObjectWriter
  readonly #seconds: number

  /** @param now milliseconds UTC: the time of every file in it. */
  constructor(writer: ObjectWriter, now: number) {
    this.#writer = writer
    this.#seconds = Math.floor(now / 1000)
  }

  /** @throws TypeError when `chunks` have not exactly `size` bytes: the archive is of no more use. */
  async add(name: string, size: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#writer.write([headerOf(name, size, this.#seconds)])
    let left = size
    for await (const chunk of chunks) {
      left -= chunk.length
      await this.#writer.write([chunk])
    }
    if (left !== 0) throw new TypeError(`${name} has ${size - left} bytes, not ${size}`)
    await this.#writer.write([Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)])
  }

  async end(): Promise<void> {
    await this.#writer.write([Buffer.alloc(2 * BLOCK)])
  }
}

function headerOf(name: string, size: number, seconds: number): Buffer {
  if (name.length > MAX_NAME || size > MAX_SIZE)
    throw new RangeError(`${name} with ${size} bytes does not fit into a tar`)
  const header = Buffer.alloc(BLOCK)
  header.write(name, NAME, 'latin1')
  header.write('0000600\x000000000\x000000000\x00', MODE, 'latin1') // mode, owner, group
  header.write(`${octal(size)} ${octal(seconds)} `, SIZE, 'latin1')
  header.write('        0', SUM, 'latin1')
  header.write('ustar\x0000', MAGIC, 'latin1')
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, SUM, 'latin1')
  return header
}

function octal(value: number): string {
  return value.toString(8).padStart(11, '0')
}

function sumOf(header: Buffer): number {
  return header.reduce((sum, byte) => sum + byte, 0)
}

export interface TarEntry {
  readonly name: string
  /** Of its first byte in the archive. */
  readonly offset: number
  readonly size: number
}

/** What is in it. @throws IntegrityError for what is no tar of ours, or ends too early. */
export async function* entriesOf(path: string): AsyncGenerator<TarEntry, void, void> {
  const file = await open(path, 'r')
  try {
    const { size: total } = await file.stat()
    const header = Buffer.alloc(BLOCK)
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(header, 0, BLOCK, at)
      if (bytesRead < BLOCK) throw new IntegrityError(`${path} ends too early: it is no whole tar`)
      if (header.every((byte) => byte === 0)) return
      const entry = entryIn(header, at + BLOCK)
      if (entry === null || entry.offset + entry.size > total)
        throw new IntegrityError(`${path} is no whole tar of a backup`)
      yield entry
      at = entry.offset + Math.ceil(entry.size / BLOCK) * BLOCK
    }
  } finally {
    await file.close()
  }
}

function entryIn(header: Buffer, offset: number): TarEntry | null {
  const sum = Number.parseInt(header.toString('latin1', SUM, SUM + 6), 8)
  const blanked = Buffer.from(header).fill(' ', SUM, TYPE)
  const size = Number.parseInt(header.toString('latin1', SIZE, TIME), 8)
  if (sumOf(blanked) !== sum || header[TYPE] !== 0x30 || !Number.isSafeInteger(size)) return null
  const [name = ''] = header.toString('latin1', NAME, MODE).split('\0')
  return { name, offset, size }
}
