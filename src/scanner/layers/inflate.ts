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

/**
 * `bytes` without their compression, which the first of them tells; what follows its end is left out, as gunzip and zstd do. A piece
 * of either is valid until the next one is asked for. `mode`: see `directOf`. @throws LayerError; what reading `bytes` throws.
 */
export async function* inflate(
  bytes: AsyncIterable<Uint8Array>,
  mode: 'direct' | 'ahead' = 'direct',
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = bytes[Symbol.asyncIterator]()
  try {
    let first = await pieces.next()
    while (!first.done && first.value.length === 0) first = await pieces.next()
    if (first.done) return
    const all = withFirst(first.value, pieces)
    const compression = compressionOf(first.value)
    if (compression === 'none') yield* all
    else {
      const stream = createInflate(compression)
      const direct = mode === 'direct' ? directOf(stream) : null
      yield* direct ? inflateDirectly(direct, all, compression) : inflateAhead(stream, all, compression)
    }
  } finally {
    await pieces.return?.()
  }
}

async function* withFirst(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  for (let next = await rest.next(); !next.done; next = await rest.next()) if (next.value.length > 0) yield next.value
}

function createInflate(compression: 'gzip' | 'zstd'): Transform {
  if (compression === 'gzip') return createGunzip({ chunkSize: CHUNK_BYTES, ...AHEAD })
  return createZstdDecompress({
    chunkSize: CHUNK_BYTES,
    ...AHEAD,
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
  })
}

async function* inflateAhead(
  stream: Transform,
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  let trouble: unknown = null
  const fed = feed(stream, bytes).catch((error: unknown) => {
    trouble = error
    stream.destroy()
  })
  try {
    yield* stream as AsyncIterable<Uint8Array>
  } catch (error) {
    if (trouble === null) throw inflateError(compression, error)
  } finally {
    stream.destroy()
    await fed
  }
  if (trouble !== null) throw trouble
}

async function feed(stream: Transform, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    if (!stream.write(Buffer.from(chunk))) await drained(stream)
    if (stream.destroyed) return
  }
  stream.end()
}

function drained(stream: Transform): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle).off('error', settle)
      resolve()
    }
    stream.on('drain', settle).on('close', settle).on('error', settle)
    if (stream.destroyed) settle()
  })
}

/** One write after the other into the same memory, in this thread. */
interface Direct {
  readonly stream: Transform
  readonly write: (flush: number, input: Uint8Array, at: number, length: number, output: Uint8Array) => void
  /** Room left in the output and bytes left of the input by the last write. */
  readonly left: Uint32Array
  /** Said with the end of the input. */
  readonly finish: number
}

interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void
}

/**
 * What Node's own synchronous functions are made of; npm's tar is made of it, too. A stream writes each piece into new memory and wakes a
 * thread for it: reading an image of 150 MB took a fifth more of the processor, and two layers at a time fill the cores as well. Null: this
 * Node has it no more.
 */
function directOf(stream: Transform): Direct | null {
  const { _handle, _writeState, _finishFlushFlag } = stream as unknown as {
    readonly _handle?: Partial<Handle> | null
    readonly _writeState?: unknown
    readonly _finishFlushFlag?: unknown
  }
  const isKnown = typeof _handle?.writeSync === 'function' && typeof _finishFlushFlag === 'number'
  if (!isKnown || !(_writeState instanceof Uint32Array)) return null
  const handle = _handle as Handle
  return {
    stream,
    write: (flush, input, at, length, output) =>
      handle.writeSync(flush, input, at, length, output, 0, output.byteLength),
    left: _writeState,
    finish: _finishFlushFlag as number,
  }
}

/** Neither zlib nor zstd has anything to flush before the end. */
const NO_FLUSH = 0
const NOTHING = new Uint8Array()

async function* inflateDirectly(
  direct: Direct,
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  const output = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  const { stream } = direct
  stream.on('error', () => {}) // asked for below
  try {
    for await (const chunk of bytes) {
      yield* written(direct, chunk, NO_FLUSH, { output, compression })
      // More room than it needs, and bytes that it does not take: it is at its end.
      if (direct.left[1] !== 0) return
    }
    yield* written(direct, NOTHING, direct.finish, { output, compression })
  } finally {
    stream.destroy()
  }
}

function* written(
  { stream, write, left }: Direct,
  input: Uint8Array,
  flush: number,
  { output, compression }: { readonly output: Buffer; readonly compression: Compression },
): Generator<Uint8Array> {
  let at = 0
  for (let isFull = true; isFull; ) {
    write(flush, input, at, input.length - at, output)
    if (stream.errored) throw inflateError(compression, stream.errored)
    const [room = 0, rest = 0] = left
    at = input.length - rest
    isFull = room === 0
    if (room < output.length) yield output.subarray(0, output.length - room)
  }
}

function inflateError(compression: Compression, error: unknown): LayerError {
  const { code = '' } = error as NodeJS.ErrnoException
  const why =
    code === 'Z_BUF_ERROR'
      ? 'it ends too early'
      : code === 'ZSTD_error_frameParameter_windowTooLarge'
        ? `it needs more memory than is allowed, a window of more than ${2 ** ZSTD_WINDOW_LOG} bytes`
        : 'its bytes are damaged'
  return new LayerError(`the layer cannot be uncompressed (${compression}): ${why}`, { cause: error })
}
