import { severityRank } from '../domain/severity.ts'
import type { Counts } from '../metadata/tables/scans.ts'
import type { Summary } from './tally.ts'
import { countsOf, namesOf } from './tally.ts'

/** What is said of one package, made ready to be counted again and again. */
export interface Said {
  readonly names: ReadonlySet<string>
  /** Of each finding: a number in the place of its id, tenths of its score, and whether it can be fixed. */
  readonly ids: readonly number[]
  readonly tenths: readonly number[]
  readonly fixable: readonly boolean[]
  readonly maxSeverity: number
}

/** Counts as `countsOf` does, over verdicts that many images share. */
export class Counter {
  readonly #numbers = new Map<string, number>()
  /** By those numbers: the last count that met it, and what it was in it. */
  readonly #metIn: number[] = []
  readonly #tenths: number[] = []
  readonly #fixable: boolean[] = []
  #count = 0

  said(findings: readonly Summary[]): Said {
    return {
      names: new Set(namesOf(findings)),
      ids: findings.map(({ id }) => this.#number(id)),
      tenths: findings.map(({ score }) => Math.round((score ?? 0) * 10)),
      fixable: findings.map(({ fixable }) => fixable),
      maxSeverity: Math.max(0, ...findings.map(({ severity }) => severityRank(severity))),
    }
  }

  /** All of them were made by `said` here. */
  countsOf(all: readonly Said[]): Counts {
    if (all.every(({ ids }) => ids.length === 0)) return countsOf([])
    this.#count += 1
    const counts = { maxSeverity: 0, scoreTenths: 0, vulnerabilities: 0, fixable: 0 }
    for (const said of all) {
      counts.maxSeverity = Math.max(counts.maxSeverity, said.maxSeverity)
      for (let at = 0; at < said.ids.length; at += 1)
        this.#add(said.ids[at] ?? 0, said.tenths[at] ?? 0, said.fixable[at] ?? false, counts)
    }
    return counts
  }

  #add(number: number, tenths: number, isFixable: boolean, counts: { -readonly [Key in keyof Counts]: number }): void {
    if (this.#metIn[number] !== this.#count) {
      this.#metIn[number] = this.#count
      this.#tenths[number] = 0
      this.#fixable[number] = false
      counts.vulnerabilities += 1
    }
    const before = this.#tenths[number] ?? 0
    if (tenths > before) {
      this.#tenths[number] = tenths
      counts.scoreTenths += tenths - before
    }
    if (isFixable && !this.#fixable[number]) {
      this.#fixable[number] = true
      counts.fixable += 1
    }
  }

  #number(id: string): number {
    const known = this.#numbers.get(id)
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(id, number)
    this.#metIn[number] = 0
    return number
  }
}
