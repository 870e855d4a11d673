import type { Tally } from './intake.ts'
import { MAX_NAMED } from './limits.ts'

/** What became of one file that was given to import. */
export interface FileReport {
  readonly path: string
  /** What it was taken for: `OSV`, `Alpine secdb` …; an archive may hold several. */
  readonly kinds: readonly string[]
  readonly records: number
  /** Known already in a newer state. */
  readonly older: number
  readonly withdrawn: number
  /** Such as bug fixes in a security feed. */
  readonly notVulnerabilities: number
  readonly bad: number
  /** The first of the bad ones. */
  readonly badOnes: readonly { readonly where: string; readonly reason: string }[]
  /** Why nothing of it was taken in; null: it was. */
  readonly refused: string | null
  /** Why nobody expects anything of it, such as a README in a folder. */
  readonly passedOver: string | null
}

export class FileTally implements Tally {
  readonly kinds = new Set<string>()
  #counts = { records: 0, older: 0, withdrawn: 0, notVulnerabilities: 0, bad: 0 }
  readonly #named: { where: string; reason: string }[] = []

  taken(): void {
    this.#counts.records++
  }

  older(): void {
    this.#counts.older++
  }

  withdrawn(): void {
    this.#counts.withdrawn++
  }

  notVulnerability(): void {
    this.#counts.notVulnerabilities++
  }

  bad(where: string, reason: string): void {
    this.#counts.bad++
    if (this.#named.length < MAX_NAMED) this.#named.push({ where, reason })
  }

  /** Was anything in it what we know? */
  get isEmpty(): boolean {
    const { records, older, withdrawn, notVulnerabilities } = this.#counts
    return records + older + withdrawn + notVulnerabilities === 0
  }

  report(path: string, end: { readonly refused?: string; readonly passedOver?: string } = {}): FileReport {
    const counts = end.refused === undefined ? this.#counts : { ...this.#counts, records: 0 }
    return {
      path,
      kinds: [...this.kinds].sort(),
      ...counts,
      badOnes: this.#named,
      refused: end.refused ?? null,
      passedOver: end.passedOver ?? null,
    }
  }
}
