/** A satisfiable part of a body: from `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

const UNSATISFIABLE = 'unsatisfiable'

/**
 * What a Range header asks of a body of `size` bytes. Source: RFC 9110, 14.1 and 14.2.
 * - null: send the whole body. No header, another unit, unreadable, or several ranges (14.2 lets a server ignore those).
 * - `unsatisfiable`: 416. Also for a last position before the first: RFC 9110 lets a server ignore it, but the OCI
 *   conformance suite wants a refusal, and a client that computed such a range is better told.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange | typeof UNSATISFIABLE | null {
  if (header === undefined) return null
  const spec = singleRangeOf(header)
  if (spec === null) return null
  const dash = spec.indexOf('-')
  if (dash < 0) return null
  const first = spec.slice(0, dash).trim()
  const last = spec.slice(dash + 1).trim()
  if (first === '') return suffixRange(last, size)
  const start = wholeNumber(first)
  const inclusiveEnd = last === '' ? Number.MAX_SAFE_INTEGER : wholeNumber(last)
  if (start === null || inclusiveEnd === null) return null
  if (inclusiveEnd < start || start >= size) return UNSATISFIABLE
  return { start, end: Math.min(inclusiveEnd + 1, size) }
}

/** `bytes 0-99/2048`. Source: RFC 9110, 14.4. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`
}

export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`
}

function singleRangeOf(header: string): string | null {
  const equals = header.indexOf('=')
  if (equals < 0 || header.slice(0, equals).trim().toLowerCase() !== 'bytes') return null
  const specs = header.slice(equals + 1)
  return specs.includes(',') ? null : specs.trim()
}

function suffixRange(text: string, size: number): ByteRange | typeof UNSATISFIABLE | null {
  const length = wholeNumber(text)
  if (length === null) return null
  if (length === 0 || size === 0) return UNSATISFIABLE
  return { start: Math.max(0, size - length), end: size }
}

/** Decimal digits only; what exceeds 2^53 - 1 is clipped to it, since no body is longer. */
export function wholeNumber(text: string): number | null {
  if (text.length === 0) return null
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return null
  }
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}
