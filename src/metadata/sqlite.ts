import { closeSync, openSync, statSync } from 'node:fs'
import type { StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'
import { LogSync } from './log-sync.ts'
import type { MetadataStore, Reader, SqlArgument, Transaction, TransactOptions } from './metadata-store.ts'
import type { Migration } from './migrations/list.ts'
import { MIGRATIONS } from './migrations/list.ts'
import { migrate } from './migrations/migrate.ts'
import { PATIENCE_MS, storageFull } from './retry.ts'
import type { BatchConnection, Terms } from './sqlite-batch.ts'
import { Batches } from './sqlite-batch.ts'
import { bindable, integersAmong } from './sqlite-binding.ts'
import { againIfBusy, translate, whileBusy } from './sqlite-error.ts'
import { flatten, Statements } from './statement.ts'
import type { TransactionRun } from './transaction-run.ts'
import { refuseInsideTransaction } from './transaction-run.ts'
import { WalIndex } from './wal-index.ts'

export interface SqliteOptions {
  readonly path: string
  /** Milliseconds UTC; a test's clock. */
  readonly now?: () => number
  /** How long a transaction waits for other processes' before it is `unavailable`. */
  readonly patienceMs?: number
  /** The schema to bring the database to; a restore begins with that of its backup. */
  readonly migrations?: readonly Migration[]
  /**
   * Who writes the log back into the database. `here`, the default: SQLite, inside a COMMIT, which then takes
   * milliseconds in which the process answers nobody. `elsewhere`: a `Checkpointer` in another process.
   */
  readonly checkpoint?: 'here' | 'elsewhere'
}

/** Another process may be migrating a big database. */
const MIGRATION: Terms = { durable: true, patienceMs: 600_000 }

export async function openSqlite({
  path,
  now = Date.now,
  patienceMs = PATIENCE_MS,
  checkpoint = 'here',
  migrations = MIGRATIONS,
}: SqliteOptions): Promise<MetadataStore> {
  if (path === '' || path.startsWith(':'))
    throw new TypeError('Several connections share the database: it must be a file')
  makePrivate(path)
  using opened = new DisposableStack()
  const writer = opened.use(await openConnection(path, checkpoint === 'here' ? WRITER : `${WRITER}; ${ELSEWHERE}`))
  const reader = opened.use(await openConnection(path, READER))
  const store = new SqliteStore({ path, writer, reader, log: new LogSync(`${path}-wal`), now, patienceMs })
  await migrate((fn) => store.transactPatiently(fn, MIGRATION), migrations)
  opened.move()
  return store
}

/**
 * SQLite gives its -wal and -shm the database's mode. An existing file is not opened: closing a descriptor of it would
 * drop the locks that another connection of this process holds (POSIX advisory locks).
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Pages that are not in the log are read without a system call: each commit of another process empties the page cache.
 * The price: a disk that fails while such a page is read kills the process (SIGBUS), which must be harmless anyway.
 */
const MAPPED = 'PRAGMA mmap_size = 67108864'
// synchronous = NORMAL: durable commits are made so by LogSync, outside the event loop. temp_store: what a savepoint would
// restore holds rows, which belong into no temporary file.
const WRITER = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON;
  PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA temp_store = MEMORY; ${MAPPED}`
/** 100 MB: only when the checkpointer is gone or cannot keep up. */
const ELSEWHERE = 'PRAGMA wal_autocheckpoint = 25000'
const READER = `PRAGMA query_only = ON; PRAGMA cache_size = -16384; ${MAPPED}`

/** `timeout: 0`: SQLite's own waiting blocks the event loop, measured up to a second. We wait outside. */
async function openConnection(path: string, pragmas: string): Promise<Connection> {
  const deadline = performance.now() + PATIENCE_MS
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    await whileBusy(() => db.exec(pragmas), deadline)
    return new Connection(db)
  } catch (error) {
    db.close()
    throw error
  }
}

interface Prepared {
  readonly statement: StatementSync
  /** Values that must be bound as integers: node:sqlite binds every number as REAL. */
  readonly integers: readonly number[]
}

class Connection implements Disposable {
  readonly db: DatabaseSync
  readonly #statements: Statements<Prepared>

  constructor(db: DatabaseSync) {
    this.db = db
    this.#statements = new Statements<Prepared>({
      prepare: (pieces) => ({ statement: db.prepare(pieces.join('?')), integers: integersAmong(pieces) }),
    })
  }

  get<Row>(text: readonly string[], values: readonly SqlArgument[]): Row | null {
    const flat = flatten(values)
    const { statement, integers } = this.#statements.find(text, values, flat)
    return (statement.get(...bindable(flat, integers)) ?? null) as Row | null
  }

  all<Row>(text: readonly string[], values: readonly SqlArgument[]): Row[] {
    const flat = flatten(values)
    const { statement, integers } = this.#statements.find(text, values, flat)
    return statement.all(...bindable(flat, integers)) as Row[]
  }

  run(text: readonly string[], values: readonly SqlArgument[]): number {
    const flat = flatten(values)
    const { statement, integers } = this.#statements.find(text, values, flat)
    return Number(statement.run(...bindable(flat, integers)).changes)
  }

  [Symbol.dispose](): void {
    this.db.close()
  }
}

class SqliteReader implements Reader {
  readonly dialect = 'sqlite'
  readonly now: () => number
  readonly #connection: Connection

  constructor(connection: Connection, now: () => number) {
    this.#connection = connection
    this.now = now
  }

  get<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row | null> {
    try {
      return Promise.resolve(this.#connection.get<Row>(text, values))
    } catch (error) {
      return againIfBusy(error, () => this.#connection.get<Row>(text, values))
    }
  }

  all<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row[]> {
    try {
      return Promise.resolve(this.#connection.all<Row>(text, values))
    } catch (error) {
      return againIfBusy(error, () => this.#connection.all<Row>(text, values))
    }
  }
}

class SqliteTransaction implements Transaction {
  readonly dialect = 'sqlite'
  readonly now: () => number
  readonly #connection: Connection
  readonly #run: TransactionRun

  constructor(connection: Connection, now: () => number, run: TransactionRun) {
    this.#connection = connection
    this.#run = run
    this.now = now
  }

  get<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row | null> {
    return this.#do(() => this.#connection.get<Row>(text, values))
  }
  all<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row[]> {
    return this.#do(() => this.#connection.all<Row>(text, values))
  }
  run(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<number> {
    return this.#do(() => this.#connection.run(text, values))
  }

  #do<T>(statement: () => T): Promise<T> {
    try {
      this.#run.enter()
    } catch (error) {
      return Promise.reject(error)
    }
    try {
      return Promise.resolve(statement())
    } catch (error) {
      this.#run.fail(error)
      return Promise.reject(error)
    }
  }
}

type FiveStatements = [StatementSync, StatementSync, StatementSync, StatementSync, StatementSync]

function writing(connection: Connection, now: () => number): BatchConnection {
  const { db } = connection
  const words = ['BEGIN IMMEDIATE', 'COMMIT', 'SAVEPOINT one', 'RELEASE one', 'ROLLBACK TO one'] as const
  const [begin, commit, mark, release, undo] = words.map((text) => db.prepare(text)) as FiveStatements
  return {
    get isInTransaction() {
      return db.isTransaction
    },
    begin: () => {
      if (db.isTransaction) db.exec('ROLLBACK') // one that could not be rolled back before
      begin.run()
    },
    commit: () => void commit.run(),
    rollback: () => {
      try {
        if (db.isTransaction) db.exec('ROLLBACK') // a full disk has SQLite roll back by itself
      } catch {} // the next one tries again
    },
    setMark: () => void mark.run(),
    keepSinceMark: () => void release.run(),
    undoSinceMark: () => {
      undo.run()
      release.run()
    },
    transaction: (run) => new SqliteTransaction(connection, now, run),
  }
}

const READ_EPOCH = ['SELECT epoch FROM auth_epoch WHERE id = 1']

interface Parts {
  readonly path: string
  readonly writer: Connection
  readonly reader: Connection
  readonly log: LogSync
  readonly now: () => number
  readonly patienceMs: number
}

class SqliteStore implements MetadataStore {
  readonly #parts: Parts
  readonly #reader: SqliteReader
  readonly #dataVersion: StatementSync
  #index: WalIndex | null = null
  #seenVersion: number | null = null
  #epoch = 0
  #isClosed = false
  readonly #batches: Batches

  constructor(parts: Parts) {
    this.#parts = parts
    this.#batches = new Batches(writing(parts.writer, parts.now), () => this.#makeDurable())
    this.#reader = new SqliteReader(parts.reader, parts.now)
    this.#dataVersion = parts.reader.db.prepare('PRAGMA data_version')
    this.#dataVersion.setReturnArrays(true)
  }

  read<T>(fn: (sql: Reader) => Promise<T>): Promise<T> {
    try {
      if (this.#batches.isWriting) refuseInsideTransaction()
      return fn(this.#reader)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async transact<T>(fn: (sql: Transaction) => Promise<T>, { durable = true }: TransactOptions = {}): Promise<T> {
    return await this.transactPatiently(fn, { durable, patienceMs: this.#parts.patienceMs })
  }

  async transactPatiently<T>(fn: (sql: Transaction) => Promise<T>, terms: Terms): Promise<T> {
    refuseInsideTransaction()
    if (this.#isClosed) throw new TypeError('The metadata store is closed')
    return await this.#batches.add(fn, terms)
  }

  #makeDurable(): Promise<void> {
    const stored = this.#parts.log.sync().catch((error: unknown) => {
      throw storageFull(error)
    })
    stored.catch(() => {}) // nobody listens yet
    return stored
  }

  async snapshot<T>(fn: (sql: Reader) => Promise<T>): Promise<T> {
    refuseInsideTransaction()
    using connection = await openConnection(this.#parts.path, READER)
    connection.db.exec('BEGIN') // its first SELECT chooses the state; closing the connection ends it
    return await fn(new SqliteReader(connection, this.#parts.now))
  }

  authEpoch(): number {
    this.#index ??= new WalIndex(`${this.#parts.path}-shm`)
    if (this.#index.stands()) return this.#epoch
    try {
      this.#lookAtEpoch()
    } catch (error) {
      throw translate(error)
    }
    this.#index.trust()
    return this.#epoch
  }

  #lookAtEpoch(): void {
    const [version] = this.#dataVersion.get() as unknown as [number]
    if (version === this.#seenVersion) return
    const row = this.#parts.reader.get<{ epoch: number }>(READ_EPOCH, [])
    if (row === null) throw new TypeError('The auth epoch is gone')
    this.#epoch = row.epoch
    this.#seenVersion = version // read before the epoch: what was committed in between moves it again
  }

  seenState(): number | null {
    return this.#seenVersion
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#index = null
    await this.#batches.settled()
    await this.#parts.log.close()
    for (const connection of [this.#parts.reader, this.#parts.writer]) connection[Symbol.dispose]()
  }
}

export interface CheckpointerOptions {
  readonly path: string
  /** From this size of the log on it is written back, as far as readers allow. */
  readonly passiveBytes?: number
  /** From this size on writers wait until the log is empty: with some always there, no passive one ever starts it anew. */
  readonly truncateBytes?: number
}

/** Keeps the log of a database short whose other connections do not (`checkpoint: 'elsewhere'`). */
export interface Checkpointer extends Disposable {
  /** Once a second or so; may block for a second. @returns whether it emptied the log. @throws what SQLite throws */
  checkpoint(): boolean
}

/** Bytes of the log that are not written back; pages are counted. */
function leftBy(passive: StatementSync): number {
  const { log, checkpointed } = passive.get() as { log: number; checkpointed: number }
  return (log - checkpointed) * PAGE_BYTES
}

/** SQLite's own, which nobody changes here. */
const PAGE_BYTES = 4096

/** For a process that answers nobody and has no other connection to the database. It must exist. */
export function openCheckpointer({
  path,
  passiveBytes = 4 * 1024 * 1024,
  truncateBytes = 64 * 1024 * 1024,
}: CheckpointerOptions): Checkpointer {
  const db = new DatabaseSync(path, { timeout: 1_000 }) // here SQLite may wait: a passive checkpoint never does
  try {
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON')
    const passive = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
    const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
    return {
      checkpoint: () => {
        const bytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
        let left = bytes > passiveBytes ? leftBy(passive) : 0
        // What was written meanwhile is less each time. Otherwise the log grew for as long as somebody writes: measured, to 18 GB.
        for (let before = Infinity; bytes > truncateBytes && left > passiveBytes && left < before; ) {
          before = left
          left = leftBy(passive)
        }
        // A snapshot is read that stands far back: writers would wait for its end in vain.
        if (bytes <= truncateBytes || left > passiveBytes) return false
        truncate.get() // little is left to do while writers wait
        return true
      },
      [Symbol.dispose]: () => {
        try {
          truncate.get()
        } finally {
          db.close()
        }
      },
    }
  } catch (error) {
    db.close()
    throw error
  }
}
