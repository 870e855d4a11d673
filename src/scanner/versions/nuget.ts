import type { Compare } from './compare.ts'
import { compareIdentifiers, compareNumbers } from './semver.ts'

const SHAPE = /^v?(\d+(?:\.\d+){0,3})(?:-([^+]*))?(?:\+.*)?$/

/** Semantic versions with a fourth number, in any case of letters. Source: learn.microsoft.com, NuGet package versioning. */
export const compareNuget: Compare = (a, b) => {
  const [left, right] = [parse(a), parse(b)]
  if (left === null || right === null) return null
  const byNumbers = compareNumbers(left.numbers, right.numbers)
  if (byNumbers !== 0) return byNumbers
  if (left.prerelease.length === 0 || right.prerelease.length === 0) {
    return right.prerelease.length - left.prerelease.length
  }
  return compareIdentifiers(left.prerelease, right.prerelease)
}

function parse(text: string) {
  const [, numbers, prerelease] = SHAPE.exec(text.trim().toLowerCase()) ?? []
  if (numbers === undefined) return null
  return { numbers: numbers.split('.'), prerelease: prerelease ? prerelease.split('.') : [] }
}
