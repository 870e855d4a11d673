import { hash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { NewVerdict } from '../metadata/tables/judged-packages.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { JudgedSubject, PackageVerdict } from '../scanner/matching/judge-package.ts'
import { judgePackage } from '../scanner/matching/judge-package.ts'
import type { Summary } from './tally.ts'

/** What is kept of one judgement at most: the kernel's thousands of findings are one entry, too. */
const MOST_BYTES = 32 * 1024 * 1024

/** Judges packages by one state of what the world knows; what many images hold is judged once. */
export class PackageJudge {
  readonly #index: AdvisoryIndex
  readonly #known = new Map<string, NewVerdict | null>()
  #bytes = 0

  constructor(index: AdvisoryIndex) {
    this.#index = index
  }

  /** Null: nothing is said of it. */
  verdict(subjects: readonly JudgedSubject[]): NewVerdict | null {
    const key = JSON.stringify(subjects)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const verdict = packVerdict(judgePackage(subjects, this.#index))
    this.#bytes += key.length + (verdict === null ? 0 : verdict.content.length + verdict.summary.length)
    if (this.#bytes > MOST_BYTES) {
      this.#known.clear()
      this.#bytes = 0
    }
    this.#known.set(key, verdict)
    return verdict
  }
}

const judges = new WeakMap<AdvisoryIndex, PackageJudge>()

export function judgeBy(index: AdvisoryIndex): PackageJudge {
  const known = judges.get(index)
  if (known) return known
  const judge = new PackageJudge(index)
  judges.set(index, judge)
  return judge
}

function packVerdict(verdict: PackageVerdict): NewVerdict | null {
  if (verdict.findings.length === 0 && verdict.cannotTell.length === 0) return null
  const text = JSON.stringify(verdict)
  const summary: Summary[] = verdict.findings.map(({ id, aliases, covers, score, severity, fixable }) => ({
    ...{ id, aliases, covers, score, severity, fixable },
  }))
  return {
    key: hash('sha256', text, 'base64url'),
    summary: JSON.stringify(summary),
    content: zstdCompressSync(text),
  }
}
