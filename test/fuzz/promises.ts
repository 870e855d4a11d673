import assert from 'node:assert/strict'
import type { Analyzer, AnalyzerResult } from '../../src/scanner/analyzers/analyzer.ts'
import type { Target } from './target.ts'

export interface AnalyzerTarget extends Omit<Target, 'run'> {
  readonly analyzer: Analyzer
  readonly path: string
  /** No package takes fewer of a file's bytes. */
  readonly leastBytes: number
  /** Why finding nothing and saying nothing would be wrong here; null: it may be. */
  readonly damageOf?: (bytes: Buffer) => string | null
}

/** An analyzer given one file in pieces, held to what all of them promise. */
export function analyzerTarget({ analyzer, path, leastBytes, damageOf, ...rest }: AnalyzerTarget): Target {
  return {
    ...rest,
    run: async (bytes) => {
      const sink = analyzer.open({ path, size: bytes.length, mode: 0o644 })
      if (sink === null) return 'not one of its files'
      const piece = 1 + (bytes.length % 3) * 700 + (bytes.length >> 1)
      for (let at = 0; at < bytes.length; at += piece) if (!sink.push(bytes.subarray(at, at + piece))) break
      const result = await sink.end()
      if (result === null) return 'none of its files after all'
      checkResult(result, bytes.length / leastBytes + 1)
      if (result.packages.length === 0 && result.problems.length === 0) {
        const damage = damageOf?.(bytes) ?? null
        assert.equal(damage, null, 'silence about what is damaged')
      }
      return shortAnswer(result)
    },
  }
}

export function checkResult(result: AnalyzerResult, mostPackages: number): void {
  assert.ok(result.packages.length <= mostPackages, `${result.packages.length} packages of so few bytes`)
  for (const { name, version, namespace } of result.packages) {
    for (const word of [name, version, namespace ?? 'none']) assert.match(word, /^[^\s\p{C}\uFFFD]{1,600}$/u)
  }
  assert.ok(result.problems.length <= 200)
  for (const { reason, weight, where } of result.problems) {
    assert.ok(reason.length > 0 && reason.length < 1000, 'a reason that people cannot read')
    assert.match(reason, /^[^\p{Cc}]+$/u)
    assert.doesNotMatch(reason, INTERNAL)
    assert.match(weight, /^(?:fatal|partial)$/)
    assert.ok(where.length > 0)
  }
}

/** Words of Node and V8 are for us. */
const INTERNAL =
  /undefined|is not a function|Cannot read|of range|ERR_|Maximum call stack|Invalid (?:array|string|typed)|is not iterable|null/

/** How many packages, and what is wrong, without numbers and names. */
export function shortAnswer({ packages, problems, owns, os, hints }: AnalyzerResult): string {
  const reasons = problems.map(
    ({ weight, reason }) => `${weight} ${reason.replace(/\d+|\([^)]*\)/g, '#').slice(0, 36)}`,
  )
  const doubts = new Set(packages.map(({ doubt }) => doubt ?? ''))
  const shape = `${Math.min(packages.length, 9)} packages, ${Math.min(owns.length, 3)} owned`
  const says =
    os === null
      ? ''
      : `, os ${[os.versionId, os.codename, os.prettyName].map((one) => (one === null ? '-' : '+')).join('')}`
  return `${shape}${says}${Object.keys(hints).length > 0 ? ', hints' : ''} ${[...doubts].sort().join()} ${[...new Set(reasons)].sort().join('; ')}`.trim()
}
