import { inflateSync } from 'node:zlib'
import type { Analyzer, AnalyzerResult, Entry, Sink } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'
import { FoundPackages, splitName } from './found-packages.ts'
import type { GoBuildInfo } from './go-build-info.ts'
import { goBuildInfo, isPointerForm, modulesOf, placesIn, readInfo } from './go-build-info.ts'
import type { Holder } from './held-bytes.ts'
import { HELD_BYTES } from './held-bytes.ts'
import { listOf, objectOf, parseJson, textOf } from './json.ts'
import type { Layout, ProgramKind } from './program-layout.ts'
import { layoutOf, programKind } from './program-layout.ts'

const NAME = 'program'
/** The smallest Go program has a megabyte, the smallest of Rust with audit data some hundred kilobytes. */
const MIN_BYTES = 16 * 1024
const MAX_AUDIT_BYTES = 8 * 1024 * 1024
/** Of a program that is not held: what follows each place that may be Go's. */
const WINDOW = 1024 * 1024
const MAX_WINDOWS = 16

const NO_BYTES = new Uint8Array()

/** Go and Rust programs and libraries, of Linux, Windows and macOS, whatever their names and rights. */
export function programs(holder: Holder): Analyzer {
  return { name: NAME, open: (entry) => (entry.size >= MIN_BYTES ? new ProgramSink(entry, holder) : null) }
}

class ProgramSink implements Sink {
  readonly #entry: Entry
  readonly #holder: Holder
  #head: Uint8Array = NO_BYTES
  #kind: ProgramKind | null = null
  #held: ReturnType<Holder['take']> | null = null
  #filled = 0
  #windows: Windows | null = null

  constructor(entry: Entry, holder: Holder) {
    this.#entry = entry
    this.#holder = holder
  }

  push(chunk: Uint8Array): boolean {
    if (this.#kind !== null) return this.#take(chunk)
    // Of every file of that size the first chunk is looked at; hardly any is cut within four bytes.
    const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    if (head.length >= 4) {
      this.#kind = programKind(head)
      return this.#kind !== null && this.#take(head)
    }
    this.#head = Buffer.from(head)
    return true
  }

  #take(chunk: Uint8Array): boolean {
    if (this.#entry.size > HELD_BYTES) {
      this.#windows ??= new Windows()
      this.#windows.push(chunk)
    } else {
      this.#held ??= this.#holder.take(this.#entry.size)
      const { buffer } = this.#held
      buffer.set(chunk.subarray(0, buffer.length - this.#filled), this.#filled)
      this.#filled = Math.min(buffer.length, this.#filled + chunk.length)
    }
    return true
  }

  end(): AnalyzerResult | null {
    const { path } = this.#entry
    // Every file of that size was looked at.
    if (this.#kind === null) return null
    if (this.#held === null) return this.#windows?.result(path) ?? null
    const { buffer, release } = this.#held
    try {
      return parse(this.#kind, buffer.subarray(0, this.#filled), path)
    } finally {
      release()
    }
  }
}

/** A program too large to be held: what Go writes since 1.18 stands in one piece, and is recognised wherever it goes by. */
class Windows {
  #carry = Buffer.alloc(0)
  #offset = 0
  #open: { buffer: Buffer; filled: number } | null = null
  readonly #windows: { buffer: Buffer; filled: number }[] = []
  #hasAudit = false

  push(chunk: Uint8Array): void {
    if (this.#open) this.#fill(this.#open, chunk)
    const data = Buffer.concat([this.#carry, chunk])
    const from = this.#offset - this.#carry.length
    this.#hasAudit ||= data.includes('\0.dep-v0\0')
    // `from` is a multiple of the alignment, so that places in `data` are aligned as in the file.
    for (const at of placesIn(data, 0, data.length)) {
      if (this.#open || this.#windows.length === MAX_WINDOWS) break
      this.#open = { buffer: Buffer.allocUnsafe(WINDOW), filled: 0 }
      this.#windows.push(this.#open)
      this.#fill(this.#open, data.subarray(at))
    }
    this.#offset += chunk.length
    const rest = (Math.max(from, this.#offset - 64) & ~15) - from
    this.#carry = Buffer.from(data.subarray(Math.max(0, rest)))
  }

  #fill(open: { buffer: Buffer; filled: number }, chunk: Uint8Array): void {
    const taken = chunk.subarray(0, WINDOW - open.filled)
    open.buffer.set(taken, open.filled)
    open.filled += taken.length
    if (open.filled === WINDOW) this.#open = null
  }

  result(path: string): AnalyzerResult {
    const texts = this.#windows.map(({ buffer, filled }) => buffer.subarray(0, filled))
    const info = texts.map((bytes) => readInfo(bytes, 0, null)).find((one) => one !== null)
    const found = goPackages(info ?? null, path)
    if (!info && texts.some((bytes) => isPointerForm(bytes, 0)))
      found.problem(`it seems to be a Go program made before Go 1.18, and has more than ${HELD_BYTES} bytes`)
    if (this.#hasAudit) found.problem(`it names its Rust crates, and has more than ${HELD_BYTES} bytes`)
    return found.result()
  }
}

function parse(kind: ProgramKind, bytes: Buffer, path: string): AnalyzerResult {
  let layout: Layout | null = null
  try {
    layout = layoutOf(kind, bytes)
  } catch {
    // Told below, unless what matters is found without it.
  }
  const go = goPackages(goBuildInfo(bytes, layout), path)
  const rust = rustPackages(bytes, layout, path)
  if (!layout?.isComplete && go.count === 0) go.problem('its tables lead out of the file: what is in it cannot be told')
  const results = [go.result(), rust.result()]
  return {
    ...NOTHING,
    packages: results.flatMap(({ packages }) => packages),
    problems: results.flatMap(({ problems }) => problems),
  }
}

function goPackages(info: GoBuildInfo | null, path: string): FoundPackages {
  const found = new FoundPackages({ path, analyzer: NAME, type: 'golang' })
  if (info === null) return found
  // `go1.20.4 X:boringcrypto`, `devel go1.22-4d1f3c Thu …`
  const [version] = /go\d\S*/.exec(info.version) ?? []
  if (version !== undefined) found.add({ namespace: null, name: 'stdlib', version })
  for (const { path: module, version, replaces } of modulesOf(info)) {
    // The main module, mostly.
    if (version !== '' && version !== '(devel)') found.add({ ...splitName(module), version })
    else if (replaces !== null)
      found.problem(`${shown(replaces)} was replaced by a folder, so its version cannot be told`)
  }
  return found
}

/** For people: no more than a line, and no control characters. */
function shown(text: string): string {
  return text.slice(0, 512).replace(/[\p{C}\uFFFD]/gu, '?')
}

/** Source: cargo-auditable, PARSING.md: zlib over JSON. What only the build needed is not in the program. */
function rustPackages(bytes: Buffer, layout: Layout | null, path: string): FoundPackages {
  const found = new FoundPackages({ path, analyzer: NAME, type: 'cargo' })
  const data = layout?.rustData
  if (!data) return found
  try {
    const packed = bytes.subarray(data.offset, data.offset + data.size)
    const json = objectOf(parseJson(inflateSync(packed, { maxOutputLength: MAX_AUDIT_BYTES })))
    for (const one of listOf(json['packages']).map(objectOf)) {
      if (one['kind'] !== 'build')
        found.add({ namespace: null, name: textOf(one['name']), version: textOf(one['version']) })
    }
  } catch {
    found.problem('its record of Rust crates (.dep-v0) cannot be read')
  }
  return found
}
