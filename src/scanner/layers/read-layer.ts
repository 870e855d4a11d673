import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { Analyzer, AnalyzerResult, Sink } from '../analyzers/analyzer.ts'
import { NOTHING } from '../analyzers/analyzer.ts'
import type { FileFacts, LayerFacts, Problem } from '../facts.ts'
import { ANALYZER_VERSION } from '../facts.ts'
import { cleanPath } from './clean-path.ts'
import { inflate } from './inflate.ts'
import { LayerError } from './layer-error.ts'
import type { LayerLimits } from './limits.ts'
import { PathHashes } from './path-hashes.ts'
import type { ByteSink, TarEntry } from './read-tar.ts'
import { TarReader } from './read-tar.ts'
import { whiteoutOf } from './whiteouts.ts'

const COST_OF_A_LINK = 64
/** And so is each file, with or without packages: measured, 500,000 that say nothing took 341 MB. */
const COST_OF_A_FILE = 100

export interface LayerInput {
  /** As stored: gzip, zstd or plain, told by its first bytes. A piece is valid until the next one is asked for. */
  readonly bytes: AsyncIterable<Uint8Array>
  readonly analyzers: readonly Analyzer[]
  readonly limits: LayerLimits
  /** Milliseconds of any clock that never goes back. */
  readonly now: () => number
  /**
   * Files that other names are wanted for, from `unreadLinks` of a first reading: an archive holds a file's bytes at the
   * first of its names only (pnpm links its store into node_modules).
   */
  readonly aliases?: ReadonlyMap<string, readonly string[]>
}

export interface LayerReading {
  readonly facts: LayerFacts
  /** Hard links that an analyzer wants and whose bytes went by under a name that none wanted: read again with these as aliases. */
  readonly unreadLinks: ReadonlyMap<string, readonly string[]>
}

/**
 * Reads one layer, once, from its compressed bytes to what it says. Never throws for what the bytes are: a layer that cannot be read
 * to its end has a fatal problem, and whatever was found before that is kept for the report. Throws what reading `bytes` throws.
 */
export async function readLayer(input: LayerInput): Promise<LayerReading> {
  const reader = new LayerReader(input)
  try {
    for await (const piece of inflate(input.bytes)) await reader.push(piece)
    reader.end()
  } catch (error) {
    if (!(error instanceof LayerError)) throw error
    reader.fail(error.message)
  }
  return await reader.result()
}

class LayerReader {
  readonly #input: LayerInput
  readonly #tar: TarReader
  readonly #hash: Hash = createHash('sha256')
  readonly #until: number
  #bytes = 0
  #packages = 0
  #factCharacters = 0
  #linkCharacters = 0
  readonly #files: FileFacts[] = []
  /** What is to be kept once it is done, in the order of the archive, so that how its bytes were cut tells nothing. */
  readonly #finishing: Promise<() => void>[] = []
  readonly #whiteouts: string[] = []
  readonly #opaque: string[] = []
  readonly #links: { path: string; target: string }[] = []
  readonly #hardLinks: { path: string; target: string; analyzer: Analyzer }[] = []
  readonly #paths = new PathHashes()
  readonly #problems: Problem[] = []

  constructor(input: LayerInput) {
    this.#input = input
    this.#until = input.now() + input.limits.maxMs
    this.#tar = new TarReader(input.limits, (entry) => this.#open(entry))
  }

