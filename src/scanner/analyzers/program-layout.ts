/** A part of a program's file that is loaded at an address. */
export interface Mapping {
  readonly address: number
  readonly offset: number
  readonly size: number
}

/** What is needed of an executable's headers. All numbers are what the file says. */
export interface Layout {
  readonly mappings: readonly Mapping[]
  /** Where Go's linker puts what it was built from: a section of its own, or else the first writable segment. */
  readonly goData: Mapping | null
  /** The section of cargo-auditable. */
  readonly rustData: Mapping | null
  /** False: its table of sections leads out of the file. */
  readonly isComplete: boolean
}

const NO_LAYOUT: Layout = { mappings: [], goData: null, rustData: null, isComplete: true }
const WANTED: ReadonlySet<string> = new Set(['.go.buildinfo', '__go_buildinfo', '.dep-v0'])

export type ProgramKind = 'elf' | 'pe' | 'mach-o' | 'fat'

/** By its first four bytes. A Java class starts like a fat program: with a version where that has the number of its parts. */
export function programKind(head: Uint8Array): ProgramKind | null {
  const [a, b, c, d] = head
  const number = ((a ?? 0) * 0x1000000 + ((b ?? 0) << 16) + ((c ?? 0) << 8) + (d ?? 0)) >>> 0
  if (number === 0x7f454c46) return 'elf'
  if (a === 0x4d && b === 0x5a) return 'pe'
  if ([0xfeedface, 0xcefaedfe, 0xfeedfacf, 0xcffaedfe].includes(number)) return 'mach-o'
  return number === 0xcafebabe ? 'fat' : null
}

/** @throws RangeError when its tables lead out of the file. */
export function layoutOf(kind: ProgramKind, bytes: Buffer): Layout {
  if (kind === 'elf') return elfLayout(bytes)
  if (kind === 'pe') return peLayout(bytes)
  if (kind === 'mach-o') return machLayout(bytes, 0)
  const parts = bytes.readUInt32BE(4)
  // The first one, as Go's own tool does.
  return parts > 0 && parts < 40 ? machLayout(bytes, bytes.readUInt32BE(16)) : NO_LAYOUT
}

/** Numbers of a file of either byte order and word size. Reading past its end throws. */
class Fields {
  readonly bytes: Buffer
  readonly isLittle: boolean
  readonly isWide: boolean

  constructor(bytes: Buffer, isLittle: boolean, isWide: boolean) {
    this.bytes = bytes
    this.isLittle = isLittle
    this.isWide = isWide
  }

  u16(at: number): number {
    return this.isLittle ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at)
  }

  u32(at: number): number {
    return this.isLittle ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at)
  }

  /** Of the word size. */
  word(at: number): number {
    if (!this.isWide) return this.u32(at)
    return Number(this.isLittle ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at))
  }

  text(at: number, most: number): string {
    const end = Math.min(at + most, this.bytes.length)
    return this.bytes.toString('latin1', at, end).split('\0', 1)[0] ?? ''
  }
}

/** Source: System V ABI, "Object Files". */
function elfLayout(bytes: Buffer): Layout {
  const f = new Fields(bytes, bytes.readUInt8(5) === 1, bytes.readUInt8(4) === 2)
  const wide = f.isWide
  const header = wide ? 32 : 28
  const [segments, sections] = [f.word(header), f.word(header + (wide ? 8 : 4))]
  const counts = wide ? 54 : 42
  const mappings: Mapping[] = []
  let writable: Mapping | null = null
  for (let index = 0; index < f.u16(counts + 2); index += 1) {
    const at = segments + index * f.u16(counts)
    if (f.u32(at) !== 1) continue
    const [offset, address, size] = wide
      ? [f.word(at + 8), f.word(at + 16), f.word(at + 32)]
      : [f.word(at + 4), f.word(at + 8), f.word(at + 16)]
    mappings.push({ address, offset, size })
    const flags = f.u32(at + (wide ? 4 : 24))
    if ((flags & 3) === 2) writable ??= { address, offset, size }
  }
  const named = elfSections(f, sections, {
    size: f.u16(counts + 4),
    count: f.u16(counts + 6),
    names: f.u16(counts + 8),
  })
  return {
    isComplete: named !== null,
    mappings,
    goData: named?.get('.go.buildinfo') ?? writable,
    rustData: named?.get('.dep-v0') ?? null,
  }
}

/** Null: the table leads out of the file. */
function elfSections(
  f: Fields,
  table: number,
  about: { size: number; count: number; names: number },
): Map<string, Mapping> | null {
  try {
    return readElfSections(f, table, about)
  } catch {
    return null
  }
}

