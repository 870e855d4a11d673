import { randomBytes, randomUUID } from 'node:crypto'
import { audit } from '../../src/audit/audit.ts'
import type { UserPrincipal } from '../../src/domain/actor.ts'
import type { DomainError } from '../../src/domain/error.ts'
import { createEgress } from '../../src/http/egress.ts'
import type { LoginStart } from '../../src/sso/begin-login.ts'
import type { SignedOn } from '../../src/sso/finish-login.ts'
import type { NewProvider, Provider } from '../../src/sso/provider-values.ts'
import type { Sso } from '../../src/sso/sso.ts'
import { createSso } from '../../src/sso/sso.ts'
import { ADDRESS, AuthWorld } from './auth-world.ts'
import { LyingProvider } from './identity-provider.ts'

export const ADMIN = { label: 'root@example.com', address: ADDRESS, role: 'admin' } as const
export const REDIRECT_URI = 'https://cr.test/api/v1/sso/callback'

/** A contract with one provider, over a real database and a real socket; the clock is `people.clock`. */
export class SsoWorld implements AsyncDisposable {
  readonly people: AuthWorld
  readonly idp: LyingProvider
  readonly sso: Sso
  readonly refusals: string[] = []

  private constructor(people: AuthWorld, idp: LyingProvider) {
    this.people = people
    this.idp = idp
    this.sso = this.node()
  }

  static async open(): Promise<SsoWorld> {
    const people = await AuthWorld.open()
    return new SsoWorld(people, await LyingProvider.open(() => people.clock))
  }

  /** One more process: it shares the database and the keys, and no memory. */
  node(): Sso {
    return createSso({
      metadata: this.people.first.metadata,
      egress: createEgress({ allow: ['127.0.0.1'], timeoutMs: 20_000, maxBytes: 100_000 }),
      secrets: { ...this.people.secrets, hold: async () => {} },
      flowKey: () => KEY,
      audit,
      refused: ({ subject }) => this.refusals.push(subject),
      newId: randomUUID,
      now: () => this.people.clock,
    })
  }

  provider(contractId: number, given: Partial<NewProvider> = {}): Promise<Provider> {
    const input = {
      name: 'Acme',
      issuer: this.idp.issuer,
      clientId: 'entrepot',
      clientSecret: 's3cr3t',
      roleMapping: [{ group: 'dev', role: 'member', manageRegistry: false } as const],
    }
    return this.sso.createProvider(contractId, { ...input, ...given }, ADMIN)
  }

  async begin({ id }: Provider, sso = this.sso): Promise<LoginStart> {
    const start = await sso.beginLogin({ providerId: id, returnTo: '/ui/x', redirectUri: REDIRECT_URI })
    this.idp.nonce = start.location.searchParams.get('nonce') ?? ''
    return start
  }

  /** What the browser brings back; `query` over what an honest provider sends along. */
  finish(start: LoginStart, query: Record<string, string> = {}, sso = this.sso): Promise<SignedOn> {
    const state = start.location.searchParams.get('state') ?? ''
    return sso.finishLogin({
      query: new URLSearchParams({ code: 'code', state, ...query }).toString(),
      cookie: (name) => (name === start.cookie.name ? start.cookie.value : null),
      address: ADDRESS,
      userAgent: 'Browser/1',
    })
  }

  async login(provider: Provider): Promise<SignedOn> {
    return await this.finish(await this.begin(provider))
  }

  /** The kind of refusal, or `ok`. */
  async tries(provider: Provider): Promise<string> {
    return await kindOf(this.login(provider))
  }

  async whoIs({ session }: SignedOn): Promise<UserPrincipal> {
    const authorization = `Bearer ${session}`
    const person = await this.people.auth.authenticatePerson({ authorization, address: ADDRESS }, null)
    if (person.kind !== 'user') throw new TypeError('a session is a person')
    return person
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.idp[Symbol.asyncDispose]()
    await this.people[Symbol.asyncDispose]()
  }
}

export function kindOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'ok',
    (error: DomainError) => error.kind ?? String(error),
  )
}

const KEY = randomBytes(32)
