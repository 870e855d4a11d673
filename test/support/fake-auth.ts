import type { Auth, Grant, IssuedToken, Target } from '../../src/auth/auth.ts'
import type { RequestCredentials } from '../../src/auth/identity.ts'
import type { Principal } from '../../src/domain/actor.ts'
import { DomainError } from '../../src/domain/error.ts'
import type { Action } from '../../src/domain/permission.ts'

export interface FakeLogin {
  readonly name: string
  readonly password: string
  /** Registry name to id. */
  readonly registries: Readonly<Record<string, number>>
  readonly actions: readonly Action[]
  readonly warnings?: readonly string[]
}

/** Logins by Basic, and bearer tokens that `/token` handed out; the rules of `Auth` in forty lines. */
export function createFakeAuth(logins: readonly FakeLogin[]): Auth {
  const issued = new Map<string, { login: FakeLogin; service: string; scopes: readonly string[] }>()
  const known = (name: string, password: string): FakeLogin => {
    const login = logins.find((candidate) => candidate.name === name && candidate.password === password)
    if (login) return login
    throw new DomainError('unauthenticated', 'name or password is wrong')
  }
  const fromBasic = (authorization: string): FakeLogin => {
    const [name = '', password = ''] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
    return known(name, password)
  }
  return {
    async admit(credentials: RequestCredentials, target: Target): Promise<Grant> {
      const authorization = credentials.authorization ?? ''
      if (/^basic /i.test(authorization)) return grantFor(fromBasic(authorization), target, 'denied')
      const token = issued.get(authorization.replace(/^bearer /i, ''))
      if (!token || token.service !== credentials.service) throw new DomainError('unauthenticated', 'token unknown')
      if (target.kind === 'repository' && !covers(token.scopes, target.repository, target.action)) {
        throw new DomainError('insufficient_scope', 'the token does not cover this')
      }
      return grantFor(token.login, target, 'insufficient_scope')
    },
    async issueToken(request): Promise<IssuedToken> {
      const { grant } = request
      if (grant?.type === 'refresh_token') throw new DomainError('unauthenticated', 'refresh token unknown')
      const login = grant ? known(grant.username, grant.password) : fromBasic(request.authorization ?? '')
      const token = `token-${issued.size}`
      issued.set(token, { login, service: request.service, scopes: request.scopes })
      return {
        token,
        expiresInSeconds: 300,
        issuedAt: '2026-01-01T00:00:00Z',
        refreshToken: request.offline ? 'refresh-1' : null,
        scope: request.scopes.join(' '),
        warnings: login.warnings ?? [],
      }
    },
    async authenticatePerson() {
      throw new DomainError('unauthenticated', 'no people here')
    },
  } as Auth
}

/** A token for `repository:acme/app:pull,push`; names are compared by their ends, so both styles work. */
function covers(scopes: readonly string[], repository: string, action: string): boolean {
  return scopes
    .flatMap((scope) => scope.split(' '))
    .some((scope) => {
      const [type, name = '', actions = ''] = scope.split(':')
      const matches = name === repository || name.endsWith(`/${repository}`)
      return type === 'repository' && matches && actions.split(',').includes(action)
    })
}

function grantFor(login: FakeLogin, target: Target, lacking: 'denied' | 'insufficient_scope'): Grant {
  const name = 'registry' in target ? target.registry : null
  const id = name === null ? undefined : login.registries[name]
  const wanted: Action = target.kind === 'repository' ? target.action : 'pull'
  if ((name !== null && id === undefined) || !login.actions.includes(wanted)) {
    throw new DomainError(lacking, 'this login may not do that here')
  }
  return {
    principal: principalOf(login),
    registry: name === null || id === undefined ? null : { id, contractId: 1, name },
    may: (action) => login.actions.includes(action),
    warnings: () => login.warnings ?? [],
    catalogs: async () =>
      Object.entries(login.registries)
        .map(([registry, registryId]) => ({ id: registryId, contractId: 1, name: registry }))
        .filter((registry) => name === null || registry.name === name),
  }
}

function principalOf(login: FakeLogin): Principal {
  return {
    kind: 'registry_token',
    contractId: 1,
    registryId: Object.values(login.registries)[0] ?? 0,
    tokenId: login.name.length,
    secretId: 1,
    name: login.name,
    scopes: [],
    expiresAt: null,
  }
}
