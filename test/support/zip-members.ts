import { crc32, deflateRawSync } from 'node:zlib'

/** One entry of a test's archive, as wrong as the test wants it. */
export interface ZipMember {
  readonly name: string
  readonly content?: string | Uint8Array
  readonly isStored?: boolean
  /** What the directory says, when that is not true. */
  readonly size?: number
  readonly compressedSize?: number
  readonly offset?: number
  readonly method?: number
  readonly flags?: number
  /** Sizes behind the content instead of in the local header, as Java's own tool writes them. */
  readonly isStreamed?: boolean
  /** 64-bit sizes and offsets. */
  readonly isLarge?: boolean
}

/** An archive with its directory; `prefix` stands before it, `comment` behind. */
export function zip(
  members: readonly ZipMember[],
  about: { prefix?: string; comment?: string; isLarge?: boolean } = {},
): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const member of members) {
    const content = Buffer.from(member.content ?? '')
    const data = member.isStored ? content : deflateRawSync(content)
    const local = localHeader(member, content, data)
    directory.push(centralHeader(member, content, data, offset))
    parts.push(local, data, ...(member.isStreamed ? [descriptor(content, data)] : []))
    offset = parts.reduce((sum, { length }) => sum + length, 0)
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length & 0xffff, 8)
  end.writeUInt16LE(members.length & 0xffff, 10)
  end.writeUInt32LE(about.isLarge ? 0xffffffff : central.length, 12)
  end.writeUInt32LE(about.isLarge ? 0xffffffff : offset, 16)
  const comment = Buffer.from(about.comment ?? '')
  end.writeUInt16LE(comment.length, 20)
  const large = about.isLarge ? largeEnd(central.length, offset) : Buffer.alloc(0)
  return Buffer.concat([Buffer.from(about.prefix ?? ''), ...parts, central, large, end, comment])
}

function localHeader(member: ZipMember, content: Buffer, data: Buffer): Buffer {
  const name = Buffer.from(member.name)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE((member.flags ?? 0) | (member.isStreamed ? 8 : 0), 6)
  header.writeUInt16LE(member.method ?? (member.isStored ? 0 : 8), 8)
  if (!member.isStreamed) {
    header.writeUInt32LE(crc32(content), 14)
    header.writeUInt32LE(data.length, 18)
    header.writeUInt32LE(content.length, 22)
  }
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function centralHeader(member: ZipMember, content: Buffer, data: Buffer, offset: number): Buffer {
  const name = Buffer.from(member.name)
  const header = Buffer.alloc(46)
  const numbers = [member.size ?? content.length, member.compressedSize ?? data.length, member.offset ?? offset]
  const extra = member.isLarge ? Buffer.alloc(28) : Buffer.alloc(0)
  if (member.isLarge) {
    extra.writeUInt16LE(1, 0)
    extra.writeUInt16LE(24, 2)
    for (const [index, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + index * 8)
  }
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((member.flags ?? 0) | (member.isStreamed ? 8 : 0), 8)
  header.writeUInt16LE(member.method ?? (member.isStored ? 0 : 8), 10)
  header.writeUInt32LE(crc32(content), 16)
  const [size = 0, compressedSize = 0, at = 0] = member.isLarge ? [0xffffffff, 0xffffffff, 0xffffffff] : numbers
  header.writeUInt32LE(compressedSize, 20)
  header.writeUInt32LE(size, 24)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE(at, 42)
  return Buffer.concat([header, name, extra])
}

function descriptor(content: Buffer, data: Buffer): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32LE(0x08074b50, 0)
  bytes.writeUInt32LE(crc32(content), 4)
  bytes.writeUInt32LE(data.length, 8)
  bytes.writeUInt32LE(content.length, 12)
  return bytes
}

function largeEnd(size: number, offset: number): Buffer {
  const bytes = Buffer.alloc(76)
  bytes.writeUInt32LE(0x06064b50, 0)
  bytes.writeBigUInt64LE(44n, 4)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  bytes.writeBigUInt64LE(BigInt(offset), 48)
  bytes.writeUInt32LE(0x07064b50, 56)
  bytes.writeBigUInt64LE(BigInt(offset + size), 64)
  return bytes
}
