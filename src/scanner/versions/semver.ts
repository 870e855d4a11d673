import type { Compare } from './compare.ts'
import { compareDigits, compareText, isDigits } from './natural.ts'

export interface SemanticVersion {
  /** Runs of digits. */
  readonly numbers: readonly string[]
  readonly prerelease: readonly string[]
  readonly build: string
}

const SHAPE = /^[v=\s]*(\d+(?:\.\d+){0,2})((?:\.[0-9A-Za-z-]+)*)(?:-([0-9A-Za-z.-]*))?(?:\+(.*))?$/

/** As registries really hold them: `v1.2`, and more numbers than three, which are taken as build. Null: none at all. */
export function parseSemver(text: string): SemanticVersion | null {
  const [, numbers, beyond, prerelease, build] = SHAPE.exec(text.trim()) ?? []
  if (numbers === undefined) return null
  return {
    numbers: numbers.split('.'),
    prerelease: prerelease === undefined || prerelease === '' ? [] : prerelease.split('.'),
    build: build ?? beyond ?? '',
  }
}

/** Source: semver.org 2.0.0, 11. Numbers may be of any size. */
export const compareSemver: Compare = (a, b) => {
  const [left, right] = [parseSemver(a), parseSemver(b)]
  return left && right && (compareNumbers(left.numbers, right.numbers) || comparePrerelease(left, right))
}

export function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = compareDigits(a[i] ?? '0', b[i] ?? '0')
    if (difference !== 0) return difference
  }
  return 0
}

export function comparePrerelease(a: SemanticVersion, b: SemanticVersion): number {
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length
  return compareIdentifiers(a.prerelease, b.prerelease)
}

export function compareIdentifiers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x = '', y = ''] = [a[i], b[i]]
    if (isDigits(x) !== isDigits(y)) return isDigits(x) ? -1 : 1
    const difference = isDigits(x) ? compareDigits(x, y) : compareText(x, y)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
