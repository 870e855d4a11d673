import { DomainError } from './error.ts'

/** What people read of themselves, their keys and browsers: one line, short. @throws `input_invalid` naming the field */
export function parseLine(field: string, text: string, most: number): string {
  const line = text.trim()
  if (line !== '' && [...line].length <= most && !/[\p{C}\p{Zl}\p{Zp}]/u.test(line)) return line
  throw new DomainError('input_invalid', `${field} must have 1 to ${most} printable characters`)
}

/** The same of what a stranger sent by the way: cut and cleaned rather than refused. */
export function tidyLine(text: string | null, most: number): string | null {
  const line = (text ?? '')
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, most)
  return line === '' ? null : line
}
