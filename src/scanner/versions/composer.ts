import type { Compare } from './compare.ts'
import { compareDigits, isDigits } from './natural.ts'

/** A word is known by how it begins; in this order. Any other comes before all of these. */
const FORMS = [
  ['dev', 0],
  ['alpha', 1],
  ['a', 1],
  ['beta', 2],
  ['b', 2],
  ['RC', 3],
  ['rc', 3],
  ['#', 4],
  ['pl', 5],
  ['p', 5],
] as const
/** What a number counts as beside a word. */
const NUMBER = '#'

/** PHP's version_compare, as Composer orders stable and unstable versions. Source: php.net, version_compare. */
export const compareComposer: Compare = (a, b) => {
  const [left, right] = [partsOf(a), partsOf(b)]
  return left.length === 0 || right.length === 0 ? null : compareParts(left, right)
}

function partsOf(version: string): string[] {
  const text = version.trim().replace(/^v/i, '').replace(/[-_+]/g, '.')
  const separated = text.replace(/(\d)([^\d.])/g, '$1.$2').replace(/([^\d.])(\d)/g, '$1.$2')
  return separated.split('.').filter((part) => part !== '')
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  const both = Math.min(a.length, b.length)
  for (let i = 0; i < both; i++) {
    const difference = comparePart(a[i] ?? '', b[i] ?? '')
    if (difference !== 0) return difference
  }
  if (a.length === b.length) return 0
  return a.length > b.length ? goesOn(a.slice(both)) : -goesOn(b.slice(both))
}

/** A version that goes on with a number is greater; with a word, as that and what follows compare with a number. */
function goesOn(parts: readonly string[]): number {
  return isDigits(parts[0] ?? '') ? 1 : compareParts(parts, [NUMBER])
}

function comparePart(a: string, b: string): number {
  if (isDigits(a) && isDigits(b)) return compareDigits(a, b)
  return formOf(isDigits(a) ? NUMBER : a) - formOf(isDigits(b) ? NUMBER : b)
}

function formOf(word: string): number {
  return FORMS.find(([form]) => word.startsWith(form))?.[1] ?? -1
}
