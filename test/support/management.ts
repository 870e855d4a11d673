import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { fastify } from 'fastify'
import { audit } from '../../src/audit/audit.ts'
import type { Auth } from '../../src/auth/auth.ts'
import type { UserPrincipal } from '../../src/domain/actor.ts'
import { DomainError } from '../../src/domain/error.ts'
import { createCursors } from '../../src/doors/cursors.ts'
import { createClientOf } from '../../src/http/client.ts'
import { SILENT } from '../../src/http/log.ts'
import { rewriteManagementPath } from '../../src/management-api/paths.ts'
import { managementApi } from '../../src/management-api/routes.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { openSqlite } from '../../src/metadata/sqlite.ts'
import { insertDataKey } from '../../src/metadata/tables/data-keys.ts'
import type { Actor, RegistriesDeps } from '../../src/registries/deps.ts'
import type { Naming } from '../../src/registries/hostname.ts'
import { reservedNames } from '../../src/registries/hostname.ts'
import type { Registries } from '../../src/registries/registries.ts'
import { createRegistries } from '../../src/registries/registries.ts'
import { createScans } from '../../src/scans/scans.ts'
import { contentsOn } from './contents.ts'
import { checkDeclaredAnswers } from './declared-answers.ts'
import { SNAPSHOT_FIXTURES } from './snapshot-fixture.ts'

export interface TestControlPlane extends AsyncDisposable {
  readonly registries: Registries
  readonly metadata: MetadataStore
  /** Path or URL of the database; empty: no other process can open it. */
  readonly at: string
  readonly clock: { now: number }
  readonly storage: { ready: boolean }
  /** What was put off until after the answer. */
  readonly later: (() => Promise<void>)[]
}

const NAMING: Naming = {
  publicUrl: null,
  domain: null,
  locations: [
    { id: 'de/fra', between: null },
    { id: 'es/vit', between: null },
  ],
}

/** An empty database by the given clock. `at`: its path or URL, for other processes. */
export type OpenMetadata = (
  now: () => number,
) => Promise<AsyncDisposable & { readonly metadata: MetadataStore; readonly at?: string }>

