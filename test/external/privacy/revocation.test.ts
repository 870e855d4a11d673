import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { OPERATOR } from '../../../src/accounts/deps.ts'
import type { TestDatabase } from '../../support/postgres.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'
import type { EntrepotOptions, EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus } from '../../support/server.ts'
import { childrenOf, must, until } from '../../support/tools.ts'
import type { Sent } from './wire.ts'
import { basic, Connection, textOf } from './wire.ts'
import type { Login } from './world.ts'
import { digestOf, FOREIGN, HERE, OWN, PATH_HOST, World } from './world.ts'

// What is taken away is gone within a second on every process, though each of them has just seen it work. Time is the
// promise here, so it is measured: from a second after the change was acknowledged no request may succeed.

const program = fileURLToPath(new URL('../../../bin/entrepot', import.meta.url))
const PROMISED_MS = 1_000
const WORKERS = 4
/** Kept connections to each of them. */
const CONNECTIONS = 3
/** Between two looks at one connection. */
const PAUSE_MS = 60
/** A server that is told to refuse may be slow to say why, never to refuse. */
const PATIENCE_MS = 10_000

interface Probe {
  readonly label: string
  readonly request: Sent
  /** What it is answered once the right is gone; any of them. */
  readonly refused: readonly number[]
  /** Asked when the others are refused: it makes a process read again what it remembers of who asks. */
  readonly isLater: boolean
}

interface Taken {
  readonly probes: readonly Probe[]
  /** Resolves when the change is acknowledged. */
  readonly change: () => Promise<unknown>
}

type Case = [name: string, prepare: (at: Site) => Promise<Taken>]

const UNKNOWN = [401]
/** Somebody's password is wrong by now: the brake may speak first. */
const WRONG = [401, 429]
const DENIED = [403]

const CASES: readonly Case[] = [
  [
    'a token disabled by the command',
    async (at) => {
      const { login, probes } = await at.token('disabled')
      return { probes, change: () => at.command('token', 'disable', OWN, login.username) }
    },
  ],
  [
    'a token deleted by the command',
    async (at) => {
      const { login, probes } = await at.token('removed')
      return { probes, change: () => at.command('token', 'delete', '--yes', OWN, login.username) }
    },
  ],
  [
    'a token deleted by the API',
    async (at) => {
      const { login, probes } = await at.token('deleted')
      return { probes, change: () => at.api('DELETE', `/registries/${at.idOf(OWN)}/tokens/${login.id}`) }
    },
  ],
  [
    'a token that expires',
    async (at) => {
      const end = (Math.ceil(Date.now() / 1000) + 4) * 1000
      const { probes } = await at.token('expiring', { expiryDate: new Date(end).toISOString() })
      return { probes, change: () => sleep(end - Date.now()) }
    },
  ],
  [
    'scopes taken from a token',
    async (at) => {
      const { probes } = await at.token('narrowed')
      const scopes = JSON.stringify([{ type: 'repository', name: 'other', actions: ['*'] }])
      const left = (label: string): readonly number[] => (label.startsWith('JWT') ? UNKNOWN : DENIED)
      return {
        probes: probes
          .filter(({ label }) => label.includes('/'))
          .map((probe) => ({ ...probe, refused: left(probe.label) })),
        change: () =>
          at.world.changeRights(
            (sql) => sql.run`UPDATE registry_tokens SET scopes = ${scopes} WHERE name = 'narrowed'`,
          ),
      }
    },
  ],
  [
    'an allow list without this address',
    async (at) => {
      await at.makeRegistry('listed')
      const { probes } = await at.token('excluded', {}, 'listed')
      const { probes: ofOwner } = await at.person(at.world.first.owner, 'listed', false)
      const list = JSON.stringify(['198.51.100.0/24'])
      return {
        probes: [...probes, ...ofOwner].map((probe) => ({ ...probe, refused: DENIED })),
        change: () =>
          at.world.changeRights((sql) => sql.run`UPDATE registries SET allow_list = ${list} WHERE name = 'listed'`),
      }
    },
  ],
  [
    'a person’s password set by the command',
    async (at) => {
      const user = await at.world.user(1, 'admin')
      const { probes } = await at.person(user)
      return { probes, change: () => at.command('user', 'passwd', user.username) }
    },
  ],
  [
    'Manage Registry taken from a member',
    async (at) => {
      const user = await at.world.user(1, 'member', true)
      const upload = await at.startUpload(user, OWN)
      const request = get(`/v2/${OWN}/${HERE}/blobs/uploads/${upload}`, basicOf(user))
      return {
        probes: [{ label: 'Basic: an upload', request, refused: DENIED, isLater: false }],
        change: () =>
          at.world.changeRights(
            (sql) => sql.run`UPDATE memberships SET manage_registry = 0
                              WHERE identity_id = (SELECT id FROM identities WHERE user_id = ${user.userId})`,
          ),
      }
    },
  ],
  [
    'a member removed from the contract',
    async (at) => {
      const user = await at.world.user(1, 'member')
      const { probes } = await at.person(user)
      const { accounts } = at.world.rooms
      return { probes, change: () => accounts.removeMembership({ contractId: 1, userId: user.userId }, OPERATOR) }
    },
  ],
  [
    'a registry deleted by the API',
    async (at) => {
      await at.makeRegistry('doomed')
      const { probes } = await at.token('orphan', {}, 'doomed')
      const { probes: ofOwner } = await at.person(at.world.first.owner, 'doomed', false)
      const lost = ofOwner.map((probe) => ({ ...probe, refused: probe.label.startsWith('JWT') ? UNKNOWN : DENIED }))
      return { probes: [...probes, ...lost], change: () => at.api('DELETE', `/registries/${at.idOf('doomed')}`) }
    },
  ],
  [
    'a contract suspended',
    async (at) => {
      const { probes } = await at.token('suspended', {}, FOREIGN)
      const { probes: ofOwner } = await at.person(at.world.second.owner, FOREIGN)
      const { accounts } = at.world.rooms
      const input = { contractId: at.world.second.id, state: 'suspended' } as const
      return { probes: [...probes, ...ofOwner], change: () => accounts.setContractState(input, OPERATOR) }
    },
  ],
]

