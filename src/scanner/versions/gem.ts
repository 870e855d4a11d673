import type { Compare } from './compare.ts'
import { compareDigits, compareText, isDigits } from './natural.ts'

/** Source: Gem::Version. A letter makes a prerelease, which is below the release; trailing zeros count nothing. */
export const compareGem: Compare = (a, b) => {
  const [left, right] = [segmentsOf(a), segmentsOf(b)]
  if (left === null || right === null) return null
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x = '0', y = '0'] = [left[i], right[i]]
    if (isDigits(x) !== isDigits(y)) return isDigits(x) ? 1 : -1
    const difference = isDigits(x) ? compareDigits(x, y) : compareText(x, y)
    if (difference !== 0) return difference
  }
  return 0
}

function segmentsOf(version: string): string[] | null {
  const text = version.trim()
  if (!/^\d+[0-9A-Za-z.-]*$/.test(text)) return null
  const segments = text.replaceAll('-', '.pre.').match(/\d+|[a-z]+/gi) ?? []
  const letter = segments.findIndex((segment) => !isDigits(segment))
  const cut = letter < 0 ? segments.length : letter
  return [...withoutZeros(segments.slice(0, cut)), ...withoutZeros(segments.slice(cut))]
}

function withoutZeros(segments: string[]): string[] {
  let end = segments.length
  while (end > 0 && /^0+$/.test(segments[end - 1] ?? '')) end -= 1
  return segments.slice(0, end)
}
