import type { Compare } from './compare.ts'
import { compareDigits } from './natural.ts'

/** Source: deb-version(7), Debian policy 5.6.12. An absent epoch is 0, an absent revision sorts as 0. */
export const compareDeb: Compare = (a, b) => {
  const [left, right] = [parse(a), parse(b)]
  if (left === null || right === null) return null
  return (
    compareDigits(left.epoch, right.epoch) ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  )
}

function parse(version: string) {
  const text = version.trim()
  const colon = text.indexOf(':')
  const epoch = colon < 0 ? '0' : text.slice(0, colon)
  const rest = text.slice(colon + 1)
  if (rest === '' || !/^\d+$/.test(epoch)) return null
  const dash = rest.lastIndexOf('-')
  return { epoch, upstream: dash < 0 ? rest : rest.slice(0, dash), revision: dash < 0 ? '' : rest.slice(dash + 1) }
}

/** Runs of other characters and runs of digits, in turns. */
function comparePart(a: string, b: string): number {
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = orderOf(a, i) - orderOf(b, j)
      if (difference !== 0) return difference
      i += 1
      j += 1
    }
    const [x, y] = [digitsAt(a, i), digitsAt(b, j)]
    const difference = compareDigits(x, y)
    if (difference !== 0) return difference
    i += x.length
    j += y.length
  }
  return 0
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

function digitsAt(text: string, at: number): string {
  let end = at
  while (end < text.length && isDigit(text, end)) end += 1
  return text.slice(at, end)
}

/** `~` before the end, the end and digits alike, then letters, then everything else. */
function orderOf(text: string, at: number): number {
  if (at >= text.length || isDigit(text, at)) return 0
  const code = text.charCodeAt(at)
  if (code === 126) return -1
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  return isLetter ? code : code + 256
}
