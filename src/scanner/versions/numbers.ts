import type { Compare } from './compare.ts'
import { compareDigits } from './natural.ts'
import { compareIdentifiers, compareNumbers, comparePrerelease, parseSemver } from './semver.ts'

/** Numbers separated by dots and hyphens; the longer one is greater. Source: R, package_version. */
export const compareCran: Compare = numberRows(/[.-]/)

/** Numbers separated by dots; the longer one is greater. Source: Haskell PVP, Data.Version. */
export const compareHackage: Compare = numberRows(/\./)

/** Semantic versions whose build counts, after the version without one. Source: pub.dev, pub_semver. */
export const comparePub: Compare = (a, b) => {
  const [left, right] = [parseSemver(a), parseSemver(b)]
  if (left === null || right === null) return null
  const byVersion = compareNumbers(left.numbers, right.numbers) || comparePrerelease(left, right)
  if (byVersion !== 0) return byVersion
  const [x, y] = [left.build, right.build]
  if (x === '' || y === '') return x.length - y.length
  return compareIdentifiers(x.split('.'), y.split('.'))
}

function numberRows(separator: RegExp): Compare {
  return (a, b) => {
    const [left, right] = [a.split(separator), b.split(separator)]
    if (![...left, ...right].every((part) => /^\d+$/.test(part))) return null
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const difference = compareDigits(left[i] ?? '', right[i] ?? '')
      if (difference !== 0) return difference
    }
    return left.length - right.length
  }
}
