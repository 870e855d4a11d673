import type { Problem } from '../facts.ts'
import type { FoundPackage, PackageType } from '../package.ts'
import type { AnalyzerResult } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'

/** What one file may name: the largest lock files seen have some 5,000. */
const MAX_PACKAGES = 50_000
/** Of every registry names and versions are far shorter, and printable without blanks. */
const WORD = /^[^\s\p{C}\uFFFD]{1,512}$/u
/** Nested archives add the names of their entries. */
const MAX_PATH = 8192

/** The packages that one file names, and what is wrong with it. */
export class FoundPackages {
  readonly #about: { readonly path: string; readonly analyzer: string; readonly type: PackageType }
  readonly #packages: FoundPackage[] = []
  readonly #problems: Problem[] = []
  #isFull = false

  constructor(about: { readonly path: string; readonly analyzer: string; readonly type: PackageType }) {
    this.#about = about
  }

  /** What cannot be a name or a version is a problem, and no package. */
  add(one: Pick<FoundPackage, 'namespace' | 'name' | 'version'> & Partial<FoundPackage>): void {
    const { type, path } = this.#about
    const words = [one.name, one.version, one.namespace ?? 'none']
    if (!words.every((word) => WORD.test(word)) || (one.path?.length ?? 0) > MAX_PATH) {
      this.problem('it names a package whose name or version is not readable')
    } else if (this.#packages.length === MAX_PACKAGES) {
      this.#isFull = true
      this.problem(`it names more than ${MAX_PACKAGES} packages`, 'fatal')
    } else {
      this.#packages.push({ type, source: null, architecture: null, module: null, path, doubt: null, ...one })
    }
  }

  /** No more are taken: whoever goes on only spends time and memory. */
  get isFull(): boolean {
    return this.#isFull
  }

  get count(): number {
    return this.#packages.length
  }

  /** Said once. */
  problem(reason: string, weight: Problem['weight'] = 'partial', path = this.#about.path): void {
    const where = this.#about.analyzer
    if (this.#problems.length < 100 && !this.#problems.some((one) => one.reason === reason && one.path === path))
      this.#problems.push({ path, where, reason, weight })
  }

  result(): AnalyzerResult {
    return { ...NOTHING, packages: this.#packages, problems: this.#problems }
  }
}

/** `@scope/name` and `vendor/name` in their two parts, at the last slash; null: there is none. */
export function splitName(full: string): { readonly namespace: string | null; readonly name: string } {
  const slash = full.lastIndexOf('/')
  return slash <= 0 ? { namespace: null, name: full } : { namespace: full.slice(0, slash), name: full.slice(slash + 1) }
}
