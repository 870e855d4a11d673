import { LayerError } from './layer-error.ts'

export const BLOCK_BYTES = 512

export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'

export interface TarHeader {
  /** As written; see `cleanPath`. */
  readonly path: string
  readonly target: string
  readonly size: number
  readonly mode: number
  /** The type's letter as written. */
  readonly flag: string
}

const CHECKSUM_START = 148
const CHECKSUM_END = 156
const SPACE = 32

/** Two of these end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0)
}

/** Source: POSIX.1-2024 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format". @throws LayerError */
export function parseTarHeader(block: Buffer): TarHeader {
  if (parseNumber(block, CHECKSUM_START, CHECKSUM_END - CHECKSUM_START, 'checksum') !== checksumOf(block)) {
    throw new LayerError('the tar archive is damaged: the checksum of a header does not fit')
  }
  const prefix = isUstar(block) ? textAt(block, 345, 155) : ''
  const name = textAt(block, 0, 100)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    target: textAt(block, 157, 100),
    size: parseNumber(block, 124, 12, 'size'),
    mode: parseNumber(block, 100, 8, 'mode'),
    flag: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
  }
}

/** GNU's old form says `ustar  ` and uses the place of the prefix for times. */
function isUstar(block: Buffer): boolean {
  return block.toString('latin1', 257, 263) === 'ustar\0'
}

function textAt(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end)
}

/** Octal text, or with the first bit set a number of base 256 (GNU, star): sizes over 8 GiB. */
function parseNumber(block: Buffer, start: number, length: number, what: string): number {
  const first = block[start] ?? 0
  if ((first & 0x80) !== 0) return parseBase256(block, start, length, what)
  const plain = plainOctal(block, start, start + length)
  if (plain !== null) return plain
  const text = block
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/, '')
    .trimStart()
  if (text === '') return 0
  if (/^[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  throw new LayerError(`the tar archive is damaged: the ${what} of an entry is no number`)
}

const [DIGIT_0, DIGIT_7] = [48, 55]

/** As nearly all are written: digits, then NUL or blanks. Null: otherwise. */
function plainOctal(block: Buffer, start: number, end: number): number | null {
  let value = 0
  let at = start
  for (let byte = block[at] ?? 0; at < end && byte >= DIGIT_0 && byte <= DIGIT_7; byte = block[at] ?? 0) {
    value = value * 8 + byte - DIGIT_0
    at += 1
  }
  if (at === start) return null
  for (; at < end; at += 1) if (block[at] !== 0 && block[at] !== SPACE) return null
  return value
}

function parseBase256(block: Buffer, start: number, length: number, what: string): number {
  let value = (block[start] ?? 0) & 0x7f
  for (let at = start + 1; at < start + length; at++) value = value * 256 + (block[at] ?? 0)
  if (((block[start] ?? 0) & 0x40) === 0 && Number.isSafeInteger(value)) return value
  throw new LayerError(`the tar archive is damaged: the ${what} of an entry is impossible`)
}

function checksumOf(block: Buffer): number {
  let sum = SPACE * (CHECKSUM_END - CHECKSUM_START)
  for (let at = 0; at < CHECKSUM_START; at++) sum += block[at] ?? 0
  for (let at = CHECKSUM_END; at < BLOCK_BYTES; at++) sum += block[at] ?? 0
  return sum
}
