import type { ReadStream } from 'node:fs'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { ImportError } from './import-error.ts'
import { MAX_UNPACKED_BYTES } from './limits.ts'

export type Packing = 'plain' | 'gzip' | 'zstd' | 'zip'

/** By the first bytes, whatever the name says. */
export async function packingOf(path: string): Promise<Packing> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
  return packingOfBytes(buffer.subarray(0, bytesRead))
}

export function packingOfBytes(head: Buffer): Packing {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  if (head.length >= 4 && (head.readUInt32LE(0) === 0x04034b50 || head.readUInt32LE(0) === 0x06054b50)) return 'zip'
  return 'plain'
}

/** At Node's 16 KiB, inflating takes more than twice as long (scanning.md, 0.2). */
const PIECE = 256 * 1024

/** The file's text in pieces. @throws ImportError for what is cut off, corrupt or a bomb. */
export async function readUnpacked(
  path: string,
  packing: Packing,
  onPiece: (piece: Buffer) => void,
  maxBytes = MAX_UNPACKED_BYTES,
): Promise<void> {
  let size = 0
  const take = async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      size += piece.length
      if (size > maxBytes) throw new ImportError(`it unpacks to more than ${maxBytes} bytes, which is the limit`)
      onPiece(piece)
    }
  }
  const file = createReadStream(path, { highWaterMark: PIECE })
  const inflater = inflaterOf(packing)
  try {
    await take(inflater === null ? file : inflated(file, inflater))
  } catch (error) {
    throw isUnpackError(error) ? new ImportError(`it is cut off or corrupt (${packing}: ${error.message})`) : error
  } finally {
    file.destroy()
    inflater?.destroy()
  }
}

/** Ends with what is packed: zeros may follow it in the file, which for `pipeline` is a stream that was given up. */
function inflated(file: ReadStream, inflater: Transform): AsyncIterable<Buffer> {
  file.on('error', (error) => inflater.destroy(error))
  return file.pipe(inflater)
}

function inflaterOf(packing: Packing): Transform | null {
  if (packing === 'gzip') return createGunzip({ chunkSize: PIECE })
  return packing === 'zstd' ? createZstdDecompress({ chunkSize: PIECE }) : null
}

function isUnpackError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code))
}
