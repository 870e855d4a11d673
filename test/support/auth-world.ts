import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Accounts } from '../../src/accounts/accounts.ts'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { OPERATOR } from '../../src/accounts/deps.ts'
import type { Refusals } from '../../src/audit/audit.ts'
import { audit, createRefusals } from '../../src/audit/audit.ts'
import type { AuthRoom } from '../../src/auth/auth.ts'
import { createAuth } from '../../src/auth/auth.ts'
import type { Secrets } from '../../src/auth/signing-keys.ts'
import type { Role } from '../../src/domain/actor.ts'
import type { Scope } from '../../src/domain/permission.ts'
import { newSecret } from '../../src/domain/secret.ts'
import type { MetadataStore, Transaction } from '../../src/metadata/metadata-store.ts'
import { openSqlite } from '../../src/metadata/sqlite.ts'
import { insertApiKey } from '../../src/metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../../src/metadata/tables/auth-epoch.ts'
import { identityByEmail } from '../../src/metadata/tables/identities.ts'
import { insertRegistry, tombstoneRegistry } from '../../src/metadata/tables/registries.ts'
import { insertSession } from '../../src/metadata/tables/sessions.ts'
import {
  deleteToken,
  insertToken,
  insertTokenSecret,
  setTokenStatus,
} from '../../src/metadata/tables/tokens-control.ts'
import { epochKnown } from './epoch.ts'

