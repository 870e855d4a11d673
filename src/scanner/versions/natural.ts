// What several schemes share: digits of any length, compared as numbers without making numbers of them.

/** The order of two runs of digits by value, whatever their length; leading zeros count nothing. */
export function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return left.length - right.length || compareText(left, right)
}

/** By code units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function isDigits(text: string): boolean {
  return /^\d+$/.test(text)
}
