import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse, RouteOptions } from 'fastify'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Role } from '../../src/domain/actor.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import { createClientOf } from '../../src/http/client.ts'
import { SILENT } from '../../src/http/log.ts'
import { createServer } from '../../src/http/server.ts'
import { createKeyring } from '../../src/keys/keys.ts'
import { environmentKeyProvider } from '../../src/keys/master-key.ts'
import { rewriteManagementPath } from '../../src/management-api/paths.ts'
import { registerManagement } from '../../src/management-planes.ts'
import type { Rooms } from '../../src/rooms.ts'
import { createRooms } from '../../src/rooms.ts'
import { AuthWorld } from './auth-world.ts'

export interface ApiCall {
  /** The Authorization header; absent: no credentials. `bearer(…)` of a key or session. */
  readonly as?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: LightMyRequestResponse['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any
}

/**
 * The management doors as they are composed, without a socket: rooms, database and keys are the real ones, the clock is
 * `people.clock`. People, keys and sessions are made with `people`.
 */
export class ApiWorld implements AsyncDisposable {
  readonly people: AuthWorld
  readonly rooms: Rooms
  readonly server: FastifyInstance
  /** Everything that is served, in the order of registration. */
  readonly routes: readonly RouteOptions[]

  private constructor(people: AuthWorld, rooms: Rooms, server: FastifyInstance, routes: readonly RouteOptions[]) {
    this.people = people
    this.rooms = rooms
    this.server = server
    this.routes = routes
  }

  static async open(env: Readonly<Record<string, string>> = {}): Promise<ApiWorld> {
    const people = await AuthWorld.open()
    const { metadata } = people.first
    const provider = environmentKeyProvider(randomBytes(32).toString('base64'))
    const keys = await createKeyring({ metadata, provider })
    const config = loadConfig({ ENTREPOT_DATA: people.directory, ...env })
    const stores = {
      metadata,
      blobs: createMemoryBlobStore(),
      keys,
      madeKeyFile: null,
      [Symbol.asyncDispose]: async () => {},
    }
    const rooms = createRooms(stores, config, SILENT, { now: () => people.clock })
    const clientOf = createClientOf({ trustedProxies: [] })
    const progress = { minBytes: 1, windowMs: 60_000 }
    const server = createServer({
      log: SILENT,
      clientOf,
      tls: null,
      progress,
      closeDeadlineMs: 1_000,
      rewriteUrl: rewriteManagementPath,
    })
    const routes: RouteOptions[] = []
    server.addHook('onRoute', (route) => void routes.push(route))
    await registerManagement(server, rooms, { clientOf, log: SILENT })
    return new ApiWorld(people, rooms, server, routes)
  }

  /** A session of somebody made for the purpose, as an Authorization header. */
  async login(contractId: number, email: string, role: Role, manageRegistry = false): Promise<string> {
    await this.people.user(contractId, email, { role, manageRegistry })
    return bearer(await this.people.session(contractId, email))
  }

  /** JSON in, parsed JSON out. */
  async call(method: NonNullable<InjectOptions['method']>, url: string, call: ApiCall = {}): Promise<ApiAnswer> {
    const { as, body, headers = {} } = call
    const response = await this.server.inject({
      method,
      url,
      headers: {
        host: 'cr.test',
        ...(as === undefined ? {} : { authorization: as }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    if (method !== 'GET') await this.people.settled()
    const { statusCode: status, body: text } = response
    const isJson = /[/+]json(;|$)/.test(String(response.headers['content-type'])) && text !== ''
    return { status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
  }

  /** An image index without images, tagged, into a registry by its public id. @returns its digest. */
  async push(registryId: string, repository: string, tag: string): Promise<string> {
    const row = await this.people.transact(
      (sql) => sql.get<{ id: number }>`SELECT id FROM registries WHERE public_id = ${registryId}`,
    )
    const mediaType = 'application/vnd.oci.image.index.v1+json'
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations: { tag } }))
    const place = { registryId: row?.id ?? 0, repository: repository as RepositoryName }
    const pusher = { name: 'token:ci', key: 'token:1', mayPush: true, mayPull: () => true }
    const reference = { kind: 'tag', tag: tag as TagName } as const
    return (await this.rooms.registry.pushManifest(place, pusher, reference, [], { mediaType, bytes })).digest
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
    await this.people[Symbol.asyncDispose]()
  }
}

export { basic } from './auth-world.ts'

export function bearer(secret: string): string {
  return `Bearer ${secret}`
}
