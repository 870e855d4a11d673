import { DomainError } from '../domain/error.ts'
import { hashSecret } from '../domain/secret.ts'
import type { SsoProviderRow } from '../metadata/tables/sso-providers.ts'
import { usableSsoProvider } from '../metadata/tables/sso-providers.ts'
import type { Admission } from './admit-person.ts'
import { admitPerson } from './admit-person.ts'
import { notUsable } from './begin-login.ts'
import type { SsoDeps } from './deps.ts'
import type { Flow } from './flow-cookie.ts'
import { cookieNameOf, openFlow } from './flow-cookie.ts'
import type { Claims } from './provider.ts'
import { clientSecretOf } from './providers.ts'
import { claimOf } from './role-mapping.ts'

export interface Callback {
  /** What the provider sent along, as it stands in the URL, without the question mark. */
  readonly query: string
  /** The value of a cookie of the request. */
  readonly cookie: (name: string) => string | null
  readonly address: string
  readonly userAgent: string | null
}

export interface SignedOn {
  /** The session's secret, for its cookie. */
  readonly session: string
  /** Milliseconds UTC. */
  readonly expiresAt: number
  readonly returnTo: string
  /** The cookie that has done its work. */
  readonly cookieName: string
}

const LONGEST_QUERY = 8_192
/** A spent state is remembered by the database's clock, and refused when over by this node's. */
const CLOCKS_APART_MS = 3_600_000

/**
 * The way back from the provider, in the browser that began. Messages are sentences for a page that anybody can open.
 * @throws `unauthenticated` (nothing began here, or it is over, was changed or used), `denied` (who they are is known,
 * but they may not), `conflict` (their e-mail is another account's), `not_found`, `unavailable`.
 */
export async function finishLogin(deps: SsoDeps, callback: Callback): Promise<SignedOn> {
  const flow = flowOf(deps, callback)
  const row = await deps.metadata.read((sql) => usableSsoProvider(sql, flow.providerId))
  if (row === null) throw notUsable()
  try {
    const claims = await redeem(deps, row, flow, callback.query)
    const { address, userAgent } = callback
    const spent = { stateHash: hashSecret(flow.state), expiresAt: flow.expiresAt + CLOCKS_APART_MS }
    const admitted = await admitPerson(deps, row, { claims, spent, address, userAgent })
    if ('refusal' in admitted) throw refusalOf(admitted.refusal, row, claims)
    return { ...admitted, returnTo: flow.returnTo, cookieName: cookieNameOf(flow.state) ?? '' }
  } catch (error) {
    if (error instanceof DomainError) note(deps, row, error, callback.address)
    throw error
  }
}

function flowOf(deps: SsoDeps, { query, cookie }: Callback): Flow {
  const state = query.length > LONGEST_QUERY ? null : new URLSearchParams(query).get('state')
  const name = state === null ? null : cookieNameOf(state)
  const value = name === null ? null : cookie(name)
  const flow = state === null || value === null ? null : openFlow(deps.flowKey(), value, state, deps.now())
  if (flow !== null) return flow
  throw new DomainError(
    'unauthenticated',
    'This sign-in did not begin in this browser, took too long or is over. Sign in again.',
  )
}

async function redeem(deps: SsoDeps, row: SsoProviderRow, flow: Flow, query: string): Promise<Claims> {
  const client = { issuer: row.issuer, clientId: row.client_id, clientSecret: await clientSecretOf(deps, row) }
  const callback = new URL(flow.redirectUri)
  callback.search = query
  const { state, nonce, verifier } = flow
  const isEnough = (claims: Readonly<Record<string, unknown>>) =>
    claims['email'] !== undefined && claimOf(claims, row.groups_claim) !== undefined
  return await deps.providers.redeem(client, { callback, state, nonce, verifier, isEnough })
}

const SENTENCES = {
  spent: ['unauthenticated', 'This sign-in was used already. Sign in again.'],
  unusable: ['not_found', notUsable().message],
  no_rights: [
    'denied',
    'You are in no group that may use this registry. Ask an administrator of your contract to add you to one.',
  ],
  no_email: [
    'denied',
    'The sign-on service does not say what your e-mail address is. An administrator can change that.',
  ],
  unverified_email: [
    'denied',
    'The sign-on service says that your e-mail address is not verified yet. Verify it there.',
  ],
  email_taken: [
    'conflict',
    'Your e-mail address belongs to another account here. Ask an administrator of your contract to link it to this sign-on.',
  ],
  disabled: ['denied', 'Your account is disabled. Ask an administrator of your contract.'],
} as const satisfies Record<Extract<Admission, { refusal: unknown }>['refusal'], readonly [string, string]>

/** The cause is for the audit log: an administrator needs the subject to link it. */
function refusalOf(refusal: keyof typeof SENTENCES, row: SsoProviderRow, claims: Claims): DomainError {
  const [kind, sentence] = SENTENCES[refusal]
  const email = typeof claims['email'] === 'string' ? claims['email'] : 'without e-mail'
  return new DomainError(kind, sentence, { cause: `${refusal} ${row.name}: subject ${claims.sub}, ${email}` })
}

function note({ refused }: SsoDeps, row: SsoProviderRow, error: DomainError, address: string): void {
  const subject = typeof error.cause === 'string' ? error.cause : `${error.kind} ${row.name}: ${causeOf(error)}`
  refused({ contractId: row.contract_id, registryId: null, actor: 'unknown', action: 'sso.refused', subject, address })
}

/** The innermost reason, which names what was wrong with an answer. */
function causeOf(error: Error): string {
  let inner: Error = error
  for (let depth = 0; depth < 8 && inner.cause instanceof Error; depth++) inner = inner.cause
  return inner.message
}
