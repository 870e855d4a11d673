import pg from 'pg'
import { DomainError } from '../domain/error.ts'
import type { Reading } from './clock.ts'
import { clockFrom, Poll } from './clock.ts'
import type { MetadataStore, Reader, SqlArgument, Transaction, TransactOptions } from './metadata-store.ts'
import type { Migration } from './migrations/list.ts'
import { MIGRATIONS } from './migrations/list.ts'
import { migrate } from './migrations/migrate.ts'
import { OneAtATime } from './one-at-a-time.ts'
import {
  fromDriver,
  hasEnded,
  isConnectionLost,
  isRepeatable,
  isStalePlan,
  noAnswer,
  translate,
} from './postgres-error.ts'
import type { PostgresStatement } from './postgres-statement.ts'
import { PostgresStatementWriter, parserOf } from './postgres-statement.ts'
import { PATIENCE_MS, pause } from './retry.ts'
import { flatten, Statements } from './statement.ts'
import { refuseInsideTransaction, TransactionRun } from './transaction-run.ts'

export interface PostgresOptions {
  /** postgres://user:password@host:port/database?sslmode=… */
  readonly url: string
  /** A test's clock, in place of the database's. */
  readonly now?: () => number
  /** Connections of this process, besides the one that asks for the epoch. */
  readonly poolSize?: number
  /** How long a request waits for a connection, a transaction for others' locks, before it is `unavailable`. */
  readonly patienceMs?: number
  /** How often this process asks for the epoch. */
  readonly pollEveryMs?: number
  /** The schema to bring the database to; a restore begins with that of its backup. */
  readonly migrations?: readonly Migration[]
}

const STATEMENT_MS = 30_000
const IDLE_MS = 10_000
/** The server cancels first; this is for a server that is gone without a word. */
const ANSWER_MS = STATEMENT_MS + 5_000
/** Longer than an answer is of use: a process that was held up must not take its own absence for the server's. */
const POLL_ANSWER_MS = 3_000
const MIGRATION_ANSWER_MS = 3_600_000
/** One statement of a snapshot, or the pause between two while what was read is stored elsewhere. */
const SNAPSHOT_ANSWER_MS = 600_000

export async function openPostgres(options: PostgresOptions): Promise<MetadataStore> {
  const store = new PostgresStore(options)
  try {
    await store.open(options.migrations ?? MIGRATIONS)
    return store
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw translate(error)
  }
}

function openPool(url: string, limits: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'entrepot',
    // Only `transact` writes; a reader that tries is refused, as in SQLite.
    options: '-c default_transaction_read_only=on -c bytea_output=hex',
    client_encoding: 'UTF8',
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_MS, // a stopped process must not keep its row locks
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    allowExitOnIdle: true,
    types: { getTypeParser: parserOf },
    ...limits,
  })
  // An idle connection that breaks leaves the pool by itself; one in use tells whoever waits for its answer.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

interface Answer {
  readonly rows: unknown[]
  readonly rowCount: number | null
}

type Query = PostgresStatement & { readonly values: unknown[] }
type Ask = (text: readonly string[], values: readonly SqlArgument[]) => Promise<Answer>

async function send<T = Answer>(client: pg.ClientBase, query: Query | { text: string }, answerMs: number): Promise<T> {
  const timed = { ...query, query_timeout: answerMs }
  try {
    return (await client.query(timed)) as T
  } catch (error) {
    throw fromDriver(error)
  }
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw fromDriver(error)
  }
}

/**
 * Idle connections may have ended without our knowing yet (the server was restarted): the next one is tried then. `fn`
 * changes nothing, and gives the connection back when it fails.
 */
async function onLiveConnection<T>(pool: pg.Pool, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let others = pool.totalCount; ; others -= 1) {
    const client = await connect(pool)
    try {
      return await fn(client)
    } catch (error) {
      if (others <= 0 || !hasEnded(error)) throw error
    }
  }
}

/** A single statement on any connection. */
async function askOnce(pool: pg.Pool, query: Query, answerMs: number): Promise<Answer> {
  return await onLiveConnection(pool, (client) => askOn(client, query, answerMs))
}

async function askOn(client: pg.PoolClient, query: Query, answerMs: number): Promise<Answer> {
  let isUsable = true
  try {
    return await send(client, query, answerMs)
  } catch (error) {
    isUsable = !isConnectionLost(error) && !isStalePlan(error)
    throw error
  } finally {
    client.release(!isUsable)
  }
}

