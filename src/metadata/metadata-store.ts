/**
 * What a statement may carry. `boolean` and `undefined` are not values: write 0, 1 or null. A number is a safe integer
 * (there is no other column), text holds no U+0000.
 */
export type SqlValue = string | number | bigint | Uint8Array | null

/** Text and values inside another statement; made by `sql` in sql.ts. */
export interface Fragment {
  readonly text: readonly string[]
  readonly values: readonly (SqlValue | Fragment)[]
}

export type SqlArgument = SqlValue | Fragment

/**
 * Reads. Tagged templates: `sql.all<Row>\`SELECT … WHERE id = ${id}\``; each `${}` is a bound value or a `Fragment`.
 * Integers come back as numbers (an error over 2^53), truths as 0 and 1, bytes as Uint8Array, absent as null.
 * A value has the type it has in JavaScript: text is not compared with a number.
 */
export interface Reader {
  readonly dialect: 'sqlite' | 'postgres'
  all<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row[]>
  /** The first row, or null. */
  get<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row | null>
  /** Milliseconds UTC by the database's clock (plus a test's offset). The only clock that decides. */
  now(): number
}

/** What may write is visible in the type. */
export interface Transaction extends Reader {
  /** Rows changed. */
  run(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<number>
}

export interface TransactOptions {
  /**
   * false: this commit may be lost by a power failure (never by a killed process), because a later durable commit or a
   * retry covers it: a new upload session, an object's `writing` row. SQLite: synchronous=NORMAL. Default true.
   */
  readonly durable?: boolean
}

/**
 * Everything we know about the bytes. The queries are free functions in tables/*.ts.
 * All methods throw `unavailable` (with Retry-After) when the database cannot be reached or stays busy.
 */
export interface MetadataStore extends AsyncDisposable {
  /** Single statements, each seeing the latest committed state; no snapshot across statements: who needs that, transacts. */
  read<T>(fn: (sql: Reader) => Promise<T>): Promise<T>
  /**
   * One transaction; commits when `fn` resolves, rolls back when it throws. `fn` awaits nothing but its own statements
   * (asserted) and may run again after a serialization failure, a deadlock or a shared commit that failed, so it has no other effects. After a failed
   * statement the transaction is lost, also if `fn` catches the error (PostgreSQL's rule): to meet a row that is there
   * already, write ON CONFLICT, or catch `isUniqueViolation` (violations.ts) around `transact`.
   */
  transact<T>(fn: (sql: Transaction) => Promise<T>, options?: TransactOptions): Promise<T>
  /**
   * For copying everything: all that `fn` reads is one state, that of its first statement, however long it takes. It has a
   * connection to itself and may await other things; meanwhile others write, and this store transacts, as ever. SQLite's
   * log is not written back beyond that state until `fn` ends: minutes, not hours.
   */
  snapshot<T>(fn: (sql: Reader) => Promise<T>): Promise<T>
  /**
   * The auth epoch as of at most one second ago (SQLite: of now). Cached authorizations carry it and are void when it
   * moved. A promise when what is known is older, and is asked for anew. @throws `unavailable` when it cannot be read
   * (design.md 8).
   */
  authEpoch(): number | Promise<number>
  /**
   * Stands for the state of the database as the latest `authEpoch()` of this process saw it: as long as the value stays
   * the same nothing was committed by anybody. What was read since that call may be answered again under the same value: a request
   * asks for the epoch first, so it still gets a state from within its own time. Null: this database cannot tell.
   */
  seenState(): number | null
}
