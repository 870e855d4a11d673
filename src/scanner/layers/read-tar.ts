import { cleanPath } from './clean-path.ts'
import { LayerError } from './layer-error.ts'
import type { LayerLimits } from './limits.ts'
import { parsePax, paxSize } from './pax.ts'
import type { TarHeader, TarType } from './tar-header.ts'
import { BLOCK_BYTES, isZeroBlock, parseTarHeader } from './tar-header.ts'

/** One member, before its bytes. */
export interface TarEntry {
  /** Clean; see `cleanPath`. */
  readonly path: string
  readonly type: TarType
  /** Of a link, as written. */
  readonly target: string
  readonly size: number
  readonly mode: number
  /** Holes are left out of its bytes: they are not what the file holds. */
  readonly isSparse: boolean
}

/** Takes a file's bytes; `false` from `push`: no more are wanted. `chunk` is only valid during the call. */
export interface ByteSink {
  push(chunk: Uint8Array): boolean
  end(): void
}

export type OnEntry = (entry: TarEntry) => ByteSink | null

/** What an extended header says of the next member. */
interface Extended {
  path?: string
  target?: string
  size?: number
  isSparse?: boolean
}

type MetaFlag = 'L' | 'K' | 'x'

/** Where GNU's old sparse header says that more of its map follows, in blocks that no size counts. */
const OLD_GNU_EXTENDED = 482

/**
 * Reads a tar archive that is pushed through it: ustar, pax, GNU long names, sizes of base 256. Holds one header at a time, bounded;
 * nothing of a file. @throws LayerError from `push` and `end`
 */
export class TarReader {
  readonly #onEntry: OnEntry
  readonly #limits: Pick<LayerLimits, 'maxHeaderBytes' | 'maxEntries' | 'maxPathBytes' | 'maxPathParts'>
  readonly #header = Buffer.alloc(BLOCK_BYTES)
  #headerFilled = 0
  /** Bytes of the member that are still to come, and of the padding behind them. */
  #left = 0
  #padding = 0
  #sink: ByteSink | null = null
  #wantsMore = false
  #meta: { readonly flag: MetaFlag; readonly bytes: Buffer; filled: number } | null = null
  #extended: Extended = {}
  #zeroBlocks = 0
  entries = 0

