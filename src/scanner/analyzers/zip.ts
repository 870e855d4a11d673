import { inflateRawSync } from 'node:zlib'
import type { Bytes } from './held-bytes.ts'

/*
 * Our own reader instead of a library: those on npm want a file descriptor or a whole buffer, inflate what they were not asked for, and
 * leave bounds to the caller. Only the central directory counts, as for the JVM and Python. Source: PKWARE APPNOTE 6.3.10.
 */

export interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly isEncrypted: boolean
  readonly compressedSize: number
  /** As the directory says: whoever made the archive typed it. */
  readonly size: number
  /** Where its local header starts in the file. */
  readonly offset: number
}

/** The archive cannot be read; `weight` as of a problem. */
export class ZipError extends Error {
  override readonly name = 'ZipError'
  readonly weight: 'fatal' | 'partial'

  constructor(message: string, weight: 'fatal' | 'partial' = 'partial', options?: ErrorOptions) {
    super(message, options)
    this.weight = weight
  }
}

/** Not kept: the file is too large to be held, and this part was not foreseen. */
const NOT_KEPT = 'the archive is too large to be read whole, and a part that is needed was not kept'
const MAX_NAME = 4096

interface Directory {
  readonly start: number
  readonly size: number
  /** What stands before the archive: a script that starts it. */
  readonly base: number
}

/** @throws ZipError when it is no archive, or its directory is damaged. */
export function* zipEntries(bytes: Bytes): Generator<ZipEntry> {
  const { start, size, base } = directoryOf(bytes)
  const end = start + size
  for (let at = start; at + 46 <= end; ) {
    const header = need(bytes, at, 46)
    if (header.readUInt32LE(0) !== 0x02014b50) throw new ZipError('its directory is damaged')
    const [nameLength, extraLength] = [header.readUInt16LE(28), header.readUInt16LE(30)]
    const rest = need(bytes, at + 46, nameLength + extraLength)
    at += 46 + nameLength + extraLength + header.readUInt16LE(32)
    if (nameLength <= MAX_NAME) yield entryOf(header, rest, base)
  }
}

function entryOf(header: Buffer, rest: Buffer, base: number): ZipEntry {
  const nameLength = header.readUInt16LE(28)
  const large = largeFields(rest.subarray(nameLength))
  // In this order, and only those that do not fit into 32 bits. Source: APPNOTE 4.5.3.
  const field = (at: number): number => {
    const value = header.readUInt32LE(at)
    return value === 0xffffffff ? (large.next().value ?? value) : value
  }
  const size = field(24)
  const compressedSize = field(20)
  return {
    name: rest.toString('utf8', 0, nameLength),
    method: header.readUInt16LE(10),
    isEncrypted: (header.readUInt16LE(8) & 1) !== 0,
    compressedSize,
    size,
    offset: base + field(42),
  }
}

/** The 64-bit numbers of the extra field 1. */
function* largeFields(extra: Buffer): Generator<number, undefined> {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = Math.min(extra.length, at + 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === 1) {
      for (let here = at + 4; here + 8 <= end; here += 8) yield Number(extra.readBigUInt64LE(here))
    }
    at = end === at ? extra.length : Math.max(end, at + 4)
  }
}

/** The record stands at the end, before a comment of any length. */
function directoryOf(bytes: Bytes): Directory {
  for (const length of [22, 22 + 1024, 22 + 65_535].map((most) => Math.min(most, bytes.size))) {
    const tail = bytes.read(bytes.size - length, length)
    for (
      let at = (tail?.length ?? 0) - 22;
      tail && at >= 0;
      at = at === 0 ? -1 : tail.lastIndexOf('PK\x05\x06', at - 1)
    ) {
      const directory =
        tail.readUInt32LE(at) === 0x06054b50 ? readEnd(bytes, bytes.size - length + at, tail.subarray(at)) : null
      if (directory) return directory
    }
  }
  throw new ZipError('it is no zip archive, or one without its end')
}

function readEnd(bytes: Bytes, at: number, record: Buffer): Directory | null {
  let [size, offset, end] = [record.readUInt32LE(12), record.readUInt32LE(16), at]
  const locator = bytes.read(at - 20, 20)
  if (locator?.readUInt32LE(0) === 0x07064b50) {
    // Directly before its locator, unless something was added to it; then at the offset given, without anything before the archive.
    const given = Number(locator.readBigUInt64LE(8))
    for (const place of [at - 20 - 56, given]) {
      const large = bytes.read(place, 56)
      if (large?.readUInt32LE(0) !== 0x06064b50) continue
      ;[size, offset, end] = [Number(large.readBigUInt64LE(40)), Number(large.readBigUInt64LE(48)), place]
      break
    }
  }
  const start = end - size
  return start >= 0 && start - offset >= 0 ? { start, size, base: start - offset } : null
}

/** Where an entry's own bytes lie. @throws ZipError */
export function dataOf(bytes: Bytes, entry: ZipEntry): { readonly start: number; readonly size: number } {
  if (entry.isEncrypted) throw new ZipError('it is encrypted')
  const header = need(bytes, entry.offset, 30)
  if (header.readUInt32LE(0) !== 0x04034b50) throw new ZipError('an entry is not where the directory says')
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  return { start, size: entry.compressedSize }
}

/** An entry's content, of at most `maxBytes`. @throws ZipError */
export function contentOf(bytes: Bytes, entry: ZipEntry, maxBytes: number): Buffer {
  const { start, size } = dataOf(bytes, entry)
  const data = need(bytes, start, size)
  const tooLarge = `an entry has more than ${maxBytes} bytes`
  if (entry.method === 0) {
    if (data.length > maxBytes) throw new ZipError(tooLarge, 'fatal')
    return data
  }
  if (entry.method !== 8) throw new ZipError(`an entry is compressed by method ${entry.method}, which is not known`)
  // One piece of the size it claims to have: pieces would be joined, which takes twice the memory for a moment.
  const chunkSize = Math.min(Math.max(entry.size + 64, 1024), maxBytes + 64)
  try {
    return inflateRawSync(data, { maxOutputLength: maxBytes, chunkSize })
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw isTooLarge
      ? new ZipError(tooLarge, 'fatal')
      : new ZipError('an entry is damaged', 'partial', { cause: error })
  }
}

function need(bytes: Bytes, offset: number, length: number): Buffer {
  const found = bytes.read(offset, length)
  if (found !== null) return found
  if (offset < 0 || offset + length > bytes.size) throw new ZipError('its directory leads out of the file')
  throw new ZipError(NOT_KEPT, 'fatal')
}
