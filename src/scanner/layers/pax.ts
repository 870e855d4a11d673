import { LayerError } from './layer-error.ts'

/** `length key=value\n`, again and again. Source: POSIX.1-2024 pax, "pax Header Block". @throws LayerError */
export function parsePax(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space)
    const length = /^\d{1,10}$/.test(digits) ? Number(digits) : 0
    const end = at + length
    if (length <= digits.length + 2 || end > bytes.length || bytes[end - 1] !== 0x0a) throw damaged()
    const equals = bytes.indexOf(0x3d, space + 1)
    if (equals < 0 || equals >= end) throw damaged()
    records.set(bytes.toString('utf8', space + 1, equals), bytes.toString('utf8', equals + 1, end - 1))
    at = end
  }
  return records
}

/** @throws LayerError */
export function paxSize(text: string): number {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(size)) return size
  throw damaged()
}

function damaged(): LayerError {
  return new LayerError('the tar archive is damaged: an extended header cannot be read')
}
