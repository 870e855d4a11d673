import { createHmac } from 'node:crypto'
import { networkOf } from '../domain/allow-list.ts'
import { DomainError } from '../domain/error.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { countFailure, findBrake, releaseBrake } from '../metadata/tables/login-brakes.ts'

/** Typing errors are free; from this failure on each one doubles the pause. */
const FREE_FAILURES = 10
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 15 * 60_000
/** A quarter of an hour without a failure, and all is forgotten. Never shorter than the longest pause. */
export const BRAKE_MEMORY_MS = 15 * 60_000

/** How long after the last of `failures` nobody may try again. */
export function pauseAfter(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - FREE_FAILURES))
}

/**
 * Slows guessing of passwords from one network at one login name, which need not exist. Somebody else's network is not
 * slowed, so nobody can lock a person out; and the table tells nobody's name or address: ids are keyed hashes.
 */
export class Brake {
  readonly #metadata: MetadataStore
  readonly #key: () => Promise<Uint8Array>

  constructor(metadata: MetadataStore, key: () => Promise<Uint8Array>) {
    this.#metadata = metadata
    this.#key = key
  }

  async idOf(address: string, name: string): Promise<string> {
    return createHmac('sha256', await this.#key())
      .update(`${networkOf(address)}\n${name}`)
      .digest('hex')
  }

  /** How many failures stand against this id. @throws `too_many_requests` while it pauses. */
  async check(id: string): Promise<number> {
    const { row, now } = await this.#metadata.read(async (sql) => ({ row: await findBrake(sql, id), now: sql.now() }))
    if (!row || row.last_failure_at <= now - BRAKE_MEMORY_MS) return 0
    const pause = pauseAfter(row.failures)
    const wait = row.last_failure_at + pause - now
    if (pause === 0 || wait <= 0) return row.failures // another node's clock may be a little ahead
    const seconds = Math.ceil(wait / 1000)
    throw new DomainError(
      'too_many_requests',
      `too many wrong passwords for this name from your network: try again in ${seconds} s`,
      { headers: { 'retry-after': String(seconds) } },
    )
  }

  async failed(id: string): Promise<void> {
    await this.#metadata.transact((sql) => countFailure(sql, id, sql.now() - BRAKE_MEMORY_MS), { durable: false })
  }

  async succeeded(id: string): Promise<void> {
    await this.#metadata.transact((sql) => releaseBrake(sql, id), { durable: false })
  }
}
