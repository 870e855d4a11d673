import { SqliteFile } from './sqlite-file.ts'
import { fieldsOf, integerOf } from './sqlite-record.ts'

/**
 * A reader of one table of a SQLite file, from its pages: SQL has no say, and no native code meets the bytes. Source: SQLite's "Database
 * File Format". Whether the file is in WAL mode does not matter: rpm leaves no log behind.
 */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')

export function isSqlite(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/**
 * The second column of each row of `table` (hnum INTEGER PRIMARY KEY, blob BLOB). @throws if a page is damaged, used twice or by nothing, or
 * if only other tables have rows: one that leads to another's pages looks like an empty one.
 */
export function* sqliteValues(bytes: Buffer, table: string): Generator<Buffer> {
  const file = new SqliteFile(bytes)
  const { root, others } = rootsOf(file, table)
  let isEmpty = true
  for (const row of file.rows(root)) {
    const [, blob] = fieldsOf(row, 2)
    if (!blob?.length) throw new Error(`a row of ${table} is empty`)
    isEmpty = false
    yield blob
  }
  for (const other of others) {
    const rows = file.use(other.root)
    if (isEmpty && rows > 0 && !other.isOfSqlite) throw new Error(`${table} has no rows, but other tables have`)
  }
  file.checkAllUsed()
}

interface Other {
  readonly root: number
  /** Such as the counters of tables, which outlive their rows. */
  readonly isOfSqlite: boolean
}

function rootsOf(file: SqliteFile, table: string): { readonly root: number; readonly others: readonly Other[] } {
  let root: number | null = null
  const others: Other[] = []
  for (const row of file.rows(1)) {
    const [type, name, , rootPage] = fieldsOf(row, 5)
    if (!rootPage?.length) continue // a view has none
    const isIt = String(type) === 'table' && String(name) === table
    if (isIt && root !== null) throw new Error(`it has two tables ${table}`)
    if (isIt) root = integerOf(rootPage)
    else others.push({ root: integerOf(rootPage), isOfSqlite: String(name).startsWith('sqlite_') })
  }
  if (root === null) throw new Error(`it has no table ${table}`)
  return { root, others }
}
