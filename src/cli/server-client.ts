/** What the server said no to, or that it said nothing: one sentence for whoever typed the command. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  /** HTTP status; null: no answer. */
  readonly status: number | null

  constructor(status: number | null, message: string) {
    super(message)
    this.status = status
  }
}

export interface ServerAccess {
  /** Scheme and host, perhaps a path, without a slash at the end. */
  readonly url: string
  /** The Authorization header; null: for what is public. */
  readonly authorization: string | null
  /** For people of several contracts; null: their first. */
  readonly contract: number | null
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface ServerPage<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

const TIMEOUT_MS = 30_000
const PAGE = 500

/** A server's management APIs, as commands use them. Answers are of the shapes that the API documents. */
export class ServerClient {
  readonly #access: ServerAccess
  readonly #timeoutMs: number

  constructor(access: ServerAccess, timeoutMs = TIMEOUT_MS) {
    this.#access = access
    this.#timeoutMs = timeoutMs
  }

  get url(): string {
    return this.#access.url
  }

  /** @throws ServerError, as all here. */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#read(await this.#call('GET', path + asText(query))) as Promise<T>
  }

  /** The answer, or null when it has no body. */
  async send<T = null>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
    return (await this.#read(await this.#call(method, path, body))) as T
  }

  /** All items of a list of /api/v1, page by page. */
  async *items<Item>(path: string, query: Query = {}): AsyncGenerator<Item> {
    for (let after: string | undefined; ; ) {
      const page: ServerPage<Item> = await this.get(path, { limit: PAGE, ...query, after })
      yield* page.items
      if (page.next === null) return
      after = page.next
    }
  }

  /** An answer as it comes, for what is long. */
  async *stream(path: string, query: Query = {}): AsyncGenerator<Uint8Array> {
    const { body } = await this.#call('GET', path + asText(query), undefined, false)
    if (body === null) return
    try {
      yield* body
    } catch (error) {
      throw new ServerError(null, `what ${this.url} sent is not whole: ${causeOf(error).message}`)
    }
  }

  /** Null: no body. */
  async #read(response: Response): Promise<unknown> {
    const text = await response.text().catch((error: unknown) => {
      throw new ServerError(null, noAnswer(this.url, error, this.#timeoutMs))
    })
    if (text === '') return null
    try {
      return JSON.parse(text)
    } catch {
      throw new ServerError(response.status, `${this.url} answered something that is no JSON: is it the right URL?`)
    }
  }

  async #call(method: string, path: string, body?: unknown, limited = true): Promise<Response> {
    const { url, authorization, contract } = this.#access
    const init: RequestInit = {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        ...(authorization === null ? {} : { authorization }),
        ...(contract === null ? {} : { 'x-contract-number': String(contract) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(limited ? { signal: AbortSignal.timeout(this.#timeoutMs) } : {}),
    }
    const response = await fetch(url + path, init).catch((error: unknown) => {
      throw new ServerError(null, noAnswer(url, error, this.#timeoutMs))
    })
    if (response.ok) return response
    throw new ServerError(response.status, await refusalOf(response, url, authorization === null))
  }
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items)
}

function asText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

/** The sentence in it, whichever of our error forms it has. */
async function refusalOf(response: Response, url: string, isLogin: boolean): Promise<string> {
  const { status } = response
  const location = response.headers.get('location')
  if (status >= 300 && status < 400) return `${url} sends us to ${location ?? 'another place'}: give that URL instead`
  const said = sentenceIn(await response.text().catch(() => ''))
  const sentence = said ?? `${url} answered ${status}, which is not how Entrepot refuses: is it the right URL?`
  if (status !== 401) return sentence
  return isLogin ? sentence : `${sentence}\n  Log in with entrepot login ${url}, or set ENTREPOT_API_KEY`
}

function sentenceIn(text: string): string | null {
  try {
    const body = JSON.parse(text) as {
      detail?: unknown
      messages?: { message?: unknown }[]
      errors?: { message?: unknown }[]
    }
    const sentence = body.detail ?? body.messages?.[0]?.message ?? body.errors?.[0]?.message
    return typeof sentence === 'string' ? sentence : null
  } catch {
    return null
  }
}

const CERTIFICATE = /CERT|SIGNATURE|TLS|SSL/

function noAnswer(url: string, error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `${url} has not answered within ${timeoutMs / 1000} seconds`
  }
  const { code, message } = causeOf(error)
  if (CERTIFICATE.test(code)) {
    return `the certificate of ${url} is not trusted (${code}): ENTREPOT_CA names a PEM file with the authority that signed it`
  }
  return `${url} does not answer (${message || code}): is that the right URL, and does the server run?`
}

/** What fetch wraps; of several addresses that were tried, the last. */
function causeOf(error: unknown): { code: string; message: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const last = cause instanceof AggregateError ? cause.errors.at(-1) : cause
  if (!(last instanceof Error)) return { code: '', message: String(last) }
  return { code: 'code' in last ? String(last.code) : '', message: last.message }
}
