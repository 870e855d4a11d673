import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** JSON as it lies in the database. */
export function pack(value: unknown): Uint8Array {
  return measured(value).packed
}

/** The same, and how many bytes its text has. */
export function measured(value: unknown): { readonly packed: Uint8Array; readonly bytes: number } {
  const text = Buffer.from(JSON.stringify(value))
  return { packed: zstdCompressSync(text), bytes: text.length }
}

/** @throws `ERR_BUFFER_TOO_LARGE` beyond `maxBytes` of text. */
export function unpack<T>(
  bytes: Uint8Array,
  maxBytes = 256 * 1024 * 1024,
): { readonly value: T; readonly bytes: number } {
  const text = zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
  return { value: JSON.parse(text.toString('utf8')) as T, bytes: text.length }
}
