import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { S3Settings } from './s3.ts'
import type { Certificates } from './tls.ts'
import { createCertificates } from './tls.ts'
import type { Daemon } from './tools.ts'
import { exitWithin, freePort, groupMembers, killDaemon, removeAtExit, startDaemon, until } from './tools.ts'

const program = fileURLToPath(new URL('../../bin/entrepot', import.meta.url))

export type EntrepotOptions = {
  /** Processes; default 2, so that state kept in one of them shows. */
  workers?: number
  /** true makes an authority and a certificate; or give one, for several nodes behind one name. */
  tls?: boolean | Certificates
  /** Turns host style on: `<registry>.<domain>/<repository>`. With `tls` the certificate covers it. */
  domain?: string
  /** PostgreSQL instead of SQLite; a master key is made when none is given. */
  databaseUrl?: string
  /** S3 instead of files; a master key is made when none is given. */
  s3?: S3Settings
  /** Base64 of 32 bytes. Nodes of one installation share it. */
  masterKey?: string
  /** The first owner. Nodes of one installation share it. */
  admin?: Admin
  /** Default: a fresh one, removed at the end. A given one stays. */
  dataDir?: string
  /** Further variables of the server's environment; undefined removes one. */
  env?: Record<string, string | undefined>
}

export type Admin = { email: string; password: string }

export type Answer = {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** The body as text. */
  text: string
  /** The body as JSON; throws with the body when it is none. */
  json: <T = unknown>() => T
}

export type RequestOptions = {
  method?: string
  headers?: Record<string, string | number | string[]>
  body?: string | Uint8Array
}

export type Registry = { id: string; name: string; hostname: string }
export type Scope = { type: string; name: string; actions: string[] }
export type TokenInput = { name: string; scopes?: Scope[]; expiryDate?: string; status?: 'enabled' | 'disabled' }
export type Token = { id: string; name: string; username: string; password: string }

export type EntrepotUnderTest = AsyncDisposable & {
  /** `http://127.0.0.1:<port>`, or https with `tls`. */
  url: string
  /** `127.0.0.1:<port>`, as in image names. */
  host: string
  port: number
  /** Of the server's first process, which is the leader of its process group. */
  pid: number
  dataDir: string
  admin: Admin
  masterKey: string | undefined
  certificates: Certificates | undefined
  /** The authority's certificate; undefined without `tls`. */
  caFile: string | undefined
  /** What the server printed, over all its starts. */
  logs: () => string
  /** Starts it after `stop` or `kill`, on the same port and data, and waits until it is ready. */
  start: () => Promise<void>
  /** SIGTERM to the first process. Throws unless it exits with 0 within 30 s and leaves no process behind. */
  stop: () => Promise<void>
  restart: () => Promise<void>
  /** Signals the whole group, workers included, and waits until none of it is left. */
  kill: (signal?: NodeJS.Signals) => Promise<void>
  /** Any request to the server; trusts its certificate. */
  request: (path: string, options?: RequestOptions) => Promise<Answer>
  /** A request to the management API as the first owner. */
  api: (method: string, path: string, body?: unknown) => Promise<Answer>
  /** Creates a registry and waits until it is Running. */
  createRegistry: (name: string, properties?: Record<string, unknown>) => Promise<Registry>
  /** Default scope: pull, push and delete everywhere in the registry. */
  createToken: (registryId: string, token: TokenInput) => Promise<Token>
}

/** How long a start may take. */
const readyWithin = 20_000

/** Starts `bin/entrepot serve` on a free loopback port and waits until it is ready. */
export async function startEntrepot(options: EntrepotOptions = {}): Promise<EntrepotUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-test-'))
  removeAtExit(folder)
  const certificates = await certificatesOf(options, join(folder, 'tls'))
  const setup = await plan(options, folder, certificates)
  const server = new Server(setup)
  try {
    await server.start()
  } catch (error) {
    await server.discard()
    throw error
  }
  return server
}

async function certificatesOf(options: EntrepotOptions, folder: string): Promise<Certificates | undefined> {
  if (options.tls === undefined || options.tls === false) return undefined
  return options.tls === true ? createCertificates(folder, options.domain) : options.tls
}

type Setup = {
  folder: string
  port: number
  dataDir: string
  admin: Admin
  masterKey: string | undefined
  certificates: Certificates | undefined
  ca: Buffer | undefined
  env: NodeJS.ProcessEnv
}

