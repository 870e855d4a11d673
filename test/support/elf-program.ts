export interface ElfSection {
  readonly name: string
  readonly content: Uint8Array
}

const ADDRESS = 0x400000
const HEADERS = 64 + 56

/** A little 64-bit program: one writable segment over all of it, these sections, and padding until it is looked at. */
export function elfProgram(sections: readonly ElfSection[], about: { readonly minBytes?: number } = {}): Buffer {
  const names = Buffer.from(`\0${[...sections.map(({ name }) => name), '.shstrtab'].join('\0')}\0`)
  const parts: { name: string; content: Buffer; offset: number }[] = []
  let offset = aligned(HEADERS)
  for (const { name, content } of [...sections, { name: '.shstrtab', content: names }]) {
    parts.push({ name, content: Buffer.from(content), offset })
    offset = aligned(offset + content.length)
  }
  const table = Math.max(offset, about.minBytes ?? 20_000)
  const bytes = Buffer.alloc(aligned(table) + 64 * (parts.length + 1))
  for (const { content, offset: at } of parts) content.copy(bytes, at)
  writeHeaders(bytes, aligned(table), parts.length)
  parts.forEach((part, index) => {
    const at = aligned(table) + 64 * (index + 1)
    bytes.writeUInt32LE(names.indexOf(`\0${part.name}\0`) + 1, at)
    bytes.writeBigUInt64LE(BigInt(ADDRESS + part.offset), at + 16)
    bytes.writeBigUInt64LE(BigInt(part.offset), at + 24)
    bytes.writeBigUInt64LE(BigInt(part.content.length), at + 32)
  })
  return bytes
}

/** Where the first section is loaded. */
export const FIRST_ADDRESS = ADDRESS + aligned(HEADERS)

function writeHeaders(bytes: Buffer, table: number, sections: number): void {
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1')
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeBigUInt64LE(BigInt(table), 40)
  bytes.writeUInt16LE(56, 54)
  bytes.writeUInt16LE(1, 56)
  bytes.writeUInt16LE(64, 58)
  bytes.writeUInt16LE(sections + 1, 60)
  bytes.writeUInt16LE(sections, 62)
  bytes.writeUInt32LE(1, 64)
  bytes.writeUInt32LE(6, 68)
  bytes.writeBigUInt64LE(BigInt(ADDRESS), 80)
  bytes.writeBigUInt64LE(BigInt(bytes.length), 96)
}

function aligned(offset: number): number {
  return Math.ceil(offset / 16) * 16
}

const FRAME = 'x'.repeat(15)

/** What Go has written since 1.18. */
export function goInfo(version: string, ...modules: readonly (readonly string[])[]): Buffer {
  const text = `${FRAME}x${modules.map((words) => `${words.join('\t')}\n`).join('')}${FRAME}x`
  const header = Buffer.alloc(32)
  header.write('\xff Go buildinf:\x08\x02', 0, 'latin1')
  return Buffer.concat([header, counted(version), counted(text)])
}

/** What it wrote before: two pointers to strings, which are a pointer and a length each. All of it in one section. */
export function oldGoInfo(version: string, ...modules: readonly (readonly string[])[]): Buffer {
  const text = `${FRAME}x${modules.map((words) => `${words.join('\t')}\n`).join('')}${FRAME}x`
  const header = Buffer.alloc(64)
  header.write('\xff Go buildinf:\x08\x00', 0, 'latin1')
  const numbers = [32, 48, 64, version.length, 64 + version.length, text.length]
  numbers.forEach((number, index) => {
    const isAddress = index !== 3 && index !== 5
    header.writeBigUInt64LE(BigInt(isAddress ? FIRST_ADDRESS + number : number), 16 + index * 8)
  })
  return Buffer.concat([header, Buffer.from(version + text)])
}

function counted(text: string): Buffer {
  const bytes: number[] = []
  let left = Buffer.byteLength(text)
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  return Buffer.concat([Buffer.from([...bytes, left]), Buffer.from(text)])
}
