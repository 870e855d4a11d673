import { createHmac, randomBytes } from 'node:crypto'
import { networkOf } from '../domain/allow-list.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { IdentityRow } from '../metadata/tables/identities.ts'
import { identityByEmail, rehashPassword } from '../metadata/tables/identities.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { Brake } from './brake.ts'
import { Gate } from './gate.ts'
import type { Claimant } from './identity.ts'
import { hashPassword, isOutdated, MAX_PASSWORD_LENGTH, unverifiableHash, verifyPassword } from './passwords.ts'

/** How long a good password need not be derived again; changing it ends this at once, by its version. */
const REMEMBERED_MS = 5 * 60_000
const REMEMBERED_LOGINS = 5_000
/** 19 MiB and 30 ms each. They share four threads with the file system: some must stay free for pulls. */
export const PASSWORD_CHECKS = { running: 2, waiting: 48 }

export type UserClaimant = Claimant & { readonly kind: 'user' }

interface Remembered {
  readonly claimant: UserClaimant
  readonly until: number
}

/** Checks people's passwords: e-mail addresses that do not exist cost what existing ones do. */
export class PasswordLogins {
  readonly #metadata: MetadataStore
  readonly #brake: Brake
  readonly #now: () => number
  readonly #gate: Gate
  readonly #remembered = new BoundedCache<Remembered>(REMEMBERED_LOGINS)
  readonly #running = new Map<string, Promise<UserClaimant | null>>()
  /** The cache holds no password, only what this process alone can compute from one. */
  readonly #key = randomBytes(32)
  readonly #nobody = unverifiableHash()

  constructor(deps: {
    readonly metadata: MetadataStore
    readonly brake: Brake
    readonly now: () => number
    readonly limits?: { readonly running: number; readonly waiting: number }
  }) {
    this.#metadata = deps.metadata
    this.#brake = deps.brake
    this.#now = deps.now
    this.#gate = new Gate(deps.limits ?? PASSWORD_CHECKS)
  }

  /** Null when name or password is wrong. @throws `too_many_requests` (the brake; all places taken), `unavailable`. */
  async check(email: string, password: string, address: string): Promise<UserClaimant | null> {
    const name = email.toLowerCase()
    if (!isLoginName(name) || password === '' || password.length > MAX_PASSWORD_LENGTH) return null
    const key = this.#rememberedAs(name, password)
    const known = this.#remembered.get(key)
    if (known && known.until > this.#now()) return known.claimant
    const claimant = await this.#once(`${key} ${networkOf(address)}`, () => this.#derive(name, password, address))
    if (claimant) this.#remembered.set(key, { claimant, until: this.#now() + REMEMBERED_MS })
    return claimant
  }

  /** The same, but no remembered success will do: for logging in, and before anything that a password must confirm. */
  async checkAnew(email: string, password: string, address: string): Promise<UserClaimant | null> {
    this.forget(email, password)
    return await this.check(email, password, address)
  }

  /** For when a remembered claimant turned out to be void: the password may be another version's by now. */
  forget(email: string, password: string): void {
    this.#remembered.delete(this.#rememberedAs(email.toLowerCase(), password))
  }

  #rememberedAs(name: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${name}\n${password}`).digest('base64')
  }

  /** A docker pull asks several times at once: all share one derivation. */
  #once(key: string, check: () => Promise<UserClaimant | null>): Promise<UserClaimant | null> {
    const running = this.#running.get(key)
    if (running) return running
    const started = check().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  /** The brake is asked again once it is our turn: what waited together must not be tried together. */
  async #derive(name: string, password: string, address: string): Promise<UserClaimant | null> {
    const id = await this.#brake.idOf(address, name)
    await this.#brake.check(id)
    return await this.#gate.run(async () => {
      const failures = await this.#brake.check(id)
      const person = await this.#metadata.read((sql) => identityByEmail(sql, name))
      const isRight = await verifyPassword(password, person?.password_hash ?? this.#nobody)
      if (!isRight || !person || person.disabled_at !== null) {
        await this.#brake.failed(id)
        return null
      }
      if (failures > 0) await this.#brake.succeeded(id)
      await this.#renew(person, password)
      return { kind: 'user', identityId: person.id, passwordVersion: person.password_version }
    })
  }

  /** The one moment when a hash of older parameters can become one of today's. */
  async #renew({ id, password_hash: from }: IdentityRow, password: string): Promise<void> {
    if (from === null || !isOutdated(from)) return
    const to = await hashPassword(password)
    await this.#metadata.transact((sql) => rehashPassword(sql, { id, from, to }))
  }
}

/** What cannot be an e-mail address is nobody's login name; telling so early tells nothing. */
function isLoginName(name: string): boolean {
  return name.length <= 254 && /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(name)
}
