import { createHash } from 'node:crypto'
import type { Configuration, CustomFetch, ServerMetadata } from 'openid-client'
import * as oidc from 'openid-client'
import type { Egress } from '../http/egress.ts'
import { describe, discoveryFault, MetadataFault, noAnswer } from './provider-fault.ts'

/** What has to be known of an identity provider to ask it. */
export interface Client {
  readonly issuer: string
  readonly clientId: string
  /** Null: a public client. */
  readonly clientSecret: string | null
}

export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export interface Redemption {
  /** The redirect URI as it was sent, with the parameters that came back. */
  readonly callback: URL
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** If the ID token does not say enough the userinfo endpoint is asked too. */
  readonly isEnough: (claims: Readonly<Record<string, unknown>>) => boolean
}

/** What the provider says of whoever signed on; verified. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string }

/** Discovery is repeated after this long, so that a provider's change is seen; signing keys have an age of their own. */
const CONFIGURATION_MS = 10 * 60_000
const MOST_CONFIGURATIONS = 200
const TIMEOUT_SECONDS = 10
/** How far the clocks of a provider and ours may be apart. */
const CLOCK_TOLERANCE_SECONDS = 30

/** Everything that is said to identity providers. The library behind it is named in this file only. */
export class IdentityProviders {
  readonly #fetch: CustomFetch
  readonly #egress: Egress
  readonly #now: () => number
  readonly #known = new Map<string, { readonly configuration: Configuration; readonly until: number }>()

  constructor(deps: { readonly egress: Egress; readonly now: () => number }) {
    this.#egress = deps.egress
    this.#now = deps.now
    this.#fetch = (url, { method, headers, body, signal }) => {
      const text = body instanceof URLSearchParams ? body.toString() : body
      if (typeof text !== 'string' && text !== null && text !== undefined) throw new TypeError('a body is text')
      return deps.egress(url, { method, headers, body: text, redirect: 'manual', signal })
    }
  }

  /**
   * Looks the provider up anew, with its signing keys. @returns its issuer, exactly as it writes it.
   * @throws `input_invalid` with what is wrong with it, for whoever configures it.
   */
  async check(client: Client): Promise<string> {
    try {
      const configuration = await this.#discover(client)
      const metadata = configuration.serverMetadata()
      await this.#checkKeys(metadata)
      this.#remember(client, configuration)
      return metadata.issuer
    } catch (error) {
      throw discoveryFault(client.issuer, error)
    }
  }

  /** Where the browser is sent. Code flow, PKCE by S256. @throws `unavailable` */
  async authorizationUrl(client: Client, request: AuthorizationRequest): Promise<URL> {
    try {
      return oidc.buildAuthorizationUrl(await this.#configuration(client), {
        redirect_uri: request.redirectUri,
        scope: request.scopes.join(' '),
        state: request.state,
        nonce: request.nonce,
        code_challenge: createHash('sha256').update(request.verifier).digest('base64url'),
        code_challenge_method: 'S256',
      })
    } catch (error) {
      throw describe(error)
    }
  }

  /**
   * Exchanges the code and verifies the ID token: signature, issuer, audience, nonce, times.
   * @throws `denied` (the provider or the person said no), `unauthenticated` (what came back is not right), `unavailable`.
   */
  async redeem(client: Client, { callback, state, nonce, verifier, isEnough }: Redemption): Promise<Claims> {
    try {
      const configuration = await this.#configuration(client)
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
      const tokens = await oidc.authorizationCodeGrant(configuration, callback, checks)
      const claims = tokens.claims()
      if (claims === undefined) throw new TypeError('an expected ID token is there')
      if (isEnough(claims) || configuration.serverMetadata().userinfo_endpoint === undefined) return claims
      const more = await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub)
      return { ...more, ...claims }
    } catch (error) {
      throw describe(error)
    }
  }

  async #configuration(client: Client): Promise<Configuration> {
    const known = this.#known.get(keyOf(client))
    if (known && this.#now() < known.until) return known.configuration
    const configuration = await this.#discover(client).catch((error: unknown) => {
      throw noAnswer(error)
    })
    this.#remember(client, configuration)
    return configuration
  }

  async #discover(client: Client): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = client
    const found = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), {
      [oidc.customFetch]: this.#fetch,
      timeout: TIMEOUT_SECONDS,
      execute: isPlain(issuer) ? [oidc.allowInsecureRequests] : [],
    })
    const metadata = checkMetadata(found.serverMetadata(), issuer)
    const times = {
      [oidc.clockTolerance]: CLOCK_TOLERANCE_SECONDS,
      [oidc.clockSkew]: Math.round((this.#now() - Date.now()) / 1_000),
    }
    const configuration = new oidc.Configuration(metadata, clientId, times, authentication(metadata, clientSecret))
    configuration[oidc.customFetch] = this.#fetch
    configuration.timeout = TIMEOUT_SECONDS
    if (isPlain(issuer)) oidc.allowInsecureRequests(configuration)
    oidc.enableNonRepudiationChecks(configuration)
    return configuration
  }

  async #checkKeys({ jwks_uri }: ServerMetadata): Promise<void> {
    const answer = await this.#egress(jwks_uri ?? '', { headers: { accept: 'application/json' } })
    const body: unknown = answer.status === 200 ? await answer.json().catch(() => null) : null
    const keys = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : null
    if (!Array.isArray(keys) || keys.length === 0) throw new MetadataFault('its jwks_uri does not answer with keys')
  }

  #remember(client: Client, configuration: Configuration): void {
    if (this.#known.size >= MOST_CONFIGURATIONS) this.#known.clear()
    this.#known.set(keyOf(client), { configuration, until: this.#now() + CONFIGURATION_MS })
  }
}

/**
 * The library lets two vendors answer for issuers of many tenants at once; here (issuer, subject) is a person, so one
 * issuer it is. @throws MetadataFault
 */
function checkMetadata(metadata: ServerMetadata, issuer: string): ServerMetadata {
  if (URL.parse(metadata.issuer)?.href !== new URL(issuer).href) {
    throw new MetadataFault(`it says that its issuer is "${metadata.issuer.slice(0, 200)}": write that one`)
  }
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    const url = URL.parse(metadata[name] ?? '')
    const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isPlain(issuer))
    if (!isFit) throw new MetadataFault(`its ${name} is missing, or is not an https URL`)
  }
  if (metadata.response_types_supported?.includes('code') === false) {
    throw new MetadataFault('it does not offer the code flow (response type "code")')
  }
  return { ...metadata }
}

function authentication({ token_endpoint_auth_methods_supported: methods }: ServerMetadata, secret: string | null) {
  if (secret === null) return oidc.None()
  // Basic is what counts when nothing is said (OpenID Connect Discovery 1.0, 3).
  const isBasic = methods === undefined || methods.includes('client_secret_basic')
  return isBasic ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret)
}

/** Only addresses that the operator listed are reached by http: egress sees to that. */
function isPlain(issuer: string): boolean {
  return issuer.startsWith('http:')
}

function keyOf({ issuer, clientId, clientSecret }: Client): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, clientId, clientSecret]))
    .digest('base64url')
}
