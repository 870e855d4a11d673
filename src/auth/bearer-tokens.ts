import { compactVerify, SignJWT } from 'jose'
import type { AccessEntry } from '../domain/permission.ts'
import type { BearerClaims, Claimant } from './identity.ts'
import type { SigningKeys } from './signing-keys.ts'

const ISSUER = 'entrepot'
const ALGORITHM = 'ES256'
/** How far the clocks of two nodes may differ. */
export const CLOCK_SKEW_MS = 60_000

export interface IssuedBearer {
  readonly token: string
  /** Milliseconds UTC. */
  readonly issuedAt: number
}

/** Names of our own claims are short: the whole token travels with every request. */
interface Payload {
  readonly iss: string
  readonly aud: string
  readonly nbf: number
  readonly exp: number
  readonly who: Claimant
  readonly access: readonly AccessEntry[]
}

/** JSON Web Tokens (RFC 7519) of this installation. The only file that knows their form. */
export class BearerTokens {
  readonly #keys: SigningKeys
  readonly #now: () => number
  readonly lifetimeSeconds: number

  constructor(deps: { readonly keys: SigningKeys; readonly now: () => number; readonly lifetimeSeconds: number }) {
    this.#keys = deps.keys
    this.#now = deps.now
    this.lifetimeSeconds = deps.lifetimeSeconds
  }

  /** `subject` is for readers of the token; what counts is `claimant`. */
  async issue(token: {
    readonly audience: string
    readonly subject: string
    readonly claimant: Claimant
    readonly access: readonly AccessEntry[]
  }): Promise<IssuedBearer> {
    const { kid, privateKey } = await this.#keys.signer()
    const seconds = Math.floor(this.#now() / 1000)
    const signed = await new SignJWT({ who: token.claimant, access: token.access })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
      .setIssuer(ISSUER)
      .setSubject(token.subject)
      .setAudience(token.audience)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + this.lifetimeSeconds)
      .sign(privateKey)
    return { token: signed, issuedAt: seconds * 1000 }
  }

  /**
   * What a token of ours says, or null if it is not one. Its times and audience are compared by whoever admits, at every
   * request: the result may be remembered.
   */
  async read(token: string): Promise<BearerClaims | null> {
    let payload: Uint8Array
    try {
      const verified = await compactVerify(token, async ({ kid }) => await this.#key(kid), { algorithms: [ALGORITHM] })
      payload = verified.payload
    } catch (error) {
      if (isJoseError(error) || error instanceof UnknownKey) return null
      throw error
    }
    const claims: Payload = JSON.parse(Buffer.from(payload).toString('utf8'))
    if (claims.iss !== ISSUER) return null
    return {
      audience: claims.aud,
      notBefore: claims.nbf * 1000,
      expiresAt: claims.exp * 1000,
      claimant: claims.who,
      access: claims.access,
    }
  }

  async #key(kid: string | undefined) {
    const key = kid === undefined ? null : await this.#keys.publicKey(kid)
    if (!key) throw new UnknownKey()
    return key
  }
}

class UnknownKey extends Error {}

/** All of jose's errors carry a code that starts so. Malformed base64 and JSON inside are among them. */
function isJoseError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_J')
}
