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

/** Ids as a table of one column, `id`, bound as one value: a list of bound values would be another statement for each length. */
export function idTable(reader: Reader, ids: readonly number[]): Fragment {
  const json = JSON.stringify(ids)
  if (reader.dialect === 'sqlite') return sql`(SELECT value AS id FROM json_each(${json}))`
  return sql`(SELECT CAST(value AS BIGINT) AS id FROM json_array_elements_text(CAST(${json} AS json)) AS listed (value))`
}

export type ColumnKind = 'int' | 'text'
/** A cell of `rowTable`. */
export type Cell = string | number | null

/** Rows as a table of these columns, bound as one value. The names are our own. */
export function rowTable(
  reader: Reader,
  columns: Readonly<Record<string, ColumnKind>>,
  rows: readonly (readonly Cell[])[],
): Fragment {
  const json = JSON.stringify(rows)
  const names = Object.entries(columns)
  if (reader.dialect === 'sqlite') {
    const cells = names.map(([name], at) => `value ->> ${at} AS ${name}`)
    return sql`(SELECT ${literal(cells.join(', '))} FROM json_each(${json}))`
  }
  const cells = names.map(
    ([name, kind], at) => `CAST(value ->> ${at} AS ${kind === 'int' ? 'BIGINT' : 'TEXT'}) AS ${name}`,
  )
  return sql`(SELECT ${literal(cells.join(', '))} FROM json_array_elements(CAST(${json} AS json)))`
}
