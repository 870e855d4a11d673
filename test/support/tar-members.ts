/** One member of a test's archive, as wrong as the test wants it. */
export interface Member {
  readonly path: string
  readonly content?: string | Uint8Array
  /** The type's letter; default a file, or with a slash at the end of the path a directory. */
  readonly flag?: string
  readonly target?: string
  readonly mode?: number
  /** What the header says, when that is not the content's length. */
  readonly size?: number
  readonly prefix?: string
  /** base 256 instead of octal. */
  readonly isBigNumber?: boolean
  readonly magic?: string
}

const BLOCK = 512

/** An archive of these, with its end. */
export function archive(...members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(member), Buffer.alloc(2 * BLOCK)])
}

/** Header, content, padding. */
export function member(given: Member): Buffer {
  const content = Buffer.from(given.content ?? '')
  const size = given.size ?? content.length
  const header = Buffer.alloc(BLOCK)
  header.write(given.path, 0, 100)
  header.write(octal(given.mode ?? 0o644, 8), 100, 'latin1')
  header.write(octal(0, 8), 108, 'latin1')
  header.write(octal(0, 8), 116, 'latin1')
  if (given.isBigNumber) {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(size), 128)
  } else header.write(octal(size, 12), 124, 'latin1')
  header.write(octal(0, 12), 136, 'latin1')
  header.write(given.flag ?? (given.path.endsWith('/') ? '5' : '0'), 156, 'latin1')
  header.write(given.target ?? '', 157, 100)
  header.write(given.magic ?? 'ustar\x0000', 257, 'latin1')
  header.write(given.prefix ?? '', 345, 155)
  seal(header)
  return Buffer.concat([header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)])
}

/** A member before another one: GNU's long name or target. */
export function longName(text: string, flag: 'L' | 'K' = 'L'): Buffer {
  return member({ path: '././@LongLink', flag, content: `${text}\0`, magic: 'ustar  \0' })
}

export function pax(records: Readonly<Record<string, string>>, flag: 'x' | 'g' = 'x'): Buffer {
  return member({ path: 'PaxHeaders/x', flag, content: Object.entries(records).map(record).join('') })
}

/** Writes the checksum that fits. */
export function seal(header: Buffer): void {
  header.fill(' ', 148, 156)
  const sum = header.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

function record([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length += 1
  return `${length} ${key}=${value}\n`
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`
}
