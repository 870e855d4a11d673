import { UsageError } from './define.ts'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1.5 GiB`. */
export function bytesInWords(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const count = bytes / 1024 ** power
  return `${power === 0 ? count : count.toFixed(1).replace(/\.0$/, '')} ${UNITS[power]}`
}

/** `50GiB`, `10 GB`, `1048576`. @throws UsageError */
export function parseBytes(text: string, orElse = ''): number {
  const [, count = '', letter = '', binary = ''] = /^(\d{1,15}(?:\.\d{1,3})?) ?(?:([KMGTP])(i?))?B?$/i.exec(text) ?? []
  const power = 'KMGTP'.indexOf(letter.toUpperCase()) + 1
  const bytes = Math.round(Number(count) * (binary === '' ? 1000 : 1024) ** (letter === '' ? 0 : power))
  if (count !== '' && Number.isSafeInteger(bytes)) return bytes
  throw new UsageError(`"${text}" is not valid: write a number of bytes, or such as 500MB, 50GiB, 1.5TiB${orElse}`)
}
