import type { AnswerHeaders } from '../http/answer.ts'

/** Value of `Docker-Distribution-Api-Version`: clients of the Docker era look for it on every answer. */
export const API_VERSION = 'registry/2.0'

/** What a digest names never changes; but it is private, and an intermediary must not keep it. */
export const FOREVER = 'private, max-age=31536000, immutable'

/** What a tag names may change at any moment: ask again, with the ETag. */
export const REVALIDATE = 'private, no-cache'

/** 5 MiB: what clients that cut blobs into pieces are asked for. Smaller ones work too. */
export const CHUNK_MIN_LENGTH = '5242880'

const MAX_WARNINGS_BYTES = 4096

/** Written once: whoever's token is in its last days pulls as fast as everybody. */
const formatted = new WeakMap<readonly string[], string[]>()

/** The same headers, with what the caller should know about its credentials. */
export function withWarnings(headers: AnswerHeaders, texts: readonly string[]): AnswerHeaders {
  if (texts.length === 0) return headers
  let warning = formatted.get(texts)
  if (warning === undefined) {
    warning = warningHeaders(texts)
    formatted.set(texts, warning)
  }
  headers['warning'] = warning
  return headers
}

/**
 * `Warning: 299 - "<text>"` for each text, as many as fit into 4,096 bytes together. Source: distribution-spec main,
 * "Warnings"; RFC 7234, 5.5. Only printable ASCII is sent.
 */
export function warningHeaders(texts: readonly string[]): string[] {
  const headers: string[] = []
  let left = MAX_WARNINGS_BYTES
  for (const text of texts) {
    const safe = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')
    const header = `299 - "${safe}"`
    if (header.length > left) break
    left -= header.length
    headers.push(header)
  }
  return headers
}
