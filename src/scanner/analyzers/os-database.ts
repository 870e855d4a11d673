import type { FileFacts } from '../facts.ts'
import type { FoundPackage, PackageType } from '../package.ts'
import type { AnalyzerResult } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'

/** All of Debian has some 60,000 packages; a database of more is made to be large. */
const MAX_PACKAGES = 100_000
/** A file of one package each time needs no more than a long path list: 500,000 files, 16 MiB of names. */
const MAX_OWNED = 500_000
const MAX_OWNED_CHARACTERS = 16 * 1024 * 1024
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

/** Files by whose names the language analyzers go. */
const MARKING_NAME = new RegExp(
  `(?:^|/)(?:${[
    'package\\.json|package-lock\\.json|npm-shrinkwrap\\.json|yarn\\.lock|pnpm-lock\\.yaml|bun\\.lock',
    'METADATA|PKG-INFO|[^/]+\\.egg-info|[^/]+\\.(?:whl|egg)|requirements[^/]*\\.txt|(?:poetry|uv|pdm|Pipfile|pylock)[^/]*\\.(?:lock|toml)|Pipfile\\.lock',
    '[^/]+\\.(?:jar|war|ear|par|sar|jpi|hpi|kar|jmod|nar)|pom\\.xml|gradle\\.lockfile',
    '[^/]+\\.gemspec|Gemfile\\.lock|gems\\.locked',
    'installed\\.json|composer\\.lock|installed\\.php',
    'go\\.(?:mod|sum)|Cargo\\.lock|[^/]+\\.deps\\.json|packages\\.lock\\.json|packages\\.config|[^/]+\\.nupkg|[^/]+\\.spdx',
  ].join('|')})$`,
)
/** Where no distribution puts a program or a library. */
const NO_PROGRAMS =
  /^(?:etc|usr\/include|usr\/src|usr\/share\/(?:doc|man|info|locale|zoneinfo|icons|i18n|terminfo|mime|bug|lintian|perl5?|fonts|licenses|bash-completion|zsh|vim|help|gir-1\.0|X11)|usr\/lib\/locale|usr\/lib\/\.build-id|lib\/firmware|usr\/lib\/firmware|usr\/lib\/modules|lib\/modules)\//
/** Go and Rust programs have any name (`kubectl-1.28`), so those that they cannot have are left out: the bulk of a distribution. */
const NO_PROGRAM_NAME =
  /\.(?:py|py[cioxd]|h|hh|hpp|hxx|c|cc|cpp|inc|s|a|o|la|gz|xz|bz2|zst|zip|txt|md|rst|html?|css|s?css|m?js|cjs|ts|map|json|ya?ml|toml|ini|conf|cfg|xml|xsl|xsd|dtd|svg|png|gif|jpe?g|ico|ttf|otf|woff2?|p[mlo]|pod|al|ix|ph|bs|rb|rbs|ri|elc?|lua|tcl|tm|vim|cmake|pc|m4|am|ac|mo|po|pot|gmo|desktop|service|socket|timer|target|mount|path|slice|rules|gir|typelib|qm|csv|tsv|dat|mod|gresource|ui|glade|enc|awk|sed|sh|bash|zsh|fish|php|phtml|r|rds|rd[bx]|el|scm|go|cs|java|class|properties|pem|crt|key|ko)$/i

/** Whether a path could be that of a package of a language: by its name, or as a program or library (Go, Rust). */
export function marksPackage(path: string): boolean {
  if (MARKING_NAME.test(path)) return true
  return !path.endsWith('/') && path.includes('/') && !NO_PROGRAMS.test(path) && !NO_PROGRAM_NAME.test(path)
}

/** Each line without its end, the last one too, if it has none; of a long one its beginning. */
export function* linesOf(bytes: Buffer): Generator<string> {
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start)
    yield bytes.toString('utf8', start, Math.min(end < 0 ? bytes.length : end, start + MAX_LINE_BYTES))
    if (end < 0) return
    start = end + 1
  }
}
