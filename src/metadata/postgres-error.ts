import { storageFull, unavailable } from './retry.ts'

/** PostgreSQL's error codes, Appendix A of its manual. */
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK = '40P01'
const FEATURE_NOT_SUPPORTED = '0A000'
const NO_SUCH_STATEMENT = '26000'
const STORAGE = /^(53100|58030)/ // disk_full, io_error
const CONNECTION = /^(08|57P0[1-5]|25P0[34])/ // lost, shutdown, ended for idling in a transaction
const ENDED = /^57P0[15]/ // by an administrator's shutdown or command, or for idling
const PASSING = /^(53|57014|55P03)/ // resources, time-outs of a statement or a lock

/** No answer from the server: the connection failed, or none was free in time. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** The driver has no class for socket, time-out and pool errors: they are those that are nothing else. */
export function fromDriver(error: unknown): unknown {
  if (sqlState(error) !== undefined || error instanceof TypeError || error instanceof RangeError) return error
  return noAnswer('PostgreSQL did not answer', error)
}

export function noAnswer(message: string, cause?: unknown): Error {
  return new NoAnswer(message, { cause })
}

/** The connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof NoAnswer || CONNECTION.test(sqlState(error) ?? '')
}

/**
 * The server, or the network, had ended this connection: what was sent has not been committed. Never of a server that is
 * silent. The driver's own errors differ by their texts only.
 */
export function hasEnded(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { readonly code?: unknown }
  if (ENDED.test(sqlState(error) ?? '') || code === 'ECONNRESET' || code === 'EPIPE') return true
  return /^Connection terminated|not queryable/.test(error.message) || hasEnded(error.cause)
}

/** A prepared statement that a migration running elsewhere made useless (rolling upgrade): a new connection has it anew. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error)
  if (state === NO_SUCH_STATEMENT) return true
  return state === FEATURE_NOT_SUPPORTED && error instanceof Error && error.message.includes('cached plan')
}

/** Whether the whole transaction may succeed if it runs again. */
export function isRepeatable(error: unknown): boolean {
  const state = sqlState(error)
  return state === SERIALIZATION_FAILURE || state === DEADLOCK || isStalePlan(error)
}

/** What an operator or a later attempt can mend; all else flies as it is. */
export function translate(error: unknown): unknown {
  const state = sqlState(error) ?? ''
  if (STORAGE.test(state)) return storageFull(error)
  if (!isConnectionLost(error) && !isRepeatable(error) && !PASSING.test(state)) return error
  return unavailable('The metadata database cannot answer just now. Try again in a moment.', error)
}

/** `code` of an error that the server sent. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