async function plan(options: EntrepotOptions, folder: string, certificates: Certificates | undefined): Promise<Setup> {
  const port = await freePort()
  const dataDir = options.dataDir ?? join(folder, 'data')
  const admin = options.admin ?? { email: 'owner@example.com', password: randomBytes(18).toString('base64url') }
  const needsKey = options.databaseUrl !== undefined || options.s3 !== undefined
  const masterKey = options.masterKey ?? (needsKey ? randomBytes(32).toString('base64') : undefined)
  const env: NodeJS.ProcessEnv = {
    ...inherited(),
    ...settings({ ...options, admin, dataDir, ...(masterKey === undefined ? {} : { masterKey }) }, port),
    ...(certificates === undefined
      ? {}
      : { ENTREPOT_TLS_CERT: certificates.certFile, ENTREPOT_TLS_KEY: certificates.keyFile }),
  }
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name]
    else env[name] = value
  }
  const ca = certificates === undefined ? undefined : await readFile(certificates.caFile)
  return { folder, port, dataDir, admin, masterKey, certificates, ca, env }
}

/** This process's environment without settings that are meant for another server, and without the test runner's own. */
function inherited(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !name.startsWith('ENTREPOT_') && name !== 'NODE_TEST_CONTEXT')
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}

function settings(options: EntrepotOptions & { admin: Admin; dataDir: string }, port: number): Record<string, string> {
  const { admin, dataDir, workers = 2, domain, databaseUrl, masterKey, s3 } = options
  return {
    ENTREPOT_LISTEN: `127.0.0.1:${port}`,
    ENTREPOT_DATA: dataDir,
    ENTREPOT_ADMIN_EMAIL: admin.email,
    ENTREPOT_ADMIN_PASSWORD: admin.password,
    ENTREPOT_WORKERS: String(workers),
    ENTREPOT_ADVISORY_SOURCES: 'none', // tests ask nobody outside
    ...(domain === undefined ? {} : { ENTREPOT_DOMAIN: domain }),
    ...(databaseUrl === undefined ? {} : { ENTREPOT_DATABASE_URL: databaseUrl }),
    ...(masterKey === undefined ? {} : { ENTREPOT_MASTER_KEY: masterKey }),
    ...(s3 === undefined ? {} : s3Settings(s3)),
  }
}

function s3Settings(s3: S3Settings): Record<string, string> {
  return {
    ENTREPOT_S3_BUCKET: s3.bucket,
    ENTREPOT_S3_ENDPOINT: s3.endpoint,
    ENTREPOT_S3_REGION: s3.region,
    ENTREPOT_S3_ACCESS_KEY_ID: s3.accessKeyId,
    ENTREPOT_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    ENTREPOT_S3_FORCE_PATH_STYLE: 'true',
  }
}

class Server implements EntrepotUnderTest {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly admin: Admin
  readonly masterKey: string | undefined
  readonly certificates: Certificates | undefined
  readonly caFile: string | undefined
  readonly #setup: Setup
  #daemon: Daemon | undefined
  #earlierLogs = ''

  constructor(setup: Setup) {
    this.#setup = setup
    this.port = setup.port
    this.host = `127.0.0.1:${setup.port}`
    this.url = `${setup.certificates === undefined ? 'http' : 'https'}://${this.host}`
    this.dataDir = setup.dataDir
    this.admin = setup.admin
    this.masterKey = setup.masterKey
    this.certificates = setup.certificates
    this.caFile = setup.certificates?.caFile
  }

  get pid(): number {
    return this.#running().pid
  }

  logs = (): string => this.#earlierLogs + (this.#daemon?.logs() ?? '')

