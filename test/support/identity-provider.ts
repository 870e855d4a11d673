import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Lies = {
  /** Over what its configuration says. */
  configuration?: Record<string, unknown>
  /** Over the ID token's claims. */
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** Over the answers of the token and userinfo endpoints. */
  token?: Record<string, unknown>
  userinfo?: Record<string, unknown> | null
  /** Signs with a key that is not in the set. */
  otherKey?: boolean
  /** `HS256` with the client's secret, `none`, or the first byte of the signature flipped. */
  signature?: 'HS256' | 'none' | 'flipped'
  /** Instead of a configuration, or of tokens. */
  configurationStatus?: number
  tokenStatus?: number
  jwks?: unknown
}

export interface Request {
  readonly path: string
  readonly authorization: string | undefined
  readonly form: URLSearchParams
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** An OpenID Connect provider that says what a test tells it to, lies included. The honest one of the tests is oidc-provider. */
export class LyingProvider implements AsyncDisposable {
  readonly #server = createServer((request, reply) => void this.#answer(request, reply))
  readonly requests: Request[] = []
  #key = newKey()
  #kid = 'first'
  lies: Lies = {}
  /** Of whoever logs in next. */
  person: Record<string, unknown> = { sub: 'ann', email: 'ann@idp.example', groups: ['dev'] }
  nonce = ''
  /** Milliseconds UTC. */
  now: () => number

  private constructor(now: () => number) {
    this.now = now
  }

  static async open(now: () => number): Promise<LyingProvider> {
    const provider = new LyingProvider(now)
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  rotateKey(): void {
    this.#key = newKey()
    this.#kid = randomUUID()
  }

  asked(path: string): number {
    return this.requests.filter((one) => one.path === path).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', this.issuer).pathname
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
    this.requests.push({ path, authorization: request.headers.authorization, form })
    const send = (status: number, body: unknown) =>
      reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const { lies } = this
    if (path === '/.well-known/openid-configuration') send(lies.configurationStatus ?? 200, this.#configuration())
    else if (path === '/keys') send(200, lies.jwks ?? { keys: [this.#jwk()] })
    else if (path === '/userinfo') send(200, { ...this.person, ...lies.userinfo })
    else if (path === '/token' && lies.tokenStatus) send(lies.tokenStatus, lies.token)
    else if (path === '/token') send(200, this.#tokens())
    else send(404, {})
  }

  #configuration(): Record<string, unknown> {
    const { issuer } = this
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      ...this.lies.configuration,
    }
  }

  #tokens(): Record<string, unknown> {
    return { access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token: this.#idToken(), ...this.lies.token }
  }

  #idToken(): string {
    const seconds = Math.floor(this.now() / 1_000)
    const { signature, otherKey } = this.lies
    const alg = signature === 'HS256' || signature === 'none' ? signature : 'ES256'
    const claims = {
      iss: this.issuer,
      aud: 'entrepot',
      iat: seconds,
      exp: seconds + 60,
      nonce: this.nonce,
      ...this.person,
      ...this.lies.claims,
    }
    const text = `${part({ alg, kid: this.#kid, ...this.lies.header })}.${part(claims)}`
    if (signature === 'none') return `${text}.`
    if (signature === 'HS256') return `${text}.${createHmac('sha256', 's3cr3t').update(text).digest('base64url')}`
    const { privateKey } = otherKey ? newKey() : this.#key
    const bytes = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    if (signature === 'flipped') bytes[0] = (bytes[0] ?? 0) ^ 1
    return `${text}.${bytes.toString('base64url')}`
  }

  #jwk(): Record<string, unknown> {
    return { ...this.#key.publicKey.export({ format: 'jwk' }), kid: this.#kid, alg: 'ES256', use: 'sig' }
  }
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