  constructor(
    limits: Pick<LayerLimits, 'maxHeaderBytes' | 'maxEntries' | 'maxPathBytes' | 'maxPathParts'>,
    onEntry: OnEntry,
  ) {
    this.#limits = limits
    this.#onEntry = onEntry
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && this.#zeroBlocks < 2) {
      if (this.#left > 0) at += this.#takeBody(chunk, at)
      else if (this.#padding > 0) at += this.#skip(chunk.length - at)
      else at += this.#takeHeader(chunk, at)
    }
  }

  /** No more comes. An archive without its two empty blocks at the end, or with a part of them, is whole, as long as no member is cut. */
  end(): void {
    if (this.#zeroBlocks >= 2) return
    const isInHeader = !isZeroBlock(this.#header.subarray(0, this.#headerFilled))
    if (isInHeader || this.#left + this.#padding > 0)
      throw new LayerError('the tar archive ends in the middle of an entry')
    if (this.entries === 0 && this.#zeroBlocks === 0) throw new LayerError('the layer is no tar archive: it is empty')
  }

  #takeBody(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at)
    if (this.#meta) {
      this.#meta.bytes.set(chunk.subarray(at, at + taken), this.#meta.filled)
      this.#meta.filled += taken
    } else if (this.#sink && this.#wantsMore) this.#wantsMore = this.#sink.push(chunk.subarray(at, at + taken))
    this.#left -= taken
    if (this.#left === 0) this.#endBody()
    return taken
  }

  #endBody(): void {
    if (this.#meta) this.#applyMeta(this.#meta.flag, this.#meta.bytes)
    this.#meta = null
    this.#sink?.end()
    this.#sink = null
  }

  #skip(most: number): number {
    const taken = Math.min(this.#padding, most)
    this.#padding -= taken
    return taken
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(BLOCK_BYTES - this.#headerFilled, chunk.length - at)
    this.#header.set(chunk.subarray(at, at + taken), this.#headerFilled)
    this.#headerFilled += taken
    if (this.#headerFilled === BLOCK_BYTES) {
      this.#headerFilled = 0
      this.#startMember()
    }
    return taken
  }

  #startMember(): void {
    if (isZeroBlock(this.#header)) {
      this.#zeroBlocks += 1
      return
    }
    if (this.#zeroBlocks === 1) throw new LayerError('the tar archive goes on behind an empty block')
    const header = parseTarHeader(this.#header)
    this.entries += 1
    if (this.entries > this.#limits.maxEntries)
      throw new LayerError(`the layer has more than ${this.#limits.maxEntries} entries`)
    if (header.flag === 'L' || header.flag === 'K' || header.flag === 'x') this.#startMeta(header, header.flag)
    else if (header.flag === 'g') this.#startBody(header.size, null)
    else this.#startEntry(header)
  }

  #startMeta(header: TarHeader, flag: MetaFlag): void {
    if (header.size > this.#limits.maxHeaderBytes) {
      throw new LayerError(
        `an extended header in the tar archive has ${header.size} bytes; at most ${this.#limits.maxHeaderBytes} are read`,
      )
    }
    this.#meta = { flag, bytes: Buffer.alloc(header.size), filled: 0 }
    this.#startBody(header.size, null)
  }

  #startEntry(header: TarHeader): void {
    if (header.flag === 'S' && this.#header[OLD_GNU_EXTENDED] === 1) {
      throw new LayerError('the tar archive holds a sparse file in the old form of GNU tar, which is not read')
    }
    const extended = this.#extended
    this.#extended = {}
    const type = typeOf(header.flag)
    const path = cleanPath(extended.path ?? header.path)
    const target = extended.target ?? header.target
    this.#checkPath(path, target)
    // Links and directories have no bytes, whatever their size says; of unknown types the size counts.
    const hasBytes = type === 'file' || type === 'other'
    const size = hasBytes ? (extended.size ?? header.size) : 0
    const entry: TarEntry = {
      path,
      type: header.path.endsWith('/') && type === 'file' && size === 0 ? 'directory' : type,
      target,
      size,
      mode: header.mode,
      isSparse: header.flag === 'S' || extended.isSparse === true,
    }
    this.#startBody(size, this.#onEntry(entry))
  }

  #checkPath(path: string, target: string): void {
    const { maxPathBytes, maxPathParts } = this.#limits
    if (Math.max(Buffer.byteLength(path), Buffer.byteLength(target)) > maxPathBytes)
      throw new LayerError(`the path of an entry, or of what it links to, is longer than ${maxPathBytes} bytes`)
    if (partsOf(path) > maxPathParts || partsOf(target) > maxPathParts)
      throw new LayerError(`the path of an entry, or of what it links to, has more than ${maxPathParts} parts`)
  }

  #startBody(size: number, sink: ByteSink | null): void {
    this.#left = size
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES
    this.#sink = sink
    this.#wantsMore = true
    if (size === 0) this.#endBody()
  }

  #applyMeta(flag: MetaFlag, bytes: Buffer): void {
    if (flag === 'x') {
      this.#applyPax(bytes)
      return
    }
    const end = bytes.indexOf(0)
    const text = bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
    if (flag === 'L') this.#extended.path = text
    else this.#extended.target = text
  }

  #applyPax(bytes: Buffer): void {
    const records = parsePax(bytes)
    const path = records.get('GNU.sparse.name') ?? records.get('path')
    const target = records.get('linkpath')
    const size = records.get('size')
    if (path !== undefined) this.#extended.path = path
    if (target !== undefined) this.#extended.target = target
    if (size !== undefined) this.#extended.size = paxSize(size)
    if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.'))) this.#extended.isSparse = true
  }
}

function partsOf(path: string): number {
  let parts = 1
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) parts += 1
  return parts
}

function typeOf(flag: string): TarType {
  if (flag === '0' || flag === '7' || flag === 'S') return 'file'
  if (flag === '1') return 'hardlink'
  if (flag === '2') return 'symlink'
  return flag === '5' ? 'directory' : 'other'
}