  start = async (): Promise<void> => {
    if (this.#daemon !== undefined) throw new Error('the server runs already')
    const daemon = startDaemon(process.execPath, [program, 'serve'], { env: this.#setup.env, cwd: this.#setup.folder })
    this.#daemon = daemon
    const ended = (): boolean => daemon.child.exitCode !== null || daemon.child.signalCode !== null
    const state = (): string =>
      `${ended() ? 'the server ended' : 'the server is not ready'}; its log:\n${daemon.logs()}`
    await until(async () => ended() || (await this.#isReady()), state, readyWithin)
    if (ended()) throw new Error(state())
  }

  stop = async (): Promise<void> => {
    const daemon = this.#running()
    daemon.child.kill('SIGTERM')
    const code = await exitWithin(daemon, 30_000)
    const orphans = code !== 'timeout' && (await survives(daemon, 2000))
    if (code === 'timeout' || orphans) await killDaemon(daemon)
    this.#forget(daemon)
    if (code === 'timeout') throw new Error(`SIGTERM did not end the server in 30 s; its log:\n${this.logs()}`)
    if (orphans) throw new Error(`the server left processes behind; its log:\n${this.logs()}`)
    if (code !== 0) throw new Error(`the server ended with ${code} on SIGTERM; its log:\n${this.logs()}`)
  }

  restart = async (): Promise<void> => {
    if (this.#daemon !== undefined) await this.stop()
    await this.start()
  }

  kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const daemon = this.#running()
    await killDaemon(daemon, signal)
    this.#forget(daemon)
  }

  request = (path: string, options: RequestOptions = {}): Promise<Answer> =>
    send(new URL(path, this.url), options, this.#setup.ca)

  api = (method: string, path: string, body?: unknown): Promise<Answer> => {
    const { email, password } = this.#setup.admin
    const authorization = `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`
    if (body === undefined) return this.request(path, { method, headers: { authorization } })
    const headers = { authorization, 'content-type': 'application/json' }
    return this.request(path, { method, headers, body: JSON.stringify(body) })
  }

  createRegistry = async (name: string, properties: Record<string, unknown> = {}): Promise<Registry> => {
    const location = properties['location'] ?? (await this.#anyLocation())
    const created = await this.api('POST', '/registries', { properties: { ...properties, name, location } })
    const { id } = expectStatus(created, 201).json<{ id: string }>()
    let last = created
    const isRunning = async (): Promise<boolean> => {
      last = await this.api('GET', `/registries/${id}`)
      return last.status === 200 && last.json<RegistryBody>().metadata.state === 'Running'
    }
    await until(isRunning, () => `registry ${name} is not Running: ${last.text}`, 20_000)
    return { id, name, hostname: last.json<RegistryBody>().properties.hostname }
  }

  createToken = async (registryId: string, token: TokenInput): Promise<Token> => {
    const scopes = [{ type: 'repository', name: '*', actions: ['pull', 'push', 'delete'] }]
    const path = `/registries/${registryId}/tokens`
    const created = await this.api('POST', path, { properties: { scopes, ...token } })
    const { id, properties } = expectStatus(created, 201).json<TokenBody>()
    return { id, name: token.name, ...properties.credentials }
  }

  async #anyLocation(): Promise<string> {
    const { items } = expectStatus(await this.api('GET', '/locations'), 200).json<{ items: { id: string }[] }>()
    const [first] = items
    if (first === undefined) throw new Error('the server has no location')
    return first.id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#daemon !== undefined) await this.stop()
    } finally {
      await this.discard()
    }
  }

  /** Ends what still runs, without asking how, and removes the files. */
  async discard(): Promise<void> {
    const daemon = this.#daemon
    if (daemon !== undefined) {
      await killDaemon(daemon)
      this.#forget(daemon)
    }
    await rm(this.#setup.folder, { recursive: true, force: true })
  }

  #running(): Daemon {
    if (this.#daemon === undefined) throw new Error('the server does not run')
    return this.#daemon
  }

  #forget(daemon: Daemon): void {
    this.#earlierLogs += daemon.logs()
    this.#daemon = undefined
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await this.request('/readyz')).status === 200
    } catch {
      return false
    }
  }
}

type RegistryBody = { metadata: { state: string }; properties: { hostname: string } }
type TokenBody = { id: string; properties: { credentials: { username: string; password: string } } }

/** Workers may need a moment after the first process is gone. */
async function survives(daemon: Daemon, patience: number): Promise<boolean> {
  const deadline = Date.now() + patience
  while (groupMembers(daemon.pid).length > 0) {
    if (Date.now() > deadline) return true
    await sleep(20)
  }
  return false
}

/** Answers with the response when its status is the expected one; else throws with what the server said. */
export function expectStatus(response: Answer, status: number): Answer {
  if (response.status === status) return response
  throw new Error(`expected ${status}, got ${response.status}: ${response.text}`)
}

/** One request on a connection of its own: a test never inherits another one's connection, nor its worker. */
function send(url: URL, { method = 'GET', headers = {}, body }: RequestOptions, ca?: Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const options = { method, headers, agent: false as const, timeout: 60_000 }
  const request = url.protocol === 'https:' ? httpsRequest(url, { ...options, ca }) : httpRequest(url, options)
  request.once('error', reject)
  request.once('timeout', () => request.destroy(new Error(`${method} ${url}: no answer in 60 s`)))
  request.once('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('error', reject)
    response.once('end', () => resolve(asAnswer(response.statusCode ?? 0, response.headers, Buffer.concat(chunks))))
  })
  request.end(body)
  return promise
}

function asAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const text = body.toString()
  const json = <T>(): T => {
    try {
      return JSON.parse(text) as T
    } catch {
      throw new Error(`no JSON in the answer ${status}: ${text.slice(0, 1000)}`)
    }
  }
  return { status, headers, body, text, json }
}