const basicOf = ({ username, password }: Login): string => basic(username, password)

function get(path: string, authorization?: string): Sent {
  const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization }
  return { method: 'GET', path, host: PATH_HOST, headers }
}

function redeem(refreshToken: string): Sent {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', path: '/token', host: PATH_HOST, headers, body }
}

function probesOf(requests: Readonly<Record<string, Sent>>, refused: readonly number[]): Probe[] {
  return Object.entries(requests).map(([label, request]) => {
    return { label, request, refused, isLater: !request.path.startsWith('/v2/') }
  })
}

/** A server with four processes, and connections to all of them. */
class Site implements AsyncDisposable {
  readonly world: World
  readonly connections: readonly Connection[]
  readonly #env: Record<string, string | undefined>
  readonly #refused: Probe[] = []
  #lastChange = 0

  private constructor(world: World, env: Record<string, string | undefined>, connections: readonly Connection[]) {
    this.world = world
    this.#env = env
    this.connections = connections
  }

  static async open(options: EntrepotOptions): Promise<Site> {
    const env = { ENTREPOT_TRUSTED_PROXIES: undefined }
    const world = await World.open({ ...options, workers: WORKERS, env })
    const { dataDir, masterKey } = world.server
    const settings = {
      ENTREPOT_DATA: dataDir,
      ENTREPOT_DATABASE_URL: options.databaseUrl,
      ENTREPOT_MASTER_KEY: masterKey,
    }
    const site = new Site(world, settings, await connectToAll(world.server))
    await world.registry(await world.secondContract(), FOREIGN)
    await site.makeRegistry(OWN)
    await world.push(await world.token(FOREIGN, { name: 'pusher' }), FOREIGN, HERE)
    return site
  }

  async makeRegistry(name: string): Promise<void> {
    await this.world.registry(this.world.first, name)
    await this.world.push(await this.world.token(name, { name: 'pusher' }), name, HERE)
  }

  idOf(name: string): string {
    return this.world.registries[name]?.id ?? assert.fail(name)
  }

  async api(method: string, path: string): Promise<void> {
    expectStatus(await this.world.api(this.world.first.owner, method, path), 204)
  }

