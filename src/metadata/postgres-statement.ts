import { createHash } from 'node:crypto'
import type { SqlValue } from './metadata-store.ts'
import type { StatementWriter } from './statement.ts'

export interface PostgresStatement {
  readonly text: string
  /** Absent: parsed anew each time. */
  readonly name?: string
}

/** Prepared statements stay in the server's process of each connection; real code has a few hundred. */
const MAX_NAMES = 500

/**
 * Each value states its type: `$1 + 1` would be read as int4, too small for a time, and `$1 IS NULL` not at all.
 * NULL is written out, for it has none.
 */
export class PostgresStatementWriter implements StatementWriter<PostgresStatement> {
  readonly #known = new Map<string, PostgresStatement>()

  kindOf(value: SqlValue): string {
    if (value === null) return ''
    if (typeof value === 'string') return '::text'
    return typeof value === 'object' ? '::bytea' : '::bigint'
  }

  prepare(pieces: readonly string[], values: readonly SqlValue[]): PostgresStatement {
    let text = pieces[0] ?? ''
    let count = 0
    for (const [index, value] of values.entries()) {
      if (value !== null) count += 1
      text += (value === null ? 'NULL' : `$${count}${this.kindOf(value)}`) + pieces[index + 1]
    }
    return this.#known.get(text) ?? this.#name(text)
  }

  /** The same text has the same name in every process, should a connection pooler stand between. */
  #name(text: string): PostgresStatement {
    if (this.#known.size >= MAX_NAMES) return { text }
    const statement = { text, name: createHash('sha256').update(text).digest('hex').slice(0, 32) }
    this.#known.set(text, statement)
    return statement
  }
}

/** From text, by type id. What SQLite would give: booleans are 0 and 1, sums and counts numbers, bytes Uint8Array. */
export function parserOf(type: number): (text: string) => unknown {
  return PARSERS[type] ?? String
}

const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => (text === 't' ? 1 : 0),
  17: bytes,
  20: integer, // int8
  21: integer,
  23: integer,
  700: Number,
  701: Number,
  1700: (text) => (text.includes('.') ? Number(text) : integer(text)), // numeric: SUM of int8
}

/** `\x` and hexadecimal digits; a view, not a copy. */
function bytes(text: string): Uint8Array {
  const { buffer, byteOffset, length } = Buffer.from(text.slice(2), 'hex')
  return new Uint8Array(buffer, byteOffset, length)
}

function integer(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is too large for a number`)
  return value
}
