import { DomainError } from './error.ts'

/** No manifest of any tool nests deeper than 6; ours is to keep a hostile one from costing more than its size. */
export const MAX_JSON_DEPTH = 32

/**
 * Parses JSON and refuses what two parsers may read differently: a repeated key (one reads the first, one the last, and
 * the same digest means two images), invalid UTF-8, nesting over `MAX_JSON_DEPTH`. @throws `manifest_invalid`
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decode(bytes)
  const value = parse(text)
  refuseRepeatedKeys(text)
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DomainError('manifest_invalid', 'the manifest is not valid UTF-8', { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const where = cause instanceof Error ? (/position \d+/.exec(cause.message)?.[0] ?? 'its end') : 'its end'
    throw new DomainError('manifest_invalid', `the manifest is not valid JSON at ${where}`, { cause })
  }
}

/** Walks text that `JSON.parse` has accepted: only strings, brackets and colons matter. */
function refuseRepeatedKeys(text: string): void {
  const open: (Set<string> | null)[] = []
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at = checkString(text, at, open.at(-1) ?? null)
        break
      case '{':
      case '[':
        if (open.push(text[at] === '{' ? new Set() : null) > MAX_JSON_DEPTH) throw tooDeep()
        break
      case '}':
      case ']':
        open.pop()
    }
  }
}

/** The position of the closing quote. */
function checkString(text: string, start: number, keys: Set<string> | null): number {
  const end = endOfString(text, start)
  if (keys && isKey(text, end)) addKey(keys, text.slice(start, end + 1))
  return end
}

function tooDeep(): DomainError {
  return new DomainError('manifest_invalid', `the manifest nests deeper than ${MAX_JSON_DEPTH} levels`)
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
  return at
}

function isKey(text: string, end: number): boolean {
  let at = end + 1
  while (text.charCodeAt(at) <= 0x20) at += 1
  return text.charCodeAt(at) === 0x3a
}

function addKey(keys: Set<string>, quoted: string): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  if (keys.has(key))
    throw new DomainError(
      'manifest_invalid',
      `the manifest has the key "${key.slice(0, 80)}" twice in one object; write it once`,
    )
  keys.add(key)
}
