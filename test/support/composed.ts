import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { App } from '../../src/compose.ts'
import { compose } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load.ts'
import { prepare } from '../../src/first-start.ts'
import { SILENT } from '../../src/http/log.ts'
import type { Log } from '../../src/telemetry/log.ts'

export const FIRST_OWNER = { email: 'root@example.com', password: 'correct horse battery' }

export interface Request {
  /** The Authorization header. */
  readonly as?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  readonly headers: LightMyRequestResponse['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any
}

/** The whole server as `serve` composes it, without a socket: all doors over one embedded installation. */
export class Composed implements AsyncDisposable {
  readonly directory: string
  readonly #opened = new AsyncDisposableStack()
  #first: App | undefined

  private constructor(directory: string) {
    this.directory = directory
  }

  static async open(): Promise<Composed> {
    const composed = new Composed(await mkdtemp(join(tmpdir(), 'entrepot-composed-')))
    composed.#opened.defer(() => rm(composed.directory, { recursive: true, force: true }))
    await prepare(composed.#config())
    composed.#first = await composed.node()
    return composed
  }

  get first(): App {
    if (!this.#first) throw new TypeError('not open')
    return this.#first
  }

  /** One more process on the same database and files. */
  async node(): Promise<App> {
    return this.#opened.use(await compose(this.#config(), { log: SILENT as unknown as Log }))
  }

  /** JSON in, parsed JSON out. */
  async call(
    method: NonNullable<InjectOptions['method']>,
    url: string,
    { as, body, headers = {} }: Request = {},
    app: App = this.first,
  ): Promise<Reply> {
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)
    const response = await app.server.inject({
      method,
      url,
      headers: {
        host: 'cr.test',
        ...(as === undefined ? {} : { authorization: as }),
        ...(isJson ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: isJson ? JSON.stringify(body) : (body as string | Buffer) }),
    })
    const { statusCode: status, body: text } = response
    const answersJson = /json(;|$)/.test(String(response.headers['content-type'])) && text !== ''
    return { status, headers: response.headers, text, json: answersJson ? JSON.parse(text) : undefined }
  }

  #config() {
    return loadConfig({
      ENTREPOT_DATA: this.directory,
      ENTREPOT_ADMIN_EMAIL: FIRST_OWNER.email,
      ENTREPOT_ADMIN_PASSWORD: FIRST_OWNER.password,
      ENTREPOT_WORKERS: '1',
      ENTREPOT_ADVISORY_SOURCES: 'none',
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}
