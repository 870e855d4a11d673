import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { OPERATOR } from '../../../src/accounts/deps.ts'
import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Role } from '../../../src/domain/actor.ts'
import { newSecret } from '../../../src/domain/secret.ts'
import { SILENT } from '../../../src/http/log.ts'
import type { Transaction } from '../../../src/metadata/metadata-store.ts'
import { insertApiKey } from '../../../src/metadata/tables/api-keys.ts'
import { bumpAuthEpoch } from '../../../src/metadata/tables/auth-epoch.ts'
import { identityByEmail } from '../../../src/metadata/tables/identities.ts'
import { insertSession } from '../../../src/metadata/tables/sessions.ts'
import type { Stores } from '../../../src/open-stores.ts'
import { openStores } from '../../../src/open-stores.ts'
import type { Rooms } from '../../../src/rooms.ts'
import { createRooms } from '../../../src/rooms.ts'
import type { Answer, EntrepotOptions, EntrepotUnderTest, Scope, TokenInput } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { until } from '../../support/tools.ts'
import { basic, Connection } from './wire.ts'

export const DOMAIN = 'registry.test'
/** Path style: a host that is no registry's. */
export const PATH_HOST = 'entrepot.example'
/** Where requests seem to come from; the allow list of `shut-one` holds another network. */
export const ADDRESS = '203.0.113.7'
export const ALLOWED = '198.51.100.9'
const ALLOWED_NETWORK = '198.51.100.0/24'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Names of one length, so that even the lengths of answers can be compared; none is part of another word in them. */
export const OWN = 'acme-one'
export const SIBLING = 'acme-two'
export const CLOSED = 'shut-one'
export const DELETED = 'gone-one'
export const FOREIGN = 'glob-one'
export const ABSENT = 'none-one'
/** In every registry that exists. */
export const HERE = 'kwitz'
/** In `acme-one` too, but only the token `full` and people may look into it. */
export const HIDDEN = 'kwotz'
/** In none. */
export const NOWHERE = 'kwatz'

export const EVERYTHING: Scope[] = [
  { type: 'repository', name: '*', actions: ['*'] },
  { type: 'registry', name: '*', actions: ['*'] },
]

export interface Login {
  readonly username: string
  readonly password: string
}

/** A contract as its owner sees it. */
export interface Contract {
  readonly id: number
  readonly owner: Login
}

/** What was pushed into a repository. */
export interface Content {
  readonly manifest: string
  readonly digest: string
  readonly config: string
  readonly configDigest: string
  /** An open upload's id. */
  readonly upload: string
}

/** The path of one upload session and its id. */
function uploadOf(answer: Answer): string {
  const id = String(expectStatus(answer, 202).headers['docker-upload-uuid'])
  assert.match(id, /^[\w-]+$/)
  return id
}

