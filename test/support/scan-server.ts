import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { OPERATOR } from '../../src/accounts/deps.ts'
import type { App } from '../../src/compose.ts'
import { compose } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load.ts'
import { prepare } from '../../src/first-start.ts'
import type { Log } from '../../src/http/log.ts'
import { SILENT } from '../../src/http/log.ts'
import type { Printed, TypedLine } from './cli.ts'
import { type } from './cli.ts'
import { sha256 } from './registry.ts'
import type { Member } from './tar-members.ts'
import { archive } from './tar-members.ts'
import { until } from './tools.ts'

export const OCI = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

const OWNER = { email: 'ann@example.com', password: 'correct horse battery staple' }
/** On a machine that does many other things at once. */
const PATIENCE_MS = 120_000

export interface Reply {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any
}

/**
 * The whole server, as `serve` composes it, on a port: its timers run, its jobs read layers in processes of their own. Only the clock by which
 * things are due, and old, is the test's.
 */
export class ScanServer implements AsyncDisposable {
  readonly clock = { now: Date.UTC(2026, 1, 1, 12) }
  readonly #opened = new AsyncDisposableStack()
  #data = ''
  #app: App | undefined
  #url = ''

  /** `env`: PostgreSQL instead of the embedded database, for one. `log`: what an operator sees. */
  static async open(env: Readonly<Record<string, string>> = {}, log: Log = SILENT): Promise<ScanServer> {
    const world = new ScanServer()
    const data = await mkdtemp(join(tmpdir(), 'entrepot-scanning-'))
    world.#opened.defer(() => rm(data, { recursive: true, force: true }))
    const config = loadConfig({
      ENTREPOT_DATA: data,
      ENTREPOT_ADMIN_EMAIL: OWNER.email,
      ENTREPOT_ADMIN_PASSWORD: OWNER.password,
      ENTREPOT_WORKERS: '1',
      ENTREPOT_ADVISORY_SOURCES: 'none',
      ...env,
    })
    await prepare(config)
    const databaseNow = () => world.clock.now
    const app = await compose(config, { log, rooms: { now: databaseNow }, databaseNow })
    world.#opened.use(app)
    world.#url = await app.server.listen({ host: '127.0.0.1', port: 0 })
    world.#data = data
    world.#app = app
    return world
  }

  get url(): string {
    return this.#url
  }

  /** The data directory. */
  get data(): string {
    return this.#data
  }

  /** Nobody serves any more; the data stays. */
  async stop(): Promise<void> {
    await this.#app?.[Symbol.asyncDispose]()
  }

  /** A command line of somebody who is logged in from this home; by the clock of the server. */
  async type(line: string, given: TypedLine = {}): Promise<Printed> {
    return await type(line, { env: { HOME: this.#data }, now: this.clock.now, ...given })
  }

  async logIn(): Promise<void> {
    const { code, err } = await this.type(`login ${this.#url} --email ${OWNER.email}`, { piped: [OWNER.password] })
    assert.equal(code, 0, err)
  }

  async call(
    method: string,
    path: string,
    body?: object | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const isBytes = body instanceof Uint8Array
    const authorization = `Basic ${Buffer.from(`${OWNER.email}:${OWNER.password}`).toString('base64')}`
    const answer = await fetch(this.#url + path, {
      method,
      headers: { authorization, ...(body && !isBytes ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = /json(;|$)/.test(answer.headers.get('content-type') ?? '') && text !== ''
    return { status: answer.status, text, json: isJson ? JSON.parse(text) : undefined }
  }

  async get(path: string): Promise<Reply['json']> {
    const { status, text, json } = await this.call('GET', path)
    assert.equal(status, 200, text)
    return json
  }

  /** @returns its id. */
  async registry(name: string, properties: object = {}): Promise<string> {
    const made = await this.call('POST', '/registries', { properties: { name, location: 'de/fra', ...properties } })
    assert.equal(made.status, 201, made.text)
    await this.#app?.rooms.registries.settle()
    return made.json.id
  }

  async blob(place: string, mediaType: string, bytes: Uint8Array) {
    const digest = sha256(bytes)
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = await this.call('POST', `/v2/${place}/blobs/uploads/?digest=${digest}`, bytes, headers)
    assert.equal(answer.status, 201, answer.text)
    return { mediaType, digest, size: bytes.length }
  }

  /** @returns its digest. */
  async manifest(place: string, tag: string, mediaType: string, content: object): Promise<string> {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
    const answer = await this.call('PUT', `/v2/${place}/manifests/${tag}`, bytes, { 'content-type': mediaType })
    assert.equal(answer.status, 201, answer.text)
    return sha256(bytes)
  }

  /** Its layers from the lowest up. @returns its digest. */
  async image(place: string, tag: string, ...layers: readonly (readonly Member[])[]): Promise<string> {
    const plain = layers.map((members) => archive(...members))
    const rootfs = { type: 'layers', diff_ids: plain.map((bytes) => sha256(bytes)) }
    const config = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs }))
    const stored = []
    for (const bytes of plain) stored.push(await this.blob(place, OCI.layer, gzipSync(bytes)))
    return await this.manifest(place, tag, OCI.manifest, {
      config: await this.blob(place, OCI.config, config),
      layers: stored,
    })
  }

  get app(): App {
    if (!this.#app) throw new TypeError('not open')
    return this.#app
  }

  /** The owner, too, may do what operators do. */
  async makeOperator(): Promise<void> {
    await this.app.rooms.accounts.setOperator({ email: OWNER.email, isOperator: true }, OPERATOR)
  }

  /** At the machine, by the command, while the server runs: a file of test/journeys/advisories. */
  async import(file: string): Promise<void> {
    this.clock.now += 60_000
    const { pathname } = new URL(`../journeys/advisories/${file}`, import.meta.url)
    const { code, err } = await type(`advisories import ${pathname} --data ${this.#data}`, { now: this.clock.now })
    assert.equal(code, 0, err)
  }

  /** What the server does every two seconds, now. */
  async tick(): Promise<void> {
    await this.#app?.flush()
    await this.#app?.rooms.scans.followImports()
    await this.#app?.rooms.feeds.lookWhetherDue()
  }

  /** Asks until the answer is as wanted. @returns it. */
  async see(path: string, isAsWanted: (json: Reply['json']) => boolean): Promise<Reply['json']> {
    let last: Reply['json']
    const ask = async (): Promise<boolean> => {
      last = await this.get(path)
      return isAsWanted(last)
    }
    await until(ask, () => `${path} answers ${JSON.stringify(last)}`, PATIENCE_MS)
    return last
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}
