import type { SqlValue } from './metadata-store.ts'

/**
 * A REAL is harmless where a column's affinity makes it an integer again: right after a comparison or assignment and
 * not itself part of an expression. Elsewhere `${n} / 2` or `json_object('id', ${n})` would differ from PostgreSQL.
 * The exception is the hot path: binding a bigint costs 0.15 µs.
 */
export function integersAmong(pieces: readonly string[]): number[] {
  return pieces
    .keys()
    .take(pieces.length - 1)
    .filter((index) => !isCompared(pieces, index))
    .toArray()
}

function isCompared(pieces: readonly string[], index: number): boolean {
  return (
    /[\w\s)\]"'](=|<>|!=|<|>|<=|>=)\s*$/.test(pieces[index] ?? '') && /^\s*($|[\w),;])/.test(pieces[index + 1] ?? '')
  )
}

export function bindable(flat: readonly SqlValue[], integers: readonly number[]): readonly SqlValue[] {
  if (integers.length === 0) return flat
  const bound = flat.slice()
  for (const index of integers) {
    const value = bound[index]
    if (typeof value === 'number') bound[index] = BigInt(value)
  }
  return bound
}
