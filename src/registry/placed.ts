import type { Part } from './blob-reader.ts'

/** Objects laid end to end: each with the offset of its first byte. */
export function placed(parts: readonly Omit<Part, 'start'>[]): Part[] {
  let start = 0
  return parts.map((part) => {
    const at = { ...part, start }
    start += part.size
    return at
  })
}
