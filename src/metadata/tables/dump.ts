import type { Fragment, Reader, SqlValue, Transaction } from '../metadata-store.ts'
import { literal } from '../sql.ts'

// Every table as rows, whatever the tables are: what copies, restores and moves an installation. Names come from the
// database's own catalog, never from outside.

export interface DumpedTable {
  readonly name: string
  readonly columns: readonly string[]
  /** Of the primary key, in its order: rows are read in it. */
  readonly key: readonly string[]
  /** Columns that hold bytes: their rows may be megabytes. */
  readonly bytes: readonly string[]
}

interface Column {
  readonly name: string
  readonly type: string
  /** Place in the primary key from 1 on; 0: not in it. */
  readonly place: number
}

/** Tables that tell about the schema itself. */
const OWN = new Set(['schema_migrations'])

/** All tables, those that others refer to before them. */
export async function dumpedTables(sql: Reader): Promise<DumpedTable[]> {
  const names = (await tableNames(sql)).filter((name) => !OWN.has(name))
  const ordered: string[] = []
  const waiting = new Map<string, readonly string[]>()
  for (const name of names)
    waiting.set(
      name,
      (await parentsOf(sql, name)).filter((parent) => parent !== name),
    )
  while (waiting.size > 0) {
    const ready = [...waiting].filter(([, parents]) => !parents.some((parent) => waiting.has(parent)))
    if (ready.length === 0) throw new TypeError(`the tables ${[...waiting.keys()].join(', ')} refer to each other`)
    for (const [name] of ready) {
      ordered.push(name)
      waiting.delete(name)
    }
  }
  return await Promise.all(ordered.map((name) => describeTable(sql, name)))
}

async function tableNames(sql: Reader): Promise<string[]> {
  const rows =
    sql.dialect === 'sqlite'
      ? await sql.all<{ name: string }>`
          SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`
      : await sql.all<{ name: string }>`
          SELECT table_name::text AS name FROM information_schema.tables
           WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`
  return rows.map(({ name }) => name)
}

async function parentsOf(sql: Reader, table: string): Promise<string[]> {
  const rows =
    sql.dialect === 'sqlite'
      ? await sql.all<{ parent: string }>`SELECT "table" AS parent FROM pragma_foreign_key_list(${table})`
      : await sql.all<{ parent: string }>`
          SELECT p.relname::text AS parent FROM pg_constraint f
            JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE f.contype = 'f' AND n.nspname = current_schema() AND c.relname::text = ${table}`
  return rows.map(({ parent }) => parent)
}

async function describeTable(sql: Reader, name: string): Promise<DumpedTable> {
  const columns =
    sql.dialect === 'sqlite'
      ? await sql.all<Column>`SELECT name, lower(type) AS type, pk AS place FROM pragma_table_info(${name}) ORDER BY cid`
      : await sql.all<Column>`
          SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type,
                 COALESCE(array_position(i.indkey::smallint[], a.attnum), -1) + 1 AS place
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
           WHERE n.nspname = current_schema() AND c.relname::text = ${name} AND a.attnum > 0 AND NOT a.attisdropped
           ORDER BY a.attnum`
  const key = columns.filter(({ place }) => place > 0).sort((one, other) => one.place - other.place)
  if (key.length === 0) throw new TypeError(`the table ${name} has no primary key`)
  return {
    name,
    columns: columns.map((column) => column.name),
    key: key.map((column) => column.name),
    bytes: columns.filter(({ type }) => type === 'blob' || type === 'bytea').map((column) => column.name),
  }
}

export type DumpedRow = Readonly<Record<string, SqlValue>>

/** Rows in the order of their keys, strictly after that of `after`; of tables that hold bytes only as many as `maxBytes` takes, but one. */
export async function rowsAfter(
  sql: Reader,
  table: DumpedTable,
  after: DumpedRow | null,
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): Promise<DumpedRow[]> {
  const most = table.bytes.length === 0 ? limit : await fittingRows(sql, table, after, { limit, maxBytes })
  return await sql.all<DumpedRow>`
    SELECT ${names(table.columns)} FROM ${literal(table.name)} ${behind(table, after)} ORDER BY ${names(table.key)} LIMIT ${most}`
}

async function fittingRows(
  sql: Reader,
  table: DumpedTable,
  after: DumpedRow | null,
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): Promise<number> {
  const length = literal(table.bytes.map((column) => `COALESCE(LENGTH(${column}), 0)`).join(' + '))
  const sizes = await sql.all<{ bytes: number }>`
    SELECT ${length} AS bytes FROM ${literal(table.name)} ${behind(table, after)} ORDER BY ${names(table.key)} LIMIT ${limit}`
  let sum = 0
  const fitting = sizes.findIndex(({ bytes }) => {
    sum += bytes
    return sum > maxBytes
  })
  return fitting < 0 ? limit : Math.max(1, fitting)
}

function behind({ key }: DumpedTable, after: DumpedRow | null): Fragment {
  if (after === null) return literal('')
  const values = key.map((column) => after[column] ?? null)
  return { text: [`WHERE (${key.join(', ')}) > (`, ...Array<string>(key.length - 1).fill(', '), ')'], values }
}

function names(columns: readonly string[]): Fragment {
  return literal(columns.join(', '))
}

/** Removes every row, for a restore that begins anew. */
export async function emptyTables(sql: Transaction, tables: readonly DumpedTable[]): Promise<void> {
  for (const table of tables.toReversed()) await sql.run`DELETE FROM ${literal(table.name)}`
}

/** Adds rows as they were dumped. Made once for a table: its text is one statement. */
export function inserter(table: string, columns: readonly string[]) {
  const into = literal(`${table} (${columns.join(', ')})`)
  const text = ['(', ...Array<string>(columns.length - 1).fill(', '), ')']
  return async (sql: Transaction, values: readonly SqlValue[]): Promise<void> => {
    await sql.run`INSERT INTO ${into} VALUES ${{ text, values }}`
  }
}

/** The last id that each table gave, also of rows that are gone: none is ever given again. */
export async function lastIds(sql: Reader): Promise<{ name: string; last: number }[]> {
  if (sql.dialect === 'sqlite')
    return await sql.all<{ name: string; last: number }>`SELECT name, seq AS last FROM sqlite_sequence ORDER BY name`
  return await sql.all<{ name: string; last: number }>`
    SELECT c.table_name::text AS name, s.last_value AS last
      FROM information_schema.columns c
      JOIN pg_sequences s
        ON format('%I.%I', s.schemaname, s.sequencename)
         = pg_get_serial_sequence(format('%I.%I', c.table_schema, c.table_name), c.column_name::text)
     WHERE c.table_schema = current_schema() AND c.is_identity = 'YES' AND s.last_value IS NOT NULL ORDER BY c.table_name`
}

/** The next id of `table` will be higher. */
export async function raiseLastId(sql: Transaction, table: string, last: number): Promise<void> {
  if (last < 1) return
  if (sql.dialect === 'postgres') {
    await sql.get`SELECT setval(pg_get_serial_sequence(${table}, 'id'), ${last})`
    return
  }
  const changed = await sql.run`UPDATE sqlite_sequence SET seq = MAX(seq, ${last}) WHERE name = ${table}`
  if (changed === 0) await sql.run`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${last})`
}

export async function appliedMigrations(sql: Reader): Promise<{ id: number; name: string }[]> {
  return (await sql.all<{ id: number; name: string }>`SELECT id, name FROM schema_migrations ORDER BY id`).map(
    (row) => ({
      ...row,
    }),
  )
}
