import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { ApiKeyPrincipal, UserPrincipal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { ClientOf } from '../http/client.ts'
import type { Log } from '../http/log.ts'
import { PROBLEM_TYPE, problem } from '../http/problem.ts'
import { METRICS_CONTENT_TYPE } from '../telemetry/metrics.ts'
import type { ReadinessCheck } from './readiness.ts'
import { createReadiness } from './readiness.ts'

export interface HealthDeps {
  readonly checks: readonly ReadinessCheck[]
  /** Prometheus text of all processes of this node. */
  readonly metricsText: () => Promise<string>
  readonly log: Log
}

export interface OperationsDeps extends HealthDeps {
  readonly auth: {
    authenticatePerson(
      credentials: { readonly authorization: string | undefined; readonly address: string },
      contractNumber: number | null,
    ): Promise<UserPrincipal | ApiKeyPrincipal>
  }
  readonly clientOf: ClientOf
}

/** The contract of whoever runs the installation. */
const OPERATOR_CONTRACT = 1

/** `/livez`, `/readyz`, and `/metrics` for owners of contract 1, wherever they ask from: no address is trusted here. */
export function operations(deps: OperationsDeps): FastifyPluginAsync {
  return async (app) => {
    await app.register(health(deps))
    app.get('/metrics', { schema: HIDDEN }, async (request, reply) => {
      const { address } = deps.clientOf(request.raw)
      const { authorization } = request.headers
      try {
        const person = await deps.auth.authenticatePerson({ authorization, address }, OPERATOR_CONTRACT)
        if (person.role !== 'owner') throw new DomainError('denied', 'metrics are for owners of contract 1')
      } catch (error) {
        return refuse(reply, error)
      }
      return await sendMetrics(reply, deps)
    })
  }
}

/** For the listener of `metricsListen`: nothing else is served there, and nobody is asked who they are. */
export function metricsListener(deps: HealthDeps): FastifyPluginAsync {
  return async (app) => {
    await app.register(health(deps))
    app.get('/metrics', { schema: HIDDEN }, async (_request, reply) => await sendMetrics(reply, deps))
  }
}

/** For whoever opens the address in a browser. The same for everybody: it tells nothing but that this is the right place. */
const WELCOME = `Entrepot, a private container registry, is running here.

Log in:      docker login <this host> --username <token name>
Image names: <this host>/<registry>/<repository>:<tag>

Registries and tokens are made with "entrepot registry create" and "entrepot token create", or by the API: /api/docs explains it.
`

const HIDDEN = { hide: true } as object

function health({ checks, log }: HealthDeps): FastifyPluginAsync {
  const readiness = createReadiness(checks, log)
  return async (app) => {
    app.get('/', { schema: HIDDEN }, async (_request, reply) =>
      reply.header('cache-control', 'no-store').type('text/plain').send(WELCOME),
    )
    app.get('/livez', { schema: HIDDEN }, async (_request, reply) =>
      reply.header('cache-control', 'no-store').type('text/plain').send('ok\n'),
    )
    app.get('/readyz', { schema: HIDDEN }, async (_request, reply) => {
      const { ready, checks: states } = await readiness()
      reply.code(ready ? 200 : 503).header('cache-control', 'no-store')
      return { status: ready ? 'ready' : 'not ready', checks: states }
    })
  }
}

async function sendMetrics(reply: FastifyReply, { metricsText }: HealthDeps): Promise<FastifyReply> {
  return reply
    .header('cache-control', 'no-store')
    .type(METRICS_CONTENT_TYPE)
    .send(await metricsText())
}

function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof DomainError)) throw error
  const status = STATUS[error.kind] ?? 403
  if (status === 401) reply.header('www-authenticate', 'Basic realm="Entrepot"')
  return reply.headers(error.headers).code(status).type(PROBLEM_TYPE).send(problem(status, error.message))
}

const STATUS: Partial<Record<DomainError['kind'], number>> = {
  unauthenticated: 401,
  too_many_requests: 429,
  unavailable: 503,
  input_invalid: 400,
}