export const digestOf = (text: string | Uint8Array): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`

/**
 * A server with several processes and two contracts, and the same data opened once more from here: for what has no command
 * or route yet (a second contract, API keys, a clock that stands elsewhere).
 */
export class World implements AsyncDisposable {
  readonly server: EntrepotUnderTest
  readonly connections: Connection[]
  readonly #opened: AsyncDisposableStack
  readonly #config: Config
  readonly #stores: Stores
  readonly rooms: Rooms
  readonly registries: Record<string, { id: string; contract: Contract }> = {}
  readonly first: Contract
  #second: Contract | undefined

  private constructor(server: EntrepotUnderTest, config: Config, stores: Stores, opened: AsyncDisposableStack) {
    this.server = server
    this.#config = config
    this.#stores = stores
    this.#opened = opened
    this.rooms = createRooms(stores, config, SILENT)
    this.connections = Array.from({ length: 4 }, () => opened.use(new Connection(server.port)))
    this.first = { id: 1, owner: { username: server.admin.email, password: server.admin.password } }
  }

  static async open(options: EntrepotOptions = {}): Promise<World> {
    await using opened = new AsyncDisposableStack()
    const env = { ENTREPOT_TRUSTED_PROXIES: '127.0.0.1', ...options.env }
    const server = opened.use(await startEntrepot({ domain: DOMAIN, ...options, env }))
    const settings = {
      ENTREPOT_DATA: server.dataDir,
      ENTREPOT_DOMAIN: DOMAIN,
      ENTREPOT_DATABASE_URL: options.databaseUrl,
      ENTREPOT_MASTER_KEY: server.masterKey,
    }
    const config = loadConfig(settings)
    const stores = opened.use(await openStores(config))
    return new World(server, config, stores, opened.move())
  }

  get metadata(): Stores['metadata'] {
    return this.#stores.metadata
  }
  get second(): Contract {
    assert.ok(this.#second)
    return this.#second
  }

  /** Contracts have no command and no route yet. */
  async secondContract(): Promise<Contract> {
    const id = await this.rooms.accounts.createContract({ name: 'Globex' }, OPERATOR)
    this.#second = { id, owner: await this.user(id, 'owner') }
    return this.#second
  }

  async user(contractId: number, role: Role, manageRegistry = false): Promise<Login & { userId: string }> {
    const email = `${role}-${randomBytes(4).toString('hex')}@example.com`
    const password = randomBytes(12).toString('hex')
    const user = { contractId, email, password, role, manageRegistry, linkExisting: false }
    const { userId } = await this.rooms.accounts.addUser(user, OPERATOR)
    return { username: email, password, userId }
  }

  api(login: Login, method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: basic(login.username, login.password) }
    if (body === undefined) return this.server.request(path, { method, headers })
    const json = { ...headers, 'content-type': 'application/json' }
    return this.server.request(path, { method, headers: json, body: JSON.stringify(body) })
  }

  async registry(contract: Contract, name: string, allowList: readonly string[] = []): Promise<string> {
    const properties = { name, location: 'de/fra', apiSubnetAllowList: allowList }
    const made = await this.api(contract.owner, 'POST', '/registries', { properties })
    const { id } = expectStatus(made, 201).json<{ id: string }>()
    let last = made
    const isRunning = async (): Promise<boolean> => {
      last = expectStatus(await this.api(contract.owner, 'GET', `/registries/${id}`), 200)
      return last.text.includes('"Running"')
    }
    await until(isRunning, () => `${name} is not Running: ${last.text}`, 20_000)
    this.registries[name] = { id, contract }
    return id
  }

  /** With the id it is managed by. */
  async token(registry: string, token: TokenInput): Promise<Login & { id: string }> {
    const { id: registryId, contract } = this.registries[registry] ?? assert.fail(registry)
    const properties = { scopes: EVERYTHING, ...token }
    const made = await this.api(contract.owner, 'POST', `/registries/${registryId}/tokens`, { properties })
    const { id, properties: shown } = expectStatus(made, 201).json<TokenBody>()
    return { id, ...shown.credentials }
  }

  async deleteRegistry(name: string): Promise<void> {
    const { id, contract } = this.registries[name] ?? assert.fail(name)
    expectStatus(await this.api(contract.owner, 'DELETE', `/registries/${id}`), 204)
  }

  /** An image of one config and nothing else, under the tag `tagyes`, and an upload that stays open. */
  async push(
    login: Login,
    registry: string,
    repository: string,
    from = ADDRESS,
    config = '{"os":"linux"}',
  ): Promise<Content> {
    const authorization = basic(login.username, login.password)
    const send = (method: string, path: string, body = '', type = 'application/octet-stream'): Promise<Answer> => {
      const headers = { authorization, 'content-type': type, 'x-forwarded-for': from }
      return this.server.request(`/v2/${registry}/${repository}/${path}`, { method, headers, body })
    }
    const configDigest = digestOf(config)
    const upload = uploadOf(await send('POST', 'blobs/uploads/'))
    const opened = uploadOf(await send('POST', 'blobs/uploads/'))
    expectStatus(await send('PUT', `blobs/uploads/${upload}?digest=${configDigest}`, config), 201)
    const descriptor = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: configDigest,
      size: config.length,
    }
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: descriptor, layers: [] })
    expectStatus(await send('PUT', 'manifests/tagyes', manifest, MANIFEST), 201)
    return { manifest, digest: digestOf(manifest), config, configDigest, upload: opened }
  }

  /** For changes of rights that have no command and no route yet: what those will do to the rows. */
  async changeRights(change: (sql: Transaction) => Promise<unknown>): Promise<void> {
    await this.metadata.transact(async (sql) => {
      await change(sql)
      await bumpAuthEpoch(sql)
    })
  }

  /** Has no command and no route yet. */
  async apiKey(contractId: number, owner: Login): Promise<string> {
    const secret = newSecret('entk')
    await this.metadata.transact(async (sql) => {
      const person = (await identityByEmail(sql, owner.username)) ?? assert.fail(owner.username)
      const row = { contractId, identityId: person.id, publicId: crypto.randomUUID(), name: secret.keyId }
      const rights = { readOnly: false, registryIds: null, actions: null, expiresAt: null }
      await insertApiKey(sql, { ...row, ...rights, keyId: secret.keyId, secretHash: secret.hash })
    })
    return secret.text
  }

  /** Has no route yet. */
  async session(contractId: number, owner: Login): Promise<string> {
    const secret = newSecret('ents')
    await this.metadata.transact(async (sql) => {
      const person = (await identityByEmail(sql, owner.username)) ?? assert.fail(owner.username)
      const row = { publicId: crypto.randomUUID(), secretHash: secret.hash, identityId: person.id, contractId }
      const origin = { bound: false, address: null, userAgent: null }
      await insertSession(sql, { ...row, ...origin, expiresAt: sql.now() + 3_600_000 })
    })
    return secret.text
  }

  /** From the server's own /token. */
  async jwt(login: Login, host: string, scopes: readonly string[], from = ADDRESS): Promise<string> {
    const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&')
    const headers = { authorization: basic(login.username, login.password), host, 'x-forwarded-for': from }
    return expectStatus(await this.server.request(`/token?${query}`, { headers }), 200).json<{ token: string }>().token
  }

  /** A good one by a node whose clock is so far off. */
  async jwtAt(offsetMs: number, login: Login, service: string, scopes: readonly string[]): Promise<string> {
    const { auth } = createRooms(this.#stores, this.#config, SILENT, { now: () => Date.now() + offsetMs })
    const authorization = basic(login.username, login.password)
    const asked = { authorization, address: ADDRESS, service, scopes, grant: null, offline: false }
    return (await auth.issueToken(asked)).token
  }

  async refreshToken(login: Login, host: string): Promise<string> {
    const headers = { authorization: basic(login.username, login.password), host, 'x-forwarded-for': ADDRESS }
    const answer = expectStatus(await this.server.request('/token?offline_token=true', { headers }), 200)
    return answer.json<{ refresh_token: string }>().refresh_token
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

type TokenBody = { id: string; properties: { credentials: Login } }

/** Two contracts with four and one registries, each with the same image in it; `gone-one` is still to be deleted. */
export async function openWorld(
  options: EntrepotOptions = {},
  network = ALLOWED_NETWORK,
): Promise<World & { contents: Record<string, Content> }> {
  const world = await World.open(options)
  const second = await world.secondContract()
  for (const name of [OWN, SIBLING, DELETED]) await world.registry(world.first, name)
  await world.registry(world.first, CLOSED, [network])
  await world.registry(second, FOREIGN)
  const contents: Record<string, Content> = {}
  for (const name of [OWN, SIBLING, CLOSED, DELETED, FOREIGN]) {
    const pusher = await world.token(name, { name: 'pusher' })
    contents[name] = await world.push(pusher, name, HERE, name === CLOSED ? ALLOWED : ADDRESS)
    if (name === OWN) contents[HIDDEN] = await world.push(pusher, name, HIDDEN, ADDRESS, '{"os":"hidden"}')
  }
  return Object.assign(world, { contents })
}
