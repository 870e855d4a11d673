import type { Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { LayerError } from './layer-error.ts'

/** Of gzip 490-540 MB/s with 256 KiB, 200 with the default 16 KiB; zstd 2.3 GB/s against 0.4. With this a twentieth better yet. */
const CHUNK_BYTES = 512 * 1024
/** The next chunk is uncompressed, in a thread of Node's, while the last one is looked at; with less the two take turns. */
const AHEAD = { readableHighWaterMark: 4 * CHUNK_BYTES, writableHighWaterMark: 2 * CHUNK_BYTES }
/** 8 MiB, what zstd's own programs accept unasked: a frame says how much memory whoever reads it must take. */
const ZSTD_WINDOW_LOG = 23

export type Compression = 'gzip' | 'zstd' | 'none'

/** By the first bytes: media types lie, and Docker's say gzip for plain archives of old builders. */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  const isZstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd
  // A skippable frame may stand first (estargz-like tables of contents): 0x184D2A50 to 5F, little endian.
  const isSkippable = ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
  return isZstd || isSkippable ? 'zstd' : 'none'
}

/** Null: nothing to undo. Errors of the returned stream are of zlib; `inflateError` puts them in words. */
export function createInflate(compression: Compression): Transform | null {
  if (compression === 'gzip') return createGunzip({ chunkSize: CHUNK_BYTES, ...AHEAD })
  if (compression === 'none') return null
  return createZstdDecompress({
    chunkSize: CHUNK_BYTES,
    ...AHEAD,
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
  })
}

export function inflateError(compression: Compression, error: unknown): LayerError {
  const { code = '' } = error as NodeJS.ErrnoException
  const why =
    code === 'Z_BUF_ERROR'
      ? 'it ends too early'
      : code === 'ZSTD_error_frameParameter_windowTooLarge'
        ? `it needs more memory than is allowed, a window of more than ${2 ** ZSTD_WINDOW_LOG} bytes`
        : 'its bytes are damaged'
  return new LayerError(`the layer cannot be uncompressed (${compression}): ${why}`, { cause: error })
}