  /** @throws LayerError when a bound is reached or the archive is damaged. */
  async push(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length
    const { maxUncompressedBytes, maxMs } = this.#input.limits
    if (this.#bytes > maxUncompressedBytes)
      throw new LayerError(`the layer has more than ${maxUncompressedBytes} bytes uncompressed`)
    if (this.#input.now() > this.#until)
      throw new LayerError(`reading the layer takes more than ${maxMs} ms of processor time`)
    this.#hash.update(chunk)
    this.#tar.push(chunk)
    if (this.#finishing.length > 0) await this.#finishAll()
  }

  end(): void {
    this.#tar.end()
  }

  fail(reason: string): void {
    this.#problems.push({ path: null, where: 'layers', reason, weight: 'fatal' })
  }

  async result(): Promise<LayerReading> {
    await this.#finishAll()
    const unreadLinks = this.#followHardLinks()
    const facts: LayerFacts = {
      analyzerVersion: ANALYZER_VERSION,
      diffId: `sha256:${this.#hash.digest('hex')}`,
      uncompressedBytes: this.#bytes,
      entries: this.#tar.entries,
      files: this.#files,
      whiteouts: this.#whiteouts,
      opaque: this.#opaque,
      links: this.#links,
      nonDirectories: this.#paths.toString(),
      problems: this.#problems.slice(0, this.#input.limits.maxProblems),
    }
    return { facts, unreadLinks }
  }

  #open(entry: TarEntry): ByteSink | null {
    if (entry.path === '') return null
    const whiteout = whiteoutOf(entry.path)
    if (whiteout) {
      if (whiteout.kind !== 'none') this.#countLink(whiteout.path.length)
      if (whiteout.kind === 'opaque') this.#opaque.push(whiteout.path)
      else if (whiteout.kind === 'hides') this.#whiteouts.push(whiteout.path)
      return null
    }
    if (entry.type === 'directory') return null
    this.#paths.add(entry.path)
    if (entry.type === 'symlink') {
      this.#countLink(entry.path.length + entry.target.length)
      this.#links.push({ path: entry.path, target: entry.target })
    }
    if (entry.type === 'hardlink') this.#noteHardLink(entry)
    return entry.type === 'file' ? this.#openFile(entry) : null
  }

  #openFile(entry: TarEntry): ByteSink | null {
    const sinks: ByteSink[] = []
    this.#openSinks(entry, sinks)
    for (const path of this.#input.aliases?.get(entry.path) ?? []) this.#openSinks({ ...entry, path }, sinks)
    const [only] = sinks
    if (only === undefined) return null
    return sinks.length === 1 ? only : together(sinks)
  }

  /** Of a million entries most are nobody's: nothing is made for them. */
  #openSinks(entry: TarEntry, sinks: ByteSink[]): void {
    for (const analyzer of this.#input.analyzers) {
      const sink = analyzer.open(entry)
      if (sink !== null)
        sinks.push({ push: (chunk) => sink.push(chunk), end: () => this.#finish(entry, analyzer, sink) })
    }
  }

  async #finishAll(): Promise<void> {
    for (const keep of await Promise.all(this.#finishing.splice(0))) keep()
  }

  #finish(entry: TarEntry, analyzer: Analyzer, sink: Sink): void {
    const { path } = entry
    const kept = (result: AnalyzerResult) => () => this.#keep(path, analyzer.name, result)
    const failed = (error: unknown) => {
      const reason = error instanceof Error ? error.message : 'it cannot be read'
      return kept({ ...NOTHING, problems: [{ path, where: analyzer.name, reason, weight: 'fatal' }] })
    }
    if (entry.isSparse) {
      this.#inTurn(failed(new Error('it is stored as a sparse file, which is not read')))
      return
    }
    try {
      const result = sink.end()
      if (result instanceof Promise) this.#finishing.push(result.then(kept, failed))
      else if (result !== null) this.#inTurn(kept(result))
    } catch (error) {
      this.#inTurn(failed(error))
    }
  }

  /** At once, unless something before it is not done yet. */
  #inTurn(keep: () => void): void {
    if (this.#finishing.length > 0) this.#finishing.push(Promise.resolve(keep))
    else keep()
  }

  #keep(path: string, analyzer: string, result: AnalyzerResult): void {
    if (this.#isFull) return
    const { maxPackages, maxFactCharacters } = this.#input.limits
    const file = { ...result, path, analyzer }
    this.#packages += result.packages.length
    this.#factCharacters += JSON.stringify(file).length + COST_OF_A_FILE
    if (this.#packages > maxPackages) this.fail(`the layer has more than ${maxPackages} packages`)
    else if (this.#factCharacters > maxFactCharacters)
      this.fail(`what the layer's files say has more than ${maxFactCharacters} characters`)
    else this.#files.push(file)
  }

  /** No more is kept of its files; why was said. */
  get #isFull(): boolean {
    const { maxPackages, maxFactCharacters } = this.#input.limits
    return this.#packages > maxPackages || this.#factCharacters > maxFactCharacters
  }

  /** Whether an analyzer wants it cannot depend on a size here: the archive says none. */
  #noteHardLink(entry: TarEntry): void {
    const target = cleanPath(entry.target)
    for (const analyzer of this.#input.analyzers) {
      if (analyzer.open({ path: entry.path, size: 0, mode: entry.mode }) !== null)
        this.#addHardLink({ path: entry.path, target, analyzer })
    }
  }

  #addHardLink(link: { path: string; target: string; analyzer: Analyzer }): void {
    this.#countLink(link.path.length + link.target.length)
    this.#hardLinks.push(link)
  }

  /** Of a million links each is an object, too. */
  #countLink(characters: number): void {
    const { maxLinkCharacters } = this.#input.limits
    this.#linkCharacters += characters + COST_OF_A_LINK
    if (this.#linkCharacters > maxLinkCharacters)
      throw new LayerError(`what the layer links and hides has more than ${maxLinkCharacters} characters`)
  }

  /** A name of a file that was read under another name says the same; what was not read is asked for. */
  #followHardLinks(): Map<string, string[]> {
    const unread = new Map<string, string[]>()
    const read = new Map(this.#files.map((file) => [`${file.analyzer} ${file.path}`, file]))
    for (const { path, target, analyzer } of this.#hardLinks) {
      if (this.#isFull) break
      if (read.has(`${analyzer.name} ${path}`)) continue
      const known = read.get(`${analyzer.name} ${target}`)
      if (known) {
        const packages = known.packages.map((one) => ({ ...one, path: one.path === target ? path : one.path }))
        this.#keep(path, analyzer.name, { ...known, packages })
      } else if (this.#input.aliases?.get(target)?.includes(path)) {
        this.#problems.push({
          path,
          where: analyzer.name,
          reason: `it is a hard link to ${target.slice(0, 512).replace(/[\p{C}\uFFFD]/gu, '?')}, which is not in this layer`,
          weight: 'fatal',
        })
      } else {
        const names = unread.get(target) ?? []
        names.push(path)
        unread.set(target, names)
      }
    }
    return unread
  }
}

function together(sinks: readonly ByteSink[]): ByteSink {
  const open = new Set(sinks)
  return {
    push(chunk) {
      for (const sink of open) if (!sink.push(chunk)) open.delete(sink)
      return open.size > 0
    },
    end() {
      for (const sink of sinks) sink.end()
    },
  }
}
