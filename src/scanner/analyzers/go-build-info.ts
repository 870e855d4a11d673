import type { Layout } from './program-layout.ts'

/** What Go's linker writes into every program. Source: debug/buildinfo of Go 1.26. */
export interface GoBuildInfo {
  /** `go1.21.4`, as `go version` prints it. */
  readonly version: string
  /** `path`, `mod`, `dep`, `=>` and `build` lines; empty: built without modules. */
  readonly modules: string
}

/** Without its last letter here: a scanner that reads itself must not find this constant. */
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
const ALIGNED = 16
/** The largest seen has 60 KB: some 700 modules. */
const MAX_TEXT = 4 * 1024 * 1024
/** `devel go1.22-4d1f3c Thu Aug 3 …` and experiments: far below. */
const MAX_VERSION = 256
/** Programs that read others hold the magic as a constant; those that have it a thousand times are made to be slow. */
const MAX_PLACES = 1000

/**
 * Where the linker says it is, as Go's own tool looks; if that leads nowhere, anywhere: a damaged table must not hide what a program
 * holds. Null: no Go program.
 */
export function goBuildInfo(bytes: Buffer, layout: Layout | null): GoBuildInfo | null {
  const data = layout?.goData
  if (data && data.offset < bytes.length) {
    const end = Math.min(bytes.length, data.offset + data.size)
    for (const at of placesIn(bytes, data.offset, end)) {
      const info = readInfo(bytes, at, layout)
      if (info) return info
    }
  }
  for (const at of placesIn(bytes, 0, bytes.length)) {
    const info = readInfo(bytes, at, layout)
    if (info) return info
  }
  return null
}

/** Where the magic stands, at an aligned offset. */
export function* placesIn(bytes: Buffer, start: number, end: number): Generator<number> {
  const part = bytes.subarray(0, end)
  let at = part.indexOf(MAGIC, start)
  for (let places = 0; at >= 0 && at + 32 <= end && places < MAX_PLACES; places += 1) {
    if (at % ALIGNED === 0) yield at
    at = part.indexOf(MAGIC, at + 1)
  }
}

/** Made before Go 1.18: pointers, which can only be followed in a file held whole. */
export function isPointerForm(bytes: Buffer, at: number): boolean {
  const [pointerSize, flags] = [bytes[at + 14], bytes[at + 15]]
  return (pointerSize === 4 || pointerSize === 8) && (flags === 0 || flags === 1)
}

export function readInfo(bytes: Buffer, at: number, layout: Layout | null): GoBuildInfo | null {
  const isInline = ((bytes[at + 15] ?? 0) & 2) !== 0
  const texts = isInline ? inlineTexts(bytes, at + 32) : layout && pointedTexts(bytes, at, layout)
  if (!texts) return null
  const version = texts[0].toString('utf8', 0, MAX_VERSION)
  return /^(?:go\d|devel )/.test(version) ? { version, modules: withoutFrame(texts[1]) } : null
}

/** Each after its length. */
function inlineTexts(bytes: Buffer, at: number): [Buffer, Buffer] | null {
  const version = counted(bytes, at)
  const modules = version && counted(bytes, version.end)
  return modules && [version.text, modules.text]
}

function counted(bytes: Buffer, at: number): { readonly text: Buffer; readonly end: number } | null {
  let [length, scale] = [0, 1]
  for (let here = at; here < Math.min(at + 5, bytes.length); here += 1, scale *= 128) {
    const byte = bytes[here] ?? 0
    length += (byte & 0x7f) * scale
    if (byte >= 0x80) continue
    const end = here + 1 + length
    return length > MAX_TEXT || end > bytes.length ? null : { text: bytes.subarray(here + 1, end), end }
  }
  return null
}

/** Two pointers, each to a pointer and a length. */
function pointedTexts(bytes: Buffer, at: number, layout: Layout): [Buffer, Buffer] | null {
  if (!isPointerForm(bytes, at)) return null
  const [size, isBig] = [bytes[at + 14] ?? 0, bytes[at + 15] === 1]
  const word = (offset: number | null): number | null => {
    if (offset === null || offset + size > bytes.length) return null
    if (size === 4) return isBig ? bytes.readUInt32BE(offset) : bytes.readUInt32LE(offset)
    return Number(isBig ? bytes.readBigUInt64BE(offset) : bytes.readBigUInt64LE(offset))
  }
  const textAt = (pointer: number | null): Buffer | null => {
    const header = offsetOf(layout, pointer)
    const [start, length] = [offsetOf(layout, word(header)), word(header === null ? null : header + size)]
    if (start === null || length === null || length > MAX_TEXT || start + length > bytes.length) return null
    return bytes.subarray(start, start + length)
  }
  const version = textAt(word(at + 16))
  return version && [version, textAt(word(at + 16 + size)) ?? Buffer.alloc(0)]
}

function offsetOf(layout: Layout, address: number | null): number | null {
  if (address === null) return null
  const mapping = layout.mappings.find((one) => address >= one.address && address < one.address + one.size)
  return mapping ? address - mapping.address + mapping.offset : null
}

/** Sixteen bytes at either end mark it. Source: cmd/go/internal/modload, `infoStart`, `infoEnd`. */
function withoutFrame(text: Buffer): string {
  return text.length >= 33 && text[text.length - 17] === 10 ? text.toString('utf8', 16, text.length - 16) : ''
}

export interface GoModule {
  readonly path: string
  /** `(devel)`: of no version. */
  readonly version: string
}

/** The modules that were compiled in: of a replaced one what replaced it, as `name` beside the name in the sources. */
export function* modulesOf(info: GoBuildInfo): Generator<GoModule & { readonly replaces: string | null }> {
  let open: GoModule | null = null
  for (const line of info.modules.split('\n')) {
    const [kind, path = '', version = ''] = line.split('\t')
    if (kind === '=>' && open) {
      yield { path, version, replaces: open.path }
      open = null
    } else if (kind === 'mod' || kind === 'dep') {
      if (open) yield { ...open, replaces: null }
      open = { path, version }
    }
  }
  if (open) yield { ...open, replaces: null }
}
