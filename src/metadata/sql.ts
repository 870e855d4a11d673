import type { Fragment, Reader, SqlArgument } from './metadata-store.ts'

/** A piece of a statement: `sql\`AND name = ${name}\``, to be put into another one. */
export function sql(text: TemplateStringsArray, ...values: SqlArgument[]): Fragment {
  return { text, values }
}

/** Literal text from our own code (a column, an order), never from outside. */
export function literal(text: string): Fragment {
  return { text: [text], values: [] }
}

export const NOTHING: Fragment = literal('')

/** Locks that PostgreSQL needs and SQLite's single writer already gives. */
export function forShare(reader: Reader): Fragment {
  return reader.dialect === 'postgres' ? literal('FOR SHARE') : NOTHING
}
export function forUpdate(reader: Reader): Fragment {
  return reader.dialect === 'postgres' ? literal('FOR UPDATE') : NOTHING
}
export function forUpdateSkipLocked(reader: Reader): Fragment {
  return reader.dialect === 'postgres' ? literal('FOR UPDATE SKIP LOCKED') : NOTHING
}
/** `FOR SHARE OF a`: with a join, only these tables' rows. */
export function forShareOf(reader: Reader, ...aliases: string[]): Fragment {
  return reader.dialect === 'postgres' ? literal(`FOR SHARE OF ${aliases.join(', ')}`) : NOTHING
}
export function forUpdateOf(reader: Reader, ...aliases: string[]): Fragment {
  return reader.dialect === 'postgres' ? literal(`FOR UPDATE OF ${aliases.join(', ')}`) : NOTHING
}
