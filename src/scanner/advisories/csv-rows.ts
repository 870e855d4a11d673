import { ImportError } from './import-error.ts'
import type { Splitter } from './json-values.ts'
import { MAX_CSV_COLUMNS, MAX_CSV_FIELD_LENGTH, MAX_CSV_ROW_LENGTH } from './limits.ts'

/** Rows of comma-separated values; a quoted field may hold commas, quotes (doubled) and line ends. Source: RFC 4180. */
export function rowSplitter(onRow: (fields: readonly string[]) => void): Splitter {
  const decoder = new TextDecoder()
  let text = ''

  function drain(): void {
    let from = 0
    for (let end = endOfRow(text, from); end >= 0; end = endOfRow(text, from)) {
      row(text.slice(from, end))
      from = end + 1
    }
    text = text.slice(from)
    if (text.length > MAX_CSV_ROW_LENGTH) throw new ImportError('a row does not end: a quote is open, or it is no CSV')
  }

  function row(line: string): void {
    const clean = line.replace(/\r$/, '')
    if (clean !== '') onRow(fieldsOfRow(clean))
  }

  return {
    push(chunk) {
      text += decoder.decode(chunk, { stream: true })
      drain()
    },
    end() {
      text += decoder.decode()
      drain()
      if (isQuoteOpen(text)) throw new ImportError('it ends within a quoted field: it is cut off')
      row(text)
    },
  }
}

/** The next line end outside of quotes; -1: not in here. */
function endOfRow(text: string, from: number): number {
  let end = text.indexOf('\n', from)
  let quote = text.indexOf('"', from)
  while (end >= 0 && quote >= 0 && quote < end) {
    const close = text.indexOf('"', quote + 1)
    if (close < 0) return -1
    if (close > end) end = text.indexOf('\n', close)
    quote = text.indexOf('"', close + 1)
  }
  return end
}

function isQuoteOpen(text: string): boolean {
  return (text.split('"').length - 1) % 2 === 1
}

function fieldsOfRow(line: string): string[] {
  if (!line.includes('"')) return bounded(line.split(',', MAX_CSV_COLUMNS + 1))
  const fields: string[] = []
  for (let at = 0; at <= line.length; ) {
    const isQuoted = line[at] === '"'
    const end = isQuoted ? endOfQuoted(line, at) : line.indexOf(',', at)
    const stop = end < 0 ? line.length : end
    fields.push(isQuoted ? line.slice(at + 1, stop - 1).replaceAll('""', '"') : line.slice(at, stop))
    if (fields.length > MAX_CSV_COLUMNS) break
    at = stop + 1
  }
  return bounded(fields)
}

/** Behind the closing quote of the field that begins at `at`. */
function endOfQuoted(line: string, at: number): number {
  for (let next = line.indexOf('"', at + 1); next >= 0; next = line.indexOf('"', next + 2))
    if (line[next + 1] !== '"') return next + 1
  return line.length
}

function bounded(fields: string[]): string[] {
  if (fields.length > MAX_CSV_COLUMNS) throw new ImportError(`a row has more than ${MAX_CSV_COLUMNS} columns`)
  if (fields.some(({ length }) => length > MAX_CSV_FIELD_LENGTH))
    throw new ImportError(`a field has more than ${MAX_CSV_FIELD_LENGTH} characters`)
  return fields
}