  /** Another process on the same data. */
  async command(...args: string[]): Promise<void> {
    await must(process.execPath, [program, ...args], { env: this.#env, input: 'a whole new password\n' })
  }

  /** What the commands do, without their start. */
  async setStatus({ id }: { id: string }, status: 'enabled' | 'disabled'): Promise<void> {
    const actor = { contractId: 1, email: 'x', userId: 'x', label: 'x', address: null, registryIds: null }
    await this.world.rooms.registries.setTokenStatus(actor, this.idOf(OWN), id, status)
  }

  async startUpload(login: Login, registry: string): Promise<string> {
    const headers = { authorization: basicOf(login) }
    const path = `/v2/${registry}/${HERE}/blobs/uploads/`
    const started = expectStatus(await this.world.server.request(path, { method: 'POST', headers }), 202)
    return String(started.headers['docker-upload-uuid'])
  }

  /** All that can be done with one token, in every way it can be shown. */
  async token(
    name: string,
    more: { expiryDate?: string } = {},
    registry = OWN,
  ): Promise<{ login: Login & { id: string }; probes: Probe[] }> {
    const { world } = this
    const login = await world.token(registry, { name, ...more })
    const scopes = [`repository:${registry}/${HERE}:*`]
    const [upload, jwt, oldJwt, refreshToken] = await Promise.all([
      this.startUpload(login, registry),
      world.jwt(login, PATH_HOST, scopes),
      world.jwtAt(-301_000, login, 'entrepot', scopes),
      world.refreshToken(login, PATH_HOST),
    ])
    const at = `/v2/${registry}/${HERE}`
    const requests: Record<string, Sent> = {
      'Basic: the root': get('/v2/', basicOf(login)),
      'Basic: manifests/tagyes': get(`${at}/manifests/tagyes`, basicOf(login)),
      'JWT: manifests/tagyes': get(`${at}/manifests/tagyes`, `Bearer ${jwt}`),
      'JWT: tags/list': get(`${at}/tags/list`, `Bearer ${jwt}`),
      'JWT: blobs/uploads': get(`${at}/blobs/uploads/${upload}`, `Bearer ${jwt}`),
      'JWT, expired: blobs/uploads': get(`${at}/blobs/uploads/${upload}`, `Bearer ${oldJwt}`),
      'Basic: a new JWT': get(`/token?scope=${scopes[0]}`, basicOf(login)),
      'refresh token: a new JWT': redeem(refreshToken),
    }
    return { login, probes: probesOf(requests, UNKNOWN) }
  }

  async person(login: Login, registry = OWN, everywhere = true): Promise<{ probes: Probe[] }> {
    const { world } = this
    const jwt = await world.jwt(login, PATH_HOST, [`repository:${registry}/${HERE}:pull`])
    const at = `/v2/${registry}/${HERE}/manifests/tagyes`
    const requests: Record<string, Sent> = {
      'Basic: a manifest': get(at, basicOf(login)),
      'JWT: a manifest': get(at, `Bearer ${jwt}`),
    }
    if (everywhere) {
      requests['Basic: /registries'] = get('/registries', basicOf(login))
      requests['refresh token: a new JWT'] = redeem(await world.refreshToken(login, PATH_HOST))
    }
    return { probes: probesOf(requests, WRONG) }
  }

  /** Each worker still answers on as many of the connections as at first. */
  assertEveryWorker(): void {
    const held = heldBy(this.world.server, this.connections)
    assert.deepEqual(
      [...held.values()].map(({ length }) => length),
      Array.from({ length: WORKERS }, () => CONNECTIONS),
    )
  }

  /** Shows everything on every connection, takes it away, and looks until nothing opens any more. */
  async take({ probes, change }: Taken): Promise<number> {
    const requests = probes.map(({ request }) => request)
    for (const answers of await Promise.all(this.connections.map((connection) => connection.askAll(requests)))) {
      for (const [index, seen] of answers.entries())
        assert.ok(seen.status < 300, `${probes[index]?.label}: ${textOf(seen)}`)
    }
    this.assertEveryWorker()
    let changedAt = Number.POSITIVE_INFINITY
    const look = (some: readonly Probe[]): Promise<number[]> =>
      Promise.all(this.connections.map((connection) => lookUntilRefused(connection, some, () => changedAt)))
    const looking = look(probes.filter(({ isLater }) => !isLater))
    looking.catch(() => {}) // told below
    try {
      await change()
    } finally {
      changedAt = performance.now()
    }
    const refusedAt = Math.max(...(await looking))
    await look(probes.filter(({ isLater }) => isLater))
    this.#refused.push(...probes)
    this.#lastChange = changedAt
    return refusedAt - changedAt
  }

  /** Whatever was taken away in its time is still gone everywhere, whatever changed since. */
  async assertStillRefused(): Promise<void> {
    await sleep(Math.max(0, this.#lastChange + PROMISED_MS - performance.now()))
    const requests = this.#refused.map(({ request }) => request)
    for (const answers of await Promise.all(this.connections.map((connection) => connection.askAll(requests)))) {
      for (const [index, seen] of answers.entries()) {
        const { label, refused } = this.#refused[index] ?? assert.fail()
        assert.ok(refused.includes(seen.status), `${label}: ${textOf(seen)}`)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection[Symbol.dispose]()
    await this.world[Symbol.asyncDispose]()
  }
}

/**
 * When nothing opened any more on this connection, and every answer said so in the right way (at first a process may answer
 * 404 or 503 instead). Throws when something opens that was asked a second after the change.
 */
async function lookUntilRefused(
  connection: Connection,
  probes: readonly Probe[],
  changedAt: () => number,
): Promise<number> {
  const requests = probes.map(({ request }) => request)
  for (;;) {
    const askedAt = performance.now()
    const answers = await connection.askAll(requests)
    const answered = probes.map((probe, index) => ({ ...probe, seen: answers[index] ?? assert.fail() }))
    const strange = answered.filter(({ seen, refused }) => !refused.includes(seen.status))
    if (strange.length === 0) return performance.now()
    const lateBy = askedAt - changedAt()
    const isBroken = strange.some(({ seen }) => lateBy >= (seen.status < 300 ? PROMISED_MS : PATIENCE_MS))
    const told = strange.map(({ label, seen }) => `${label}: ${textOf(seen)}`).join('\n\n')
    assert.ok(!isBroken, `${Math.round(lateBy)} ms after the change:\n${told}`)
    await sleep(PAUSE_MS)
  }
}

/** A worker that is busy is given fewer connections, and some are not there yet: more are made until each holds enough. */
async function connectToAll(server: EntrepotUnderTest): Promise<Connection[]> {
  const all: Connection[] = []
  const kept = (): Connection[] => [...heldBy(server, all).values()].flatMap((some) => some.slice(0, CONNECTIONS))
  const hasEnough = async (): Promise<boolean> => {
    const connection = new Connection(server.port)
    all.push(connection)
    await connection.ask(get('/livez'))
    return kept().length === WORKERS * CONNECTIONS
  }
  await until(hasEnough, () => `of ${all.length} connections workers hold ${kept().length} at most`, 20_000, 5)
  const chosen = kept()
  for (const connection of all) if (!chosen.includes(connection)) connection[Symbol.dispose]()
  return chosen
}

/** Which of the connections each worker answers on. */
function heldBy(server: EntrepotUnderTest, connections: readonly Connection[]): Map<number, Connection[]> {
  const held = childrenOf(server.pid).map((pid): [number, Connection[]] => {
    const ports = peersOf(pid, server.port)
    return [pid, connections.filter(({ localPort }) => localPort !== undefined && ports.includes(localPort))]
  })
  return new Map(held.filter(([, some]) => some.length > 0))
}

/** Empty, too: the process has ended. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The remote ports of a process's connections to its `port`. Source: proc(5), /proc/net/tcp. */
function peersOf(pid: number, port: number): number[] {
  const descriptors = entriesOf(`/proc/${pid}/fd`)
  if (descriptors.length === 0) return []
  const inodes = new Set(
    descriptors.flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return [] // closed meanwhile
      }
    }),
  )
  const rows = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').slice(1)
  return rows.flatMap((row) => {
    const [, local = '', remote = '', , , , , , , inode = ''] = row.trim().split(/\s+/)
    const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16)
    return portOf(local) === port && inodes.has(inode) ? [portOf(remote)] : []
  })
}

const MIB = 1024 * 1024
const STREAM_BYTES = 32 * MIB

/** The answer of a download whose client does not read on. */
async function startDownload(site: Site, path: string, authorization: string): Promise<IncomingMessage> {
  const { port } = site.world.server
  const request = httpRequest({ port, path, agent: false, headers: { authorization, host: PATH_HOST } })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

async function finishDownload(response: IncomingMessage): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of response) hash.update(chunk)
  assert.ok(response.complete)
  return `sha256:${hash.digest('hex')}`
}

async function pushBlob(site: Site, login: Login, bytes: Buffer): Promise<string> {
  const upload = await site.startUpload(login, OWN)
  const digest = digestOf(bytes)
  const headers = { authorization: basicOf(login), 'content-type': 'application/octet-stream' }
  const path = `/v2/${OWN}/${HERE}/blobs/uploads/${upload}?digest=${digest}`
  expectStatus(await site.world.server.request(path, { method: 'PUT', headers, body: bytes }), 201)
  return digest
}

interface Engine {
  readonly name: string
  readonly skip: false | string
  readonly cases: readonly Case[]
  readonly options: () => Promise<EntrepotOptions & Partial<AsyncDisposable>>
}

let database: TestDatabase | undefined
const ENGINES: readonly Engine[] = [
  { name: 'SQLite', skip: false, cases: CASES, options: async () => ({}) },
  {
    // Its epoch is asked for every 300 ms, not at every request: the changes differ only in how they are made.
    name: 'PostgreSQL',
    skip: skipWithoutPostgres(),
    cases: CASES.filter(([name]) => /disabled by the command|scopes|registry deleted/.test(name)),
    options: async () => {
      database = await (await startPostgres()).createDatabase()
      return { databaseUrl: database.url }
    },
  },
]

for (const { name, skip, cases, options } of ENGINES) {
  describe(`within a second on ${WORKERS} processes with ${name}:`, { skip }, () => {
    let site: Site
    before(async () => {
      site = await Site.open(await options())
    })
    after(async () => {
      await site[Symbol.asyncDispose]()
      if (database === undefined) return
      await database[Symbol.asyncDispose]()
      await stopPostgres()
    })

    for (const [what, prepare] of cases) {
      test(what, async (context) => {
        const took = await site.take(await prepare(site))
        context.diagnostic(`nothing opened ${Math.max(0, Math.round(took))} ms after the change`)
      })
    }

    test('a disabled token that is enabled again, though nothing derived from it comes back', async () => {
      const { login, probes } = await site.token('again')
      const [others, derived] = [probes, probes].map((all, index) =>
        all.filter(({ label }) => label.startsWith('refresh token') === (index === 1)),
      )
      await site.setStatus(login, 'disabled')
      await site.setStatus(login, 'enabled')
      const enabledAt = performance.now()
      for (const connection of site.connections) {
        for (let open = false; !open; ) {
          const askedAt = performance.now()
          const answers = await connection.askAll((others ?? []).map(({ request }) => request))
          open = answers.every(({ status }) => status < 300)
          assert.ok(open || askedAt - enabledAt < PROMISED_MS, answers.map(textOf).join('\n\n'))
        }
        const answers = await connection.askAll((derived ?? []).map(({ request }) => request))
        assert.deepEqual(
          answers.map(({ status }) => status),
          [401],
        )
      }
    })

    test('a download that runs is finished, and no other one begins', async () => {
      const { login, probes } = await site.token('streaming')
      const digest = await pushBlob(site, login, randomBytes(STREAM_BYTES))
      const path = `/v2/${OWN}/${HERE}/blobs/${digest}`
      const jwt = await site.world.jwt(login, PATH_HOST, [`repository:${OWN}/${HERE}:pull`])
      const running = await Promise.all(
        [basicOf(login), `Bearer ${jwt}`].map((authorization) => startDownload(site, path, authorization)),
      )
      for (const response of running) assert.equal(response.statusCode, 200)
      await site.take({ probes, change: () => site.setStatus(login, 'disabled') })
      const [connection] = site.connections
      const [begun] = await (connection ?? assert.fail()).askAll([get(path, basicOf(login))])
      assert.equal(begun?.status, 401)
      for (const response of running)
        assert.ok(response.socket.bytesRead < STREAM_BYTES / 2, 'it was not running any more')
      assert.deepEqual(await Promise.all(running.map(finishDownload)), [digest, digest])
    })

    test('and what is gone stays gone, whatever changed afterwards', () => site.assertStillRefused())
  })
}
