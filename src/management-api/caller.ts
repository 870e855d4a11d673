import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Auth } from '../auth/auth.ts'
import type { ApiKeyPrincipal, UserPrincipal } from '../domain/actor.ts'
import { actorName, mayManageRegistries } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { ClientOf } from '../http/client.ts'
import type { Actor } from '../registries/deps.ts'

const PRINCIPAL = 'principal'
const ACTOR = 'actor'
type Person = UserPrincipal | ApiKeyPrincipal

/** The names a request must be decorated with before `authenticate` runs. */
export const DECORATIONS = [PRINCIPAL, ACTOR] as const

/** Every route needs a person of a contract; who that is stays with the request. */
export function authenticate(auth: Pick<Auth, 'authenticatePerson'>, clientOf: ClientOf) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('cache-control', 'no-store')
    const { address } = clientOf(request.raw)
    const { authorization } = request.headers
    const principal = await auth.authenticatePerson({ authorization, address }, contractNumber(request))
    request.setDecorator(PRINCIPAL, principal)
    request.setDecorator(ACTOR, toActor(principal, address))
  }
}

export function actorOf(request: FastifyRequest): Actor {
  return request.getDecorator<Actor>(ACTOR)
}

/** Owners, admins and members with the privilege Manage Registry. @throws `denied` */
export async function mustManage(request: FastifyRequest): Promise<void> {
  const principal = request.getDecorator<Person>(PRINCIPAL)
  if (mayManageRegistries(principal)) return
  const why =
    principal.kind === 'api_key' && principal.readOnly
      ? `the API key "${principal.name}" may only read: use another one`
      : `${principal.email} may only read: an owner or admin of the contract can give the privilege Manage Registry`
  throw new DomainError('denied', why)
}

function toActor(principal: Person, address: string): Actor {
  return {
    contractId: principal.contractId,
    email: principal.email,
    userId: principal.userId,
    label: actorName(principal),
    address,
    registryIds: principal.kind === 'api_key' ? principal.registryIds : null,
  }
}

/** `X-Contract-Number`, for users of several contracts. */
function contractNumber(request: FastifyRequest): number | null {
  const header = request.headers['x-contract-number']
  if (header === undefined || header === '') return null
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header)
  throw new DomainError('input_invalid', 'X-Contract-Number is not valid: write the number of one of your contracts')
}
