import type { FileFacts } from '../facts.ts'
import type { FoundPackage, PackageType } from '../package.ts'
import type { AnalyzerResult } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'
import { marksPackage } from './marks-package.ts'

/** All of Debian has some 60,000 packages; a database of more is made to be large. */
const MAX_PACKAGES = 100_000
/** A file of one package each time needs no more than a long path list: 200,000 files, 8 MiB of names. */
const MAX_OWNED = 200_000
const MAX_OWNED_CHARACTERS = 8 * 1024 * 1024
/** Looking at a name costs time even if it is not kept: an rpm names a directory of 4 kB once and files of one letter in it a million times. */
const MAX_LOOKED_AT = 256 * 1024 * 1024
const COST_OF_LOOKING = 32
/** No field or path that is wanted is longer; the rest of a line is not decoded. */
const MAX_LINE_BYTES = 8 * 1024
const MAX_PROBLEMS = 100
/** PATH_MAX of Linux: nothing longer can be installed. */
const MAX_PATH = 4096
/** Package names and versions of every distribution are far shorter, printable and without blanks. */
const WORD = /^[^\s\p{C}]{1,255}$/u

/** @throws if `text` cannot be a name or a version, which means that what holds it is damaged. */
export function word(text: string | undefined, what: string): string {
  if (text === undefined || text === '') throw new Error(`a package has no ${what}`)
  if (!WORD.test(text) || text.includes('\uFFFD')) throw new Error(`a package's ${what} is not readable`)
  return text
}

export interface OsPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string | null
  readonly source: { readonly name: string; readonly version: string } | null
  readonly module?: string | null
}

/** What one file of an operating system's package database says, as it is read. */
export class OsDatabase {
  readonly #about: { readonly path: string; readonly analyzer: string; readonly type: PackageType }
  readonly #packages: FoundPackage[] = []
  readonly #owns: string[] = []
  #ownedCharacters = 0
  #lookedAt = 0
  readonly #problems: FileFacts['problems'][number][] = []

  constructor(about: { path: string; analyzer: string; type: PackageType }) {
    this.#about = about
  }

  /** The namespace is the distribution, which only the merged image knows. @throws when there are too many. */
  add({ name, version, architecture, source, module = null }: OsPackage): void {
    if (this.#packages.length === MAX_PACKAGES) throw new Error(`it names more than ${MAX_PACKAGES} packages`)
    const { type, path } = this.#about
    this.#packages.push({ type, namespace: null, name, version, source, architecture, module, path, doubt: null })
  }

  /**
   * `path` may start with `/` or `./`; only what could mark a package of a language is kept. @returns false when no more is looked at:
   * the problem is told already.
   */
  own(path: string): boolean {
    this.#lookedAt += path.length + COST_OF_LOOKING
    const relative = path.length > MAX_PATH ? '' : path.replace(/^(?:\.?\/)+/, '')
    if (this.#lookedAt <= MAX_LOOKED_AT && !marksPackage(relative)) return true
    const isFull = this.#owns.length >= MAX_OWNED || this.#ownedCharacters + relative.length > MAX_OWNED_CHARACTERS
    if (isFull || this.#lookedAt > MAX_LOOKED_AT) {
      this.partly(
        `it names more than ${MAX_OWNED} files, or too many bytes of names: the rest is not known to be its own`,
      )
      return false
    }
    this.#owns.push(relative)
    this.#ownedCharacters += relative.length
    return true
  }

  /** Something that hides no package; said once. */
  partly(reason: string): void {
    const { path, analyzer: where } = this.#about
    if (this.#problems.length < MAX_PROBLEMS && !this.#problems.some((problem) => problem.reason === reason))
      this.#problems.push({ path, where, reason, weight: 'partial' })
  }

  result(): AnalyzerResult {
    return { ...NOTHING, packages: this.#packages, owns: this.#owns, problems: this.#problems }
  }
}

/** Each line without its end, the last one too, if it has none; of a long one its beginning. */
export function* linesOf(bytes: Buffer): Generator<string> {
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start)
    const last = Math.min(end < 0 ? bytes.length : end, start + MAX_LINE_BYTES)
    yield last === start ? '' : bytes.toString('utf8', start, last)
    if (end < 0) return
    start = end + 1
  }
}