class PostgresReader implements Reader {
  readonly dialect = 'postgres'
  readonly now: () => number
  protected readonly ask: Ask

  constructor(ask: Ask, now: () => number) {
    this.ask = ask
    this.now = now
  }

  async get<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row | null> {
    return ((await this.ask(text, values)).rows[0] ?? null) as Row | null
  }

  async all<Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row[]> {
    return (await this.ask(text, values)).rows as Row[]
  }
}

class PostgresTransaction extends PostgresReader implements Transaction {
  async run(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<number> {
    return (await this.ask(text, values)).rowCount ?? 0
  }
}

interface Terms {
  readonly durable: boolean
  readonly answerMs: number
}

interface Span {
  readonly client: pg.PoolClient
  readonly run: TransactionRun
  readonly queue: OneAtATime
  readonly answerMs: number
}

class PostgresStore implements MetadataStore {
  readonly #patienceMs: number
  readonly #pool: pg.Pool
  /** One connection apart: a pool that is used up must not look like a database that is gone. */
  readonly #pollPool: pg.Pool
  readonly #statements = new Statements<PostgresStatement>(new PostgresStatementWriter())
  readonly #poll: Poll
  readonly #testClock: (() => number) | undefined
  #isClosed = false

  constructor({ url, now, poolSize = 10, patienceMs = PATIENCE_MS, pollEveryMs }: PostgresOptions) {
    this.#patienceMs = patienceMs
    this.#testClock = now
    this.#pool = openPool(url, { max: poolSize, connectionTimeoutMillis: patienceMs, lock_timeout: patienceMs })
    this.#pollPool = openPool(url, { max: 1, connectionTimeoutMillis: POLL_ANSWER_MS })
    this.#poll = new Poll(() => this.#askForEpoch(), pollEveryMs)
  }

