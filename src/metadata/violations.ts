/**
 * Whether a statement failed because a row with that key is there already: SQLite's SQLITE_CONSTRAINT_UNIQUE and
 * SQLITE_CONSTRAINT_PRIMARYKEY, PostgreSQL's unique_violation. The transaction it happened in is lost: catch it around
 * `transact`, not inside; or write ON CONFLICT.
 */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error) return error.errcode === 2067 || error.errcode === 1555
  return 'code' in error && error.code === '23505'
}
