/**
 * Three bytes of JSON (`{},`) become fifty of memory, and a distinct key a hundred: 16 MiB could take 300. This many braces, commas
 * and colons take at most some 150 MB; a lock file of 10,000 packages has half of it.
 */
const MAX_TOKENS = 600_000

/** @throws with a sentence when it is no JSON, or more than is read. */
export function parseJson(bytes: Buffer): unknown {
  let tokens = 0
  for (const byte of bytes) if (byte === 0x7b || byte === 0x5b || byte === 0x2c || byte === 0x3a) tokens += 1
  if (tokens > MAX_TOKENS) throw new Error(`it is JSON of more than ${MAX_TOKENS} values`)
  // Some editors put a byte order mark first.
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  try {
    return JSON.parse(bytes.toString('utf8', hasMark ? 3 : 0))
  } catch (error) {
    throw new Error('it is not valid JSON', { cause: error })
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

/** Anything that is no object reads as an empty one. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** @throws with a sentence when it is none: what must be an object and is not hides what it should name. */
export function requireObject(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw new Error(`its ${what} is no object`)
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Anything that is no text reads as ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
