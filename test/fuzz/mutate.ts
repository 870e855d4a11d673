import { mutateJson } from './mutate-json.ts'
import type { Random } from './random.ts'
import type { Target } from './target.ts'
import { MAX_BYTES } from './target.ts'

const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff]
const TEXTS = [
  '',
  '0',
  '-1',
  '4294967296',
  '99999999999999999999',
  '1e308',
  '\n',
  '\0',
  '\r\n\r\n',
  '../',
  '\u202e',
  '\ud800',
  '%00',
  `$\{x}`,
  '\xff\xfe',
  'A'.repeat(300),
  '__proto__',
  'constructor',
]

/** A changed copy of `bytes`; `other` is something of the same kind. */
export function mutate(target: Target, bytes: Uint8Array, other: Uint8Array, random: Random): Buffer {
  const maxBytes = target.maxBytes ?? MAX_BYTES
  let result: Buffer = Buffer.from(bytes)
  if (target.form === 'json' && !random.once(5)) {
    result = mutateJson(result, random)
    if (!random.once(6)) return result.subarray(0, maxBytes)
  }
  const times = 1 + random.below(random.once(4) ? 8 : 3)
  for (let time = 0; time < times; time += 1) result = changed(target, result, other, random)
  if (target.mend && !random.once(8)) {
    try {
      target.mend(result)
    } catch {
      // what cannot be mended is tried as it is
    }
  }
  return result.subarray(0, maxBytes)
}

function changed(target: Target, bytes: Buffer, other: Uint8Array, random: Random): Buffer {
  const at = placeIn(bytes, random)
  switch (random.below(12)) {
    case 0:
    case 1:
      return set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)))
    case 2:
      return set(bytes, at, random.below(256))
    case 3:
    case 4:
      return writeNumber(bytes, at, random)
    case 5: // gone
      return splice(bytes, at, lengthIn(bytes, at, random))
    case 6: // twice
      return splice(bytes, at, 0, bytes.subarray(at, at + lengthIn(bytes, at, random)))
    case 7: // something of another
      return over(bytes, at, part(other, random), random.once(2))
    case 8: // something of its own
      return over(bytes, at, part(bytes, random), random.once(2))
    case 9: // cut off, or more of it
      return random.once(3)
        ? bytes.subarray(0, at)
        : splice(bytes, at, 0, Buffer.alloc(random.below(600), random.below(256)))
    default:
      return over(
        bytes,
        at,
        Buffer.from(random.pick(target.words && !random.once(3) ? target.words : TEXTS)),
        random.once(2),
      )
  }
}

/** Structure stands at both ends as often as anywhere. */
function placeIn(bytes: Buffer, random: Random): number {
  if (random.once(3)) return random.below(Math.min(bytes.length, 512))
  if (random.once(3)) return Math.max(0, bytes.length - 1 - random.below(512))
  return random.below(bytes.length)
}

function lengthIn(bytes: Buffer, at: number, random: Random): number {
  return 1 + random.below(Math.min(bytes.length - at, random.once(4) ? 2048 : 24))
}

function part(bytes: Uint8Array, random: Random): Uint8Array {
  const start = random.below(bytes.length)
  return bytes.subarray(start, start + 1 + random.below(random.once(4) ? 2048 : 32))
}

function set(bytes: Buffer, at: number, value: number): Buffer {
  if (at < bytes.length) bytes[at] = value
  return bytes
}

function over(bytes: Buffer, at: number, piece: Uint8Array, isInserted: boolean): Buffer {
  return splice(bytes, at, isInserted ? 0 : piece.length, piece)
}

function splice(bytes: Buffer, at: number, removed: number, added: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])
}

/** A size, an offset or a count that lies: two, four or eight bytes in either order, or a little more or less than it was. */
function writeNumber(bytes: Buffer, at: number, random: Random): Buffer {
  const width = random.pick([1, 2, 4, 8])
  if (at + width > bytes.length) return bytes
  const isLittle = random.once(2)
  if (width === 8) {
    const value = random.once(2) ? BigInt(random.pick(NUMBERS)) : 0xffffffffffffffffn - BigInt(random.below(64))
    if (isLittle) bytes.writeBigUInt64LE(value, at)
    else bytes.writeBigUInt64BE(value, at)
    return bytes
  }
  const was = isLittle ? bytes.readUIntLE(at, width) : bytes.readUIntBE(at, width)
  const near = was + random.below(33) - 16
  const wanted = random.once(3) ? near : random.once(2) ? random.below(bytes.length * 2) : random.pick(NUMBERS)
  const value = ((wanted % 256 ** width) + 256 ** width) % 256 ** width
  if (isLittle) bytes.writeUIntLE(value, at, width)
  else bytes.writeUIntBE(value, at, width)
  return bytes
}
