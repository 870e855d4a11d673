import { randomBytes } from 'node:crypto'
import { DomainError } from '../domain/error.ts'
import { usableSsoProvider } from '../metadata/tables/sso-providers.ts'
import type { SsoDeps } from './deps.ts'
import type { Flow } from './flow-cookie.ts'
import { FLOW_LIFETIME_MS, sealFlow } from './flow-cookie.ts'
import { clientSecretOf } from './providers.ts'
import { parseReturnTo } from './return-to.ts'

export interface LoginStart {
  /** Where the browser goes. */
  readonly location: URL
  /** What it brings back to the callback, and nowhere else. */
  readonly cookie: { readonly name: string; readonly value: string; readonly maxAgeSeconds: number }
}

/**
 * Nothing is stored: what the callback has to know travels encrypted in a cookie of the browser that begins, so that
 * strangers who begin make no rows. @throws `not_found` (unknown, disabled, of a suspended contract: all alike),
 * `input_invalid` (the path to return to), `unavailable`.
 */
export async function beginLogin(
  deps: SsoDeps,
  input: { readonly providerId: string; readonly returnTo: string | null; readonly redirectUri: string },
): Promise<LoginStart> {
  const returnTo = parseReturnTo(input.returnTo)
  const row = await deps.metadata.read((sql) => usableSsoProvider(sql, input.providerId))
  if (row === null) throw notUsable()
  const flow: Flow = {
    state: token(),
    nonce: token(),
    verifier: token(),
    providerId: row.public_id,
    redirectUri: input.redirectUri,
    returnTo,
    expiresAt: deps.now() + FLOW_LIFETIME_MS,
  }
  const client = { issuer: row.issuer, clientId: row.client_id, clientSecret: await clientSecretOf(deps, row) }
  const location = await deps.providers.authorizationUrl(client, { ...flow, scopes: JSON.parse(row.scopes) })
  return { location, cookie: { ...sealFlow(deps.flowKey(), flow), maxAgeSeconds: FLOW_LIFETIME_MS / 1_000 } }
}

export function notUsable(): DomainError {
  return new DomainError(
    'not_found',
    'This way of signing in does not exist or is switched off. Ask an administrator of your contract for the right link.',
  )
}

/** 256 bits; as a PKCE verifier it has the 43 characters that RFC 7636, 4.1 asks for. */
function token(): string {
  return randomBytes(32).toString('base64url')
}
