import type { Standing } from './identity.ts'

/** How long before its end a token's holder is told. */
export const LAST_DAYS_MS = 7 * 86_400_000

const NONE: readonly string[] = []

/** What the holder of credentials should know about them. Asked at every request: it only compares the time. */
export interface Notices {
  /** Sentences; the same array as long as they are the same. */
  texts(): readonly string[]
}
export const NO_NOTICES: Notices = { texts: () => NONE }

/** That a registry token's password ends soon, and that it is the older of two. They say dates, so they stay true. */
export class TokenNotices implements Notices {
  readonly #now: () => number
  readonly #lastDaysFrom: number
  readonly #before: readonly string[]
  readonly #inLastDays: readonly string[]

  constructor(
    about: {
      readonly token: string
      readonly registry: string
      readonly expiresAt: number | null
      readonly newerMadeAt: number | null
    },
    now: () => number,
  ) {
    const { token, registry, expiresAt, newerMadeAt } = about
    this.#now = now
    this.#lastDaysFrom = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - LAST_DAYS_MS
    this.#before = newerMadeAt === null ? NONE : [isOlder(token, registry, newerMadeAt)]
    this.#inLastDays = expiresAt === null ? NONE : [endsSoon(token, registry, expiresAt), ...this.#before]
  }

  texts(): readonly string[] {
    if (this.#lastDaysFrom === Number.POSITIVE_INFINITY) return this.#before
    return this.#now() < this.#lastDaysFrom ? this.#before : this.#inLastDays
  }
}

export function warningsOf({ kind, registries }: Standing): readonly string[] {
  if (kind === 'registry_token') for (const own of registries.values()) return own.warnings()
  return NONE
}

function endsSoon(token: string, registry: string, expiresAt: number): string {
  return `the password of token ${token} in registry ${registry} ends at ${instant(expiresAt)}: rotate the token or extend it before then`
}

function isOlder(token: string, registry: string, newerMadeAt: number): string {
  return `token ${token} in registry ${registry} has a newer password, made at ${instant(newerMadeAt)}: change to it, this one will be revoked`
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
