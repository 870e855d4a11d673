import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'
import { ImportError } from './import-error.ts'
import { MAX_UNPACKED_BYTES, MAX_VALUE_BYTES, MAX_ZIP_DIRECTORY_BYTES, MAX_ZIP_ENTRIES } from './limits.ts'

interface Entry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50

/**
 * The files of a zip archive, one in memory at a time; `onBad` hears of each that cannot be read. Source: PKWARE APPNOTE 6.3.
 * Entries may share bytes ("better zip bomb"), so what counts is what all of them unpack to. @throws ImportError
 */
export async function readZip(
  path: string,
  onFile: (name: string, bytes: Buffer) => void,
  onBad: (name: string, reason: string) => void,
  maxBytes = MAX_UNPACKED_BYTES,
): Promise<void> {
  await using file = await open(path)
  let unpacked = 0
  for (const entry of entriesIn(await directoryOf(file))) {
    if (entry.name.endsWith('/')) continue
    const bytes = await bytesOf(file, entry)
    if (typeof bytes === 'string') {
      onBad(entry.name, bytes)
      continue
    }
    unpacked += bytes.length
    if (unpacked > maxBytes) throw new ImportError(`it unpacks to more than ${maxBytes} bytes, which is the limit`)
    onFile(entry.name, bytes)
  }
}

async function directoryOf(file: FileHandle): Promise<{ bytes: Buffer; entries: number }> {
  const { size: fileSize } = await file.stat()
  const tailLength = Math.min(fileSize, 66_000)
  const tail = await readAt(file, fileSize - tailLength, tailLength)
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (at < 0 || at + 22 > tail.length || tail.readUInt32LE(at) !== END)
    throw new ImportError('the archive has no directory: it is cut off')
  let entries = tail.readUInt16LE(at + 10)
  let size = tail.readUInt32LE(at + 12)
  let offset = tail.readUInt32LE(at + 16)
  if (at >= 20 && tail.readUInt32LE(at - 20) === LOCATOR_64) {
    const end = await readAt(file, Number(tail.readBigUInt64LE(at - 12)), 56)
    if (end.length < 56 || end.readUInt32LE(0) !== END_64) throw new ImportError("the archive's directory is corrupt")
    entries = Number(end.readBigUInt64LE(32))
    size = Number(end.readBigUInt64LE(40))
    offset = Number(end.readBigUInt64LE(48))
  }
  if (entries > MAX_ZIP_ENTRIES || size > MAX_ZIP_DIRECTORY_BYTES)
    throw new ImportError(`the archive says that it has ${entries} files; at most ${MAX_ZIP_ENTRIES} are read`)
  if (offset + size > fileSize) throw new ImportError("the archive's directory lies outside of it: it is cut off")
  return { bytes: await readAt(file, offset, size), entries }
}

function* entriesIn({ bytes, entries }: { bytes: Buffer; entries: number }): Generator<Entry> {
  let at = 0
  for (let n = 0; n < entries; n++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL)
      throw new ImportError("the archive's directory is corrupt")
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ]
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength)
    const wide = wideSizes(
      extra,
      [24, 20, 42].map((field) => bytes.readUInt32LE(at + field)),
    )
    yield {
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      size: wide[0] ?? 0,
      packed: wide[1] ?? 0,
      offset: wide[2] ?? 0,
    }
    at += 46 + nameLength + extraLength + commentLength
  }
}

/** Numbers that do not fit 32 bits stand in the extra field, in this order. Source: APPNOTE 4.5.3. */
function wideSizes(extra: Buffer, sizes: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let next = at + 4
    return sizes.map((size) => {
      if (size !== 0xffffffff || next + 8 > extra.length) return size
      next += 8
      return Number(extra.readBigUInt64LE(next - 8))
    })
  }
  return [...sizes]
}

/** Its bytes, or why they cannot be had. */
async function bytesOf(
  file: FileHandle,
  { flags, method, packed, size, offset, crc }: Entry,
): Promise<Buffer | string> {
  if ((flags & 1) !== 0) return 'it is encrypted'
  if (method !== 0 && method !== 8) return `it is compressed in a way that we do not read (${method})`
  if (size > MAX_VALUE_BYTES || packed > MAX_VALUE_BYTES)
    return `it has ${size} bytes; at most ${MAX_VALUE_BYTES} are read`
  const head = await readAt(file, offset, 30)
  if (head.length < 30 || head.readUInt32LE(0) !== LOCAL) return 'it is not where the directory says'
  const data = await readAt(file, offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28), packed)
  if (data.length < packed) return 'it is cut off'
  try {
    // `size` may lie; one more byte than it says is an error, too.
    const bytes = method === 0 ? data : inflateRawSync(data, { maxOutputLength: Math.max(size, 1) })
    return bytes.length === size && crc32(bytes) === crc ? bytes : 'it is corrupt: size or checksum are not as stated'
  } catch {
    return 'it is corrupt'
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (!Number.isSafeInteger(position) || position < 0) return Buffer.alloc(0)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
