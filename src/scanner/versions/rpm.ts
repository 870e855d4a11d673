import type { Compare } from './compare.ts'
import { compareDigits, compareText, isDigits } from './natural.ts'

/** Source: rpm-version(7), rpmvercmp. An absent epoch is 0; a version without a release comes before the same with one. */
export const compareRpm: Compare = (a, b) => {
  if (a === '' || b === '') return null
  const [left, right] = [parse(a), parse(b)]
  return (
    comparePart(left.epoch, right.epoch) ||
    comparePart(left.version, right.version) ||
    compareReleases(left.release, right.release)
  )
}

function parse(text: string) {
  const colon = text.indexOf(':')
  const epoch = colon < 0 ? '0' : text.slice(0, colon)
  const rest = text.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: epoch === '(none)' ? '0' : epoch,
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? null : rest.slice(dash + 1),
  }
}

function compareReleases(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  return comparePart(a, b)
}

const SEPARATORS = /^[^A-Za-z0-9~^]+/
const SEGMENT = /^(\d+|[A-Za-z]+)/

function comparePart(a: string, b: string): number {
  let [left, right] = [a, b]
  for (;;) {
    left = left.replace(SEPARATORS, '')
    right = right.replace(SEPARATORS, '')
    const mark = compareMarks(left, right)
    if (mark !== 0) return mark
    if (left === '') return 0
    const [x, y] = [headOf(left), headOf(right)]
    const difference = compareHeads(x, y)
    if (difference !== 0) return difference
    ;[left, right] = [left.slice(x.length), right.slice(y.length)]
  }
}

/** `~` sorts before the end of a version, `^` behind the end but before anything else that goes on. 0: the same on both sides. */
function compareMarks(a: string, b: string): number {
  return markOf(a) - markOf(b)
}

function markOf(text: string): number {
  return text === '' ? 1 : text.startsWith('~') ? 0 : text.startsWith('^') ? 2 : 3
}

function headOf(text: string): string {
  return SEGMENT.exec(text)?.[0] ?? text.slice(0, 1)
}

/** Of the same mark: two runs of digits, two of letters (a number is greater than letters), or the mark itself. */
function compareHeads(a: string, b: string): number {
  if (isDigits(a) !== isDigits(b)) return isDigits(a) ? 1 : -1
  return isDigits(a) ? compareDigits(a, b) : compareText(a, b)
}