  async open(migrations: readonly Migration[]): Promise<void> {
    refuseUnfit(await this.#askAnywhere(SERVER))
    await migrate((fn) => this.#transact(fn, { durable: true, answerMs: MIGRATION_ANSWER_MS }), migrations)
    await this.#poll.start()
  }

  /** A connection is taken for each statement: none is held while `fn` waits for something else. */
  async read<T>(fn: (sql: Reader) => Promise<T>): Promise<T> {
    refuseInsideTransaction()
    const queue = new OneAtATime()
    const ask: Ask = (text, values) => queue.run(() => this.#askAnywhere(this.#query(text, values)))
    return await fn(new PostgresReader(ask, this.#testClock ?? (() => this.#poll.now())))
  }

  async transact<T>(fn: (sql: Transaction) => Promise<T>, { durable = true }: TransactOptions = {}): Promise<T> {
    return await this.#transact(fn, { durable, answerMs: ANSWER_MS })
  }

  async snapshot<T>(fn: (sql: Reader) => Promise<T>): Promise<T> {
    refuseInsideTransaction()
    const client = await connect(this.#pool)
    const queue = new OneAtATime()
    const writer = new PostgresStatementWriter() // its statements are for once: none takes the place of one that stays
    try {
      await send(client, { text: STAND_STILL }, ANSWER_MS)
      const ask: Ask = (text, values) => {
        const flat = flatten(values)
        const { text: written } = new Statements<PostgresStatement>(writer).find(text, values, flat)
        const query = { text: written, values: flat.filter((value) => value !== null) }
        return queue.run(() => send(client, query, SNAPSHOT_ANSWER_MS))
      }
      return await fn(new PostgresReader(ask, this.#testClock ?? (() => this.#poll.now())))
    } catch (error) {
      throw translate(error)
    } finally {
      client.release(!(await rollback({ client, queue, answerMs: ANSWER_MS })))
    }
  }

  authEpoch(): number | Promise<number> {
    return this.#poll.epoch()
  }

  seenState(): null {
    return null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#poll[Symbol.dispose]()
    await Promise.all([this.#pollPool.end(), this.#pool.end()])
  }

  async #transact<T>(fn: (sql: Transaction) => Promise<T>, terms: Terms): Promise<T> {
    refuseInsideTransaction()
    const deadline = performance.now() + this.#patienceMs
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(fn, terms)
      } catch (error) {
        if (!isRepeatable(error) || performance.now() > deadline) throw translate(error)
      }
      await pause(attempt)
    }
  }

  async #attempt<T>(fn: (sql: Transaction) => Promise<T>, terms: Terms): Promise<T> {
    const { client, now } = await onLiveConnection(this.#pool, (live) => begun(live, terms))
    const span: Span = {
      client,
      run: new TransactionRun(),
      queue: new OneAtATime(),
      answerMs: terms.answerMs,
    }
    let isUsable = false
    try {
      const result = await this.#untilCommit(fn, span, now)
      isUsable = true
      return result
    } catch (error) {
      const cause = span.run.failure?.error ?? error
      isUsable = !isConnectionLost(cause) && !isStalePlan(cause) && (await rollback(span))
      throw isConnectionLost(cause) || isRepeatable(cause) ? cause : error
    } finally {
      span.client.release(!isUsable)
    }
  }

  async #untilCommit<T>(fn: (sql: Transaction) => Promise<T>, span: Span, now: () => number): Promise<T> {
    const { client, run, queue, answerMs } = span
    const ask: Ask = (text, values) => this.#askWithin(span, text, values)
    const sql = new PostgresTransaction(ask, this.#testClock ?? now)
    const result = await run.over(() => fn(sql))
    await queue.settled() // statements that the callback did not wait for
    if (run.failure !== undefined) throw run.failure.error
    await send(client, { text: 'COMMIT' }, answerMs) // no answer: nobody knows whether; every write of ours may be repeated
    return result
  }

  async #askWithin({ client, run, queue, answerMs }: Span, ...statement: Parameters<Ask>): Promise<Answer> {
    run.enter()
    run.sent()
    try {
      const query = this.#query(...statement)
      return await queue.run(() => send(client, query, answerMs))
    } catch (error) {
      run.fail(error)
      throw error
    } finally {
      run.answered()
    }
  }

  async #askAnywhere({ text, values, ...name }: Query): Promise<Answer> {
    try {
      return await askOnce(this.#pool, { text, values, ...name }, ANSWER_MS).catch((error: unknown) => {
        if (!isStalePlan(error)) throw error
        return askOnce(this.#pool, { text, values }, ANSWER_MS) // without its name it is parsed anew, whichever the connection
      })
    } catch (error) {
      throw translate(error)
    }
  }

  #query(text: readonly string[], values: readonly SqlArgument[]): Query {
    const flat = flatten(values)
    return { ...this.#statements.find(text, values, flat), values: flat.filter((value) => value !== null) }
  }

  async #askForEpoch(): Promise<Reading> {
    const { rows } = await askOnce(this.#pollPool, EPOCH, POLL_ANSWER_MS)
    const [reading] = rows as Reading[]
    if (reading === undefined) throw noAnswer('This PostgreSQL is a standby, or the auth epoch is gone')
    return reading
  }
}

const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'
const EPOCH: Query = {
  text: `SELECT epoch, ${CLOCK} FROM auth_epoch WHERE id = 1 AND NOT pg_is_in_recovery()`,
  values: [],
}
const STAND_STILL = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL statement_timeout = ${SNAPSHOT_ANSWER_MS}; SET LOCAL idle_in_transaction_session_timeout = ${SNAPSHOT_ANSWER_MS}`
const SERVER: Query = {
  values: [],
  text: `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding`,
}

/** The clock comes with the answer to BEGIN: one round trip. */
async function begin(client: pg.PoolClient, { durable, answerMs }: Terms): Promise<() => number> {
  const lax = durable ? '' : 'SET LOCAL synchronous_commit = off;'
  const text = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;${lax}SELECT ${CLOCK}`
  try {
    const answers = await send<Answer[]>(client, { text }, answerMs)
    const [row] = (answers.at(-1)?.rows ?? []) as { now: number }[]
    return clockFrom(row?.now ?? Number.NaN)
  } catch (error) {
    throw noAnswer('PostgreSQL began no transaction that may write', error) // it may have become a standby
  }
}

async function begun(client: pg.PoolClient, terms: Terms): Promise<{ client: pg.PoolClient; now: () => number }> {
  try {
    return { client, now: await begin(client, terms) }
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Whether the connection may be used again. */
async function rollback({ client, queue, answerMs }: Omit<Span, 'run'>): Promise<boolean> {
  try {
    await queue.settled()
    await send(client, { text: 'ROLLBACK' }, answerMs)
    return true
  } catch {
    return false
  }
}

function refuseUnfit({ rows }: Answer): void {
  const [server] = rows as { version: number; encoding: string }[]
  if (server !== undefined && server.version >= 140_000 && server.encoding === 'UTF8') return
  throw new DomainError(
    'unsupported',
    `Entrepot needs PostgreSQL 14 or newer and a database in UTF8; this is version ${server?.version}, ${server?.encoding}.`,
  )
}