export const ADDRESS = '203.0.113.7'
const DAY_MS = 86_400_000
const CREATOR = { createdBy: 'ann@example.com', createdById: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' }

/** One process of an installation: its own connections and caches over a shared file. */
export interface Node {
  readonly metadata: MetadataStore
  readonly auth: AuthRoom
  readonly accounts: Accounts
  readonly refusals: Refusals
}

export interface MadeToken {
  readonly id: number
  readonly name: string
  readonly password: string
}

/** Where the rows are: a file per world, unless a suite puts another database here before it imports its tests. */
export interface Engine {
  /** A new, empty database; each `open` is one more process on it. */
  create(directory: string): Promise<AsyncDisposable & { open(now: () => number): Promise<MetadataStore> }>
}
export const engine: { current: Engine } = {
  current: {
    create: async (directory) => ({
      open: (now) => openSqlite({ path: join(directory, 'entrepot.db'), now }),
      [Symbol.asyncDispose]: async () => {},
    }),
  },
}

/** A real database, a clock in hand, and ways to put rows in; everything else is the real thing. */
export class AuthWorld implements AsyncDisposable {
  readonly directory: string
  readonly secrets = createTestSecrets()
  readonly #opened = new AsyncDisposableStack()
  readonly #nodes: Node[] = []
  #keys = 0
  #database: Awaited<ReturnType<Engine['create']>> | undefined
  clock = Date.UTC(2026, 0, 1)
  #first: Node | undefined

  private constructor(directory: string) {
    this.directory = directory
  }

  static async open(): Promise<AuthWorld> {
    const world = new AuthWorld(await mkdtemp(join(tmpdir(), 'entrepot-auth-')))
    world.#opened.defer(() => rm(world.directory, { recursive: true, force: true }))
    world.#database = world.#opened.use(await engine.current.create(world.directory))
    world.#first = await world.node()
    return world
  }

  get first(): Node {
    if (!this.#first) throw new TypeError('not open')
    return this.#first
  }
  get auth(): AuthRoom {
    return this.first.auth
  }
  get accounts(): Accounts {
    return this.first.accounts
  }

  /** Another process on the same file. */
  async node(): Promise<Node> {
    const now = () => this.clock
    if (!this.#database) throw new TypeError('not open')
    const metadata = this.#opened.use(await this.#database.open(now))
    const refusals = createRefusals({ metadata, now })
    const refused = refusals.note
    const auth = createAuth({ metadata, secrets: this.secrets, now, refused, domain: 'cr.example' })
    const { hashPassword, provePassword } = auth
    const given = { metadata, hashPassword, provePassword, audit, newId: randomUUID, quarantineDays: 7 }
    const accounts = createAccounts(given)
    const node = { metadata, auth, accounts: settling(accounts, () => this.settled()), refusals }
    this.#nodes.push(node)
    return node
  }

  /** Once every process has seen the newest epoch. */
  settled(): Promise<void> {
    return epochKnown(this.#nodes.map(({ metadata }) => metadata))
  }

  transact<T>(fn: (sql: Transaction) => Promise<T>): Promise<T> {
    return this.first.metadata.transact(fn)
  }

  /** As the control plane does what takes rights away. */
  async change(fn: (sql: Transaction) => Promise<unknown>): Promise<void> {
    await this.transact(async (sql) => {
      await fn(sql)
      await bumpAuthEpoch(sql)
    })
    await this.settled()
  }

  contract(name = 'a contract'): Promise<number> {
    return this.accounts.createContract({ name }, OPERATOR)
  }

  async user(
    contractId: number,
    email: string,
    given: { password?: string | null; role?: Role; manageRegistry?: boolean; linkExisting?: boolean } = {},
  ): Promise<string> {
    const { password = null, role = 'member', manageRegistry = false, linkExisting = false } = given
    const user = { contractId, email, password, role, manageRegistry, linkExisting }
    return (await this.accounts.addUser(user, OPERATOR)).userId
  }

  registry(contractId: number, name: string, allowList: readonly string[] = []): Promise<number> {
    return this.transact(async (sql) => {
      const row = {
        contractId,
        publicId: randomUUID(),
        name,
        location: 'de/fra',
        gcSchedule: null,
        scanningEnabled: true,
      }
      const id = await insertRegistry(sql, { ...row, ...CREATOR, allowList: JSON.stringify(allowList) })
      if (id === null) throw new TypeError(`registry ${name} exists`)
      return id
    })
  }

  token(
    registryId: number,
    name: string,
    scopes: readonly Scope[],
    expiresAt: number | null = null,
  ): Promise<MadeToken> {
    const secret = newSecret('ent')
    return this.transact(async (sql) => {
      const row = { registryId, publicId: randomUUID(), name, status: 'enabled', expiresAt } as const
      const tokenId = await insertToken(sql, { ...row, ...CREATOR, scopes: JSON.stringify(scopes) })
      if (tokenId === null) throw new TypeError(`token ${name} exists`)
      await insertTokenSecret(sql, { tokenId, keyId: secret.keyId, secretHash: secret.hash })
      return { id: tokenId, name, password: secret.text }
    })
  }

  async apiKey(
    contractId: number,
    email: string,
    given: {
      readOnly?: boolean
      registryIds?: readonly number[] | null
      actions?: readonly string[] | null
      expiresAt?: number | null
    } = {},
  ): Promise<{ id: number; name: string; text: string }> {
    const secret = newSecret('entk')
    this.#keys += 1
    const name = this.#keys === 1 ? 'laptop' : `laptop ${this.#keys}`
    const { readOnly = false, registryIds = null, actions = null, expiresAt = null } = given
    return await this.transact(async (sql) => {
      const identity = await identityByEmail(sql, email)
      if (!identity) throw new TypeError(`nobody is ${email}`)
      const row = { contractId, identityId: identity.id, publicId: randomUUID(), name }
      const rights = { readOnly, registryIds, actions, expiresAt }
      const id = await insertApiKey(sql, { ...row, ...rights, keyId: secret.keyId, secretHash: secret.hash })
      if (id === null) throw new TypeError(`${email} has a key ${name}`)
      return { id, name, text: secret.text }
    })
  }

  async session(contractId: number, email: string, given: { bound?: boolean } = {}): Promise<string> {
    const secret = newSecret('ents')
    await this.transact(async (sql) => {
      const identity = await identityByEmail(sql, email)
      if (!identity) throw new TypeError(`nobody is ${email}`)
      const row = {
        publicId: randomUUID(),
        secretHash: secret.hash,
        identityId: identity.id,
        contractId,
        address: ADDRESS,
      }
      await insertSession(sql, { ...row, bound: given.bound === true, userAgent: null, expiresAt: sql.now() + DAY_MS })
    })
    return secret.text
  }

  disableToken(id: number): Promise<void> {
    return this.change((sql) => setTokenStatus(sql, id, 'disabled', { name: 'ann@example.com', id: 'x' }))
  }
  enableToken(id: number): Promise<void> {
    return this.change((sql) => setTokenStatus(sql, id, 'enabled', { name: 'ann@example.com', id: 'x' }))
  }
  deleteToken(id: number): Promise<void> {
    return this.change((sql) => deleteToken(sql, id))
  }
  setScopes(id: number, scopes: readonly Scope[]): Promise<void> {
    return this.change((sql) => sql.run`UPDATE registry_tokens SET scopes = ${JSON.stringify(scopes)} WHERE id = ${id}`)
  }
  setAllowList(registryId: number, list: readonly string[]): Promise<void> {
    return this.change(
      (sql) => sql.run`UPDATE registries SET allow_list = ${JSON.stringify(list)} WHERE id = ${registryId}`,
    )
  }
  deleteRegistry(id: number): Promise<void> {
    return this.change(async (sql) => {
      const row = await sql.get<{ id: number }>`
        INSERT INTO deletions (kind, contract_id, registry_id, subject, deleted_by, deleted_at, purge_after)
        VALUES ('registry', 1, ${id}, 'x', 'x', 0, 0) RETURNING id`
      await tombstoneRegistry(sql, id, row?.id ?? 0)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function settling(accounts: Accounts, settled: () => Promise<void>): Accounts {
  const acts = Object.entries(accounts) as [string, (...given: unknown[]) => Promise<unknown>][]
  return Object.fromEntries(
    acts.map(([name, act]) => [name, (...given: unknown[]) => act(...given).finally(settled)]),
  ) as unknown as Accounts
}

/** AES-256-GCM with the purpose as associated data: what the keys room promises. */
function createTestSecrets(): Secrets {
  const key = randomBytes(32)
  return {
    async seal(bytes, purpose) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(purpose))
      const body = Buffer.concat([cipher.update(bytes), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body])
    },
    async open(sealed, purpose) {
      const parts = Buffer.from(sealed)
      const decipher = createDecipheriv('aes-256-gcm', key, parts.subarray(0, 12)).setAAD(Buffer.from(purpose))
      decipher.setAuthTag(parts.subarray(12, 28))
      return Buffer.concat([decipher.update(parts.subarray(28)), decipher.final()])
    },
  }
}
