/**
 * A registry token ends at its own expiry; where the contract limits lifetimes, each of its passwords ends besides so
 * long after it was made. So setting a limit shortens what is there already, and rotating starts a new term.
 * Milliseconds UTC; null: never.
 */
export function effectiveExpiry(
  tokenExpiresAt: number | null,
  secretMadeAt: number,
  maxLifetimeMs: number | null,
): number | null {
  if (maxLifetimeMs === null) return tokenExpiresAt
  const limit = secretMadeAt + maxLifetimeMs
  return tokenExpiresAt === null ? limit : Math.min(tokenExpiresAt, limit)
}
