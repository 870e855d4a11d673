import { DomainError } from '../domain/error.ts'
import { wholeNumber } from '../http/byte-range.ts'
import type { ChunkRange } from '../registry/registry.ts'

/**
 * `Content-Range` of an upload chunk: `0-99`, as the specification writes it, or `bytes 0-99/*` and `bytes=0-99`, as HTTP
 * libraries do. Null when the chunk does not say where it belongs: no header, or no bytes to place.
 * @throws `range_invalid` (416) when unreadable, `size_invalid` when it differs from the chunk's length.
 */
export function parseChunkRange(header: string | undefined, length: number | null): ChunkRange | null {
  if (header === undefined || length === 0) return null
  const range = readRange(header)
  if (range === null) {
    throw new DomainError(
      'range_invalid',
      `Content-Range "${header.slice(0, 80)}" is not readable: write <first>-<last>`,
    )
  }
  const promised = range.last - range.first + 1
  if (length !== null && promised !== length) {
    throw new DomainError('size_invalid', `Content-Range names ${promised} bytes, Content-Length ${length}`)
  }
  return range
}

function readRange(header: string): ChunkRange | null {
  let text = header.trim()
  if (text.startsWith('bytes')) text = text.slice('bytes'.length).replace('=', '').trim()
  const slash = text.indexOf('/')
  const dash = text.indexOf('-')
  if (dash < 0) return null
  const first = wholeNumber(text.slice(0, dash))
  const last = wholeNumber(text.slice(dash + 1, slash < 0 ? undefined : slash))
  return first === null || last === null || last < first ? null : { first, last }
}
