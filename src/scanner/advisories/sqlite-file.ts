import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

export type { SQLInputValue, StatementSync } from 'node:sqlite'
export type Database = DatabaseSync

/**
 * A file that nobody else writes and that is thrown away if this fails: no journal, no waiting for the disk. What is sorted
 * beyond the cache goes to a temporary file.
 */
export function createFile(path: string): Database {
  const database = new DatabaseSync(path)
  database.exec(
    'PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE',
  )
  database.exec('PRAGMA cache_size = -65536')
  return database
}

/** A file that never changes: no locks, nothing written beside it. */
export function openUnchanging(path: string): Database {
  const database = new DatabaseSync(uriOf(path), { readOnly: true })
  try {
    database.exec('PRAGMA query_only = ON; PRAGMA cache_size = -8192; PRAGMA mmap_size = 1073741824')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Makes the file's tables known as `name.table`. */
export function attachUnchanging(database: Database, name: string, path: string): void {
  database.prepare(`ATTACH ? AS ${name}`).run(uriOf(path).href)
}

function uriOf(path: string): URL {
  const uri = pathToFileURL(path)
  uri.search = '?mode=ro&immutable=1'
  return uri
}

/** Holds the folder of `path` for this process; one that dies lets go of it. @throws Error when another process has it. */
export function onlyHere(path: string): Disposable {
  const database = new DatabaseSync(path)
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw new Error('another process of this machine fetches advisories just now', { cause: error })
  }
  return { [Symbol.dispose]: () => database.close() }
}