export const openSqliteMetadata: OpenMetadata = async (now) => {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-'))
  const at = join(directory, 'db')
  const metadata = await openSqlite({ path: at, now })
  return {
    ...{ metadata, at },
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

/** Registries on a real database (SQLite unless told) with contracts 1 and 2; keys that wrap nothing. */
export async function openControlPlane(
  options: { naming?: Naming; openMetadata?: OpenMetadata } = {},
): Promise<TestControlPlane> {
  const { naming = NAMING, openMetadata = openSqliteMetadata } = options
  const clock = { now: Date.UTC(2026, 0, 31, 12, 0, 0, 250) }
  const storage = { ready: true }
  const later: (() => Promise<void>)[] = []
  const opened = await openMetadata(() => clock.now)
  const { metadata } = opened
  await metadata.transact(async (sql) => {
    for (const id of [1, 2]) await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (${id}, 'test', 0)`
  })
  const deps: RegistriesDeps = {
    metadata,
    keys: {
      prepare: async () => Buffer.alloc(60, 1),
      insert: (sql, registryId, fresh) =>
        insertDataKey(sql, registryId, { provider: 'test', wrapped: fresh as Buffer }),
    },
    newId: () => randomUUID(),
    locations: naming.locations.map(({ id }) => id),
    reservedNames: reservedNames(naming),
    quarantineDays: 7,
    scanExisting: async () => {},
    storageReady: async () => storage.ready,
    later: (act) => {
      later.push(act)
    },
  }
  return {
    registries: createRegistries(deps),
    metadata,
    at: opened.at ?? '',
    clock,
    storage,
    later,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

export function actor(contractId = 1, registryIds: readonly number[] | null = null): Actor {
  const email = `owner@${contractId}.example`
  return { contractId, email, userId: `user-${contractId}`, label: email, address: '192.0.2.1', registryIds }
}

export interface TestManagement extends TestControlPlane {
  readonly app: FastifyInstance
  /** As the owner of contract 1 unless `as` says otherwise; JSON in, parsed JSON out. */
  call(method: InjectOptions['method'], url: string, more?: Call): Promise<Answer>
}

export interface Call {
  /** `owner@1`, `member@1`, `manager@2`; null: no credentials. */
  readonly as?: string | null
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export interface Answer {
  readonly status: number
  readonly headers: LightMyRequestResponse['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any
}

export async function openManagement(
  options: { naming?: Naming; auth?: Pick<Auth, 'authenticatePerson'>; openMetadata?: OpenMetadata } = {},
): Promise<TestManagement> {
  const plane = await openControlPlane(options)
  const { naming = NAMING, auth = peopleByName } = options
  const app = fastify({
    routerOptions: { maxParamLength: 32 * 1024 },
    rewriteUrl: ({ url = '/' }) => rewriteManagementPath(url),
  })
  const api = managementApi({
    registries: plane.registries,
    contents: contentsOn(plane.metadata),
    scans: createScans({
      ...SNAPSHOT_FIXTURES,
      metadata: plane.metadata,
      audit,
      openBlob: () => assert.fail('nothing is scanned here'),
      readManifest: () => assert.fail('nothing is scanned here'),
      readLayer: () => assert.fail('nothing is scanned here'),
      prepareToRead: () => assert.fail('nothing is scanned here'),
      isBusy: () => assert.fail('nothing is scanned here'),
      feedSettings: { sources: [], mirror: null, folder: null, everyMs: 1e9, staleMs: 1e15 },
      cacheDirectory: '',
    }),
    auth,
    naming,
    cursors: createCursors(randomBytes(32)),
    clientOf: createClientOf({ trustedProxies: [] }),
    log: SILENT,
    now: () => plane.clock.now,
  })
  const checkAnswers = checkDeclaredAnswers(app)
  await app.register(api)
  await app.register(api, { prefix: '/containerregistries' })
  return {
    ...plane,
    app,
    async call(method, url, more) {
      const answer = await call(app, method, url, more)
      checkAnswers()
      return answer
    },
    async [Symbol.asyncDispose]() {
      await app.close()
      await plane[Symbol.asyncDispose]()
    },
  }
}

async function call(
  app: FastifyInstance,
  method: InjectOptions['method'],
  url: string,
  more: Call = {},
): Promise<Answer> {
  const { as = 'owner@1', body, headers = {} } = more
  const authorization = as === null ? {} : { authorization: basic(as) }
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const payload = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await app.inject({
    ...(method === undefined ? {} : { method }),
    url,
    headers: { host: 'cr.test:5000', ...json, ...authorization, ...headers },
    ...(payload === undefined ? {} : { payload }),
  })
  const { statusCode: status, body: text } = response
  return { status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
}

export function basic(user: string): string {
  return `Basic ${Buffer.from(`${user}:pw`).toString('base64')}`
}

/** A tiny Auth: `<role>@<contract>` is who it says; `manager` is a member with the privilege. */
const peopleByName: Pick<Auth, 'authenticatePerson'> = {
  async authenticatePerson({ authorization }, contractNumber) {
    const [, encoded = ''] = /^Basic (.+)$/.exec(authorization ?? '') ?? []
    const [, word, contract] =
      /^(owner|admin|manager|member)@(\d):pw$/.exec(Buffer.from(encoded, 'base64').toString()) ?? []
    if (!word) throw new DomainError('unauthenticated', 'log in with an e-mail address and password')
    if (contractNumber !== null && contractNumber !== Number(contract))
      throw new DomainError('denied', 'not your contract')
    return {
      kind: 'user',
      contractId: Number(contract),
      identityId: 1,
      userId: `${word}-${contract}`,
      email: `${word}@${contract}`,
      role: word === 'manager' ? 'member' : (word as UserPrincipal['role']),
      manageRegistry: word === 'manager',
      passwordVersion: 1,
      isOperator: false,
      session: null,
    }
  },
}