function readElfSections(
  f: Fields,
  table: number,
  about: { size: number; count: number; names: number },
): Map<string, Mapping> {
  const found = new Map<string, Mapping>()
  if (table === 0 || about.count === 0) return found
  const section = (index: number) => {
    const at = table + index * about.size
    const [address, offset, size] = f.isWide
      ? [f.word(at + 16), f.word(at + 24), f.word(at + 32)]
      : [f.word(at + 12), f.word(at + 16), f.word(at + 20)]
    return { name: f.u32(at), address, offset, size }
  }
  const names = section(about.names).offset
  for (let index = 0; index < about.count; index += 1) {
    const { name, ...mapping } = section(index)
    const text = f.text(names + name, 32)
    if (WANTED.has(text) && !found.has(text)) found.set(text, mapping)
  }
  return found
}

/** Initialized, readable, writable data. */
const PE_DATA = 0xc0000040
const PE_ALIGNED = 0x00600000

/** Source: Microsoft, PE Format. */
function peLayout(bytes: Buffer): Layout {
  const f = new Fields(bytes, true, false)
  const start = f.u32(0x3c)
  // A program of DOS, and nothing behind it.
  if (start + 4 > bytes.length || f.u32(start) !== 0x4550) return NO_LAYOUT
  const optional = start + 24
  const base = f.u16(optional) === 0x20b ? Number(bytes.readBigUInt64LE(optional + 24)) : f.u32(optional + 28)
  const mappings: Mapping[] = []
  let [goData, rustData]: (Mapping | null)[] = [null, null]
  for (let index = 0; index < f.u16(start + 6); index += 1) {
    const at = optional + f.u16(start + 20) + index * 40
    const mapping = { address: base + f.u32(at + 12), offset: f.u32(at + 20), size: f.u32(at + 16) }
    mappings.push(mapping)
    const isData = (f.u32(at + 36) & ~PE_ALIGNED) >>> 0 === PE_DATA
    if (isData && f.u32(at + 12) !== 0 && mapping.size !== 0) goData ??= mapping
    if (f.text(at, 8) === '.dep-v0') rustData ??= mapping
  }
  return { mappings, goData: goData ?? null, rustData: rustData ?? null, isComplete: true }
}

/** Real ones have some thirty. */
const MAX_COMMANDS = 10_000

/** Source: Apple, mach-o/loader.h. */
function machLayout(bytes: Buffer, start: number): Layout {
  const magic = bytes.readUInt32BE(start)
  const f = new Fields(bytes, (magic & 0xff) === 0xfe, (magic & 0x01) === 1 || magic >>> 24 === 0xcf)
  const commands = [...machCommands(f, start)].filter((at) => f.u32(at) === (f.isWide ? 0x19 : 1))
  const mappings = commands.map((at) => machSegment(f, at, start))
  const named = new Map<string, Mapping>()
  for (const at of commands) machSections(f, at, start, named)
  return {
    mappings,
    goData: named.get('__go_buildinfo') ?? mappings.find(({ isData }) => isData) ?? null,
    rustData: named.get('.dep-v0') ?? null,
    isComplete: true,
  }
}

function* machCommands(f: Fields, start: number): Generator<number> {
  const count = f.u32(start + 16)
  if (count > MAX_COMMANDS) throw new RangeError('too many load commands')
  let at = start + (f.isWide ? 32 : 28)
  for (let index = 0; index < count; index += 1) {
    yield at
    at += Math.max(8, f.u32(at + 4))
  }
}

function machSegment(f: Fields, at: number, start: number) {
  const word = f.isWide ? 8 : 4
  const [address, offset, size] = [f.word(at + 24), f.word(at + 24 + 2 * word), f.word(at + 24 + 3 * word)]
  const rights = at + 24 + 4 * word
  const isData = address !== 0 && size !== 0 && f.u32(rights) === 3 && f.u32(rights + 4) === 3
  return { address, offset: start + offset, size, isData }
}

function machSections(f: Fields, at: number, start: number, named: Map<string, Mapping>): void {
  const word = f.isWide ? 8 : 4
  const count = f.u32(at + 24 + 4 * word + 8)
  const [first, each] = [at + 24 + 4 * word + 16, f.isWide ? 80 : 68]
  // Sizes are what the file says: it may say four billion.
  const end = Math.min(at + f.u32(at + 4), first + count * each, f.bytes.length)
  for (let here = first; here + each <= end; here += each) {
    const name = f.text(here, 16)
    if (!WANTED.has(name) || named.has(name)) continue
    const [offset, size] = [start + f.u32(here + 32 + 2 * word), f.word(here + 32 + word)]
    named.set(name, { address: f.word(here + 32), offset, size })
  }
}
