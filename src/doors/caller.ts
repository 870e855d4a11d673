import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Auth } from '../auth/auth.ts'
import type { Person } from '../domain/access.ts'
import { refusalOf } from '../domain/access.ts'
import { actorName } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { Client, ClientOf } from '../http/client.ts'
import type { Actor } from '../registries/deps.ts'
import { accessOf, changesSomething } from './access.ts'
import { sessionIn } from './session-cookie.ts'

const PRINCIPAL = 'principal'
const ACTOR = 'actor'

/** The names a request must be decorated with before `authenticate` runs. */
export const DECORATIONS = [PRINCIPAL, ACTOR] as const

/**
 * Every operation that is not public needs a person of a contract who may use it: Basic (e-mail, password), Bearer (API
 * key, session) or the console's cookie. Who that is stays with the request.
 */
export function authenticate(auth: Pick<Auth, 'authenticatePerson'>, clientOf: ClientOf) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const access = accessOf(request)
    if (access === 'public') return
    reply.header('cache-control', 'no-store')
    const client = clientOf(request.raw)
    const { address } = client
    const authorization = shownBy(request, client)
    const principal = await auth.authenticatePerson({ authorization, address }, contractNumber(request))
    request.setDecorator(PRINCIPAL, principal)
    request.setDecorator(ACTOR, toActor(principal, address))
    const refusal = access === undefined ? null : refusalOf(principal, access, changesSomething(request))
    if (refusal !== null) throw new DomainError('denied', refusal)
  }
}

/** Who asks for something public, if they show it; null for credentials that are worth nothing, too. @throws `unavailable` */
export async function callerIfAny(
  auth: Pick<Auth, 'authenticatePerson'>,
  client: Client,
  request: FastifyRequest,
): Promise<Person | null> {
  const authorization = shownBy(request, client)
  if (authorization === undefined) return null
  try {
    return await auth.authenticatePerson({ authorization, address: client.address }, null)
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'unauthenticated') return null
    throw error
  }
}

export function personOf(request: FastifyRequest): Person {
  return request.getDecorator<Person>(PRINCIPAL)
}

/** The same person as acts know them. */
export function actorOf(request: FastifyRequest): Actor {
  return request.getDecorator<Actor>(ACTOR)
}

function shownBy(request: FastifyRequest, client: Client): string | undefined {
  const { authorization } = request.headers
  const session = authorization === undefined ? sessionIn(request, client) : null
  return session === null ? authorization : `Bearer ${session}`
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

/** `X-Contract-Number`, for people of several contracts. */
function contractNumber(request: FastifyRequest): number | null {
  const header = request.headers['x-contract-number']
  if (header === undefined || header === '') return null
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header)
  throw new DomainError('input_invalid', 'X-Contract-Number is not valid: write the number of one of your contracts')
}
