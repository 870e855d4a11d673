import type { ServerResponse } from 'node:http'
import { METHODS } from 'node:http'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AdmitOptions, Grant } from '../auth/auth.ts'
import { answer } from '../http/answer.ts'
import { splitTarget } from '../http/query.ts'
import { labelRoute } from '../http/request-log.ts'
import { planOf } from './admission.ts'
import type { DistributionDeps, Exchange, RawRequest } from './call.ts'
import { GrantedCaller } from './call.ts'
import { listCatalog } from './catalog.ts'
import { API_VERSION, withWarnings } from './headers.ts'
import { parsePath } from './path.ts'
import { answerFailure, answerTokenFailure, answerWithoutCredentials } from './refuse.ts'
import type { SiteOf } from './site.ts'
import { createSiteOf } from './site.ts'
import { issueToken } from './token.ts'

/**
 * `/v2`, `/v2/*` and `/token`. Requests are taken over before Fastify looks at bodies: the data plane reads paths, queries
 * and bodies itself, once, and its answers are written to the socket without a detour.
 */
export function distributionApi(given: DistributionDeps): FastifyPluginAsync {
  const deps = { ...given, publicUrl: given.publicUrl?.replace(/\/$/, '') ?? null }
  const siteOf = createSiteOf(deps)
  return async (app) => {
    const serve = takenOver((req, res) => serveV2(deps, siteOf, req, res))
    const token = takenOver((req, res) => serveToken(deps, siteOf, req, res))
    const method = everyMethod(app)
    for (const url of ['/v2', '/v2/*'])
      app.route({ method, url, exposeHeadRoute: false, onRequest: serve, handler: never })
    app.route({ method, url: '/token', exposeHeadRoute: false, onRequest: token, handler: never })
  }
}

async function serveV2(deps: DistributionDeps, siteOf: SiteOf, req: RawRequest, res: ServerResponse): Promise<void> {
  const { path: text, query } = splitTarget(req.originalUrl ?? req.url ?? '')
  const path = parsePath(text)
  labelRoute(req, path.kind)
  const client = deps.clientOf(req)
  const site = siteOf(client.host)
  const exchange: Exchange = { req, res, method: req.method ?? '', path, site }
  const { authorization } = req.headers
  if (authorization === undefined || authorization === '') return answerWithoutCredentials(deps, exchange, client)
  try {
    const plan = planOf(exchange.method, path, site, client.host ?? '<host>')
    const credentials = { authorization, address: client.address, service: site.service }
    const grant = await deps.auth.admit(credentials, plan.target, path.kind === 'upload' ? OPENED_UPLOAD : undefined)
    if (plan.kind === 'refused') throw plan.error
    const { method } = exchange
    if (plan.kind === 'repository') {
      const { repository } = plan
      const place = { registryId: registryIdOf(grant), repository }
      const caller = new GrantedCaller(grant, repository, client.address)
      await plan.handle(deps, { req, res, method, path, query, site, grant, place, caller })
    } else if (plan.kind === 'catalog') await listCatalog(deps, { req, res, method, path, query, site, grant })
    else answer(res, 200, withWarnings({ ...PING_HEADERS }, grant.warnings()), '{}')
  } catch (error) {
    answerFailure(deps, exchange, client, error)
  }
}

async function serveToken(deps: DistributionDeps, siteOf: SiteOf, req: RawRequest, res: ServerResponse): Promise<void> {
  labelRoute(req, 'token')
  try {
    await issueToken(deps, siteOf(deps.clientOf(req).host), req, res)
  } catch (error) {
    answerTokenFailure(deps, req, res, error)
  }
}

/** An upload was allowed when it was opened: its token may run out before its bytes have (design.md 6). */
const OPENED_UPLOAD: AdmitOptions = { expiredBearer: 'accept' }

const PING_HEADERS = {
  'docker-distribution-api-version': API_VERSION,
  'content-type': 'application/json',
  'content-length': 2,
}

function registryIdOf(grant: Grant): number {
  if (grant.registry === null) throw new TypeError('leave for a repository must name its registry')
  return grant.registry.id
}

/** An onRequest hook that never goes on: what follows it in Fastify would read the body. */
function takenOver(serve: (req: RawRequest, res: ServerResponse) => Promise<void>) {
  return (request: FastifyRequest, reply: FastifyReply, _done: () => void) => {
    reply.hijack()
    serve(request.raw, reply.raw).catch((error: unknown) => reply.raw.destroy(error as Error))
  }
}

function never(): never {
  throw new TypeError('the data plane answers in its hook')
}

/** Also those Fastify does not know by itself: an answer must not tell a method that exists from one that does not. */
function everyMethod(app: FastifyInstance): string[] {
  const methods = METHODS.filter((method) => method !== 'CONNECT')
  for (const method of methods) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  return methods
}
