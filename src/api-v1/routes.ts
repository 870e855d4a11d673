import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { demandAccess } from '../doors/access.ts'
import { authenticate, DECORATIONS } from '../doors/caller.ts'
import type { Cursors } from '../doors/cursors.ts'
import { parseOnlyJson } from '../doors/json-body.ts'
import { collectOperations, refuseTheRest } from '../doors/refuse.ts'
import { compileValidator } from '../doors/validate.ts'
import type { Client, ClientOf } from '../http/client.ts'
import type { Log } from '../http/log.ts'
import type { Naming } from '../registries/hostname.ts'
import { accountLinkRoutes } from './account-links.ts'
import { advisoryRoutes } from './advisories.ts'
import { apiKeyRoutes } from './api-keys.ts'
import { auditRoutes } from './audit.ts'
import type { Acts, ApiContext } from './context.ts'
import { contractRoutes } from './contracts.ts'
import { errorHandler, MAX_BODY_BYTES } from './errors.ts'
import { invitationRoutes } from './invitations.ts'
import { jobRoutes } from './jobs.ts'
import { meRoutes } from './me.ts'
import { ownAccountRoutes } from './own-account.ts'
import { sealCursors } from './page.ts'
import { peopleRoutes } from './people.ts'
import { declareProblems, Problem } from './problem.ts'
import { quotaRoutes } from './quotas.ts'
import { scanRoutes } from './scans.ts'
import { sessionRoutes } from './sessions.ts'
import { signOnRoutes } from './sign-on.ts'
import { ssoPeopleRoutes } from './sso-people.ts'
import { ssoProviderRoutes } from './sso-providers.ts'
import { tokenRoutes } from './tokens.ts'
import { usageRoutes } from './usage.ts'

/** Every file of routes; in the order of the documentation. */
const ROUTES: readonly ((context: ApiContext) => void)[] = [
  sessionRoutes,
  meRoutes,
  ownAccountRoutes,
  apiKeyRoutes,
  peopleRoutes,
  invitationRoutes,
  accountLinkRoutes,
  contractRoutes,
  tokenRoutes,
  scanRoutes,
  advisoryRoutes,
  ssoProviderRoutes,
  ssoPeopleRoutes,
  signOnRoutes,
  usageRoutes,
  quotaRoutes,
  auditRoutes,
  jobRoutes,
]

export interface ApiDeps extends Acts {
  readonly naming: Naming
  readonly cursors: Cursors
  readonly clientOf: ClientOf
  readonly log: Log
}

/** Our own management API. Register it with the prefix `/api/v1`. */
export function apiV1(deps: ApiDeps): FastifyPluginAsync {
  return async (mounted) => {
    const operations = collectOperations(mounted)
    mounted.setErrorHandler(errorHandler(deps.log))
    mounted.setValidatorCompiler(compileValidator)
    mounted.setSerializerCompiler(() => JSON.stringify)
    mounted.addSchema(Problem)
    parseOnlyJson(mounted, MAX_BODY_BYTES)
    await mounted.register(async (app) => operationsOf(app, deps))
    refuseTheRest(mounted, operations)
  }
}

function operationsOf(app: FastifyInstance, deps: ApiDeps): void {
  for (const name of DECORATIONS) app.decorateRequest(name, null)
  demandAccess(app)
  app.addHook('onRoute', declareProblems)
  app.addHook('onRequest', async (request) => lowerCaseIds(request))
  sealCursors(app, deps.cursors)
  app.addHook('onRequest', authenticate(deps.auth, deps.clientOf))
  const context: ApiContext = {
    ...deps,
    app: app.withTypeProvider<TypeBoxTypeProvider>(),
    clientOf: (request) => deps.clientOf(request.raw),
    consoleUrl: (request, path) => `${originOf(deps.naming, deps.clientOf(request.raw))}${path}`,
  }
  for (const routes of ROUTES) routes(context)
}

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/

/** Without a usable Host links are relative. */
function originOf({ publicUrl }: Naming, { scheme, host = '' }: Client): string {
  if (publicUrl !== null) return publicUrl
  return HOST.test(host) ? `${scheme}://${host}` : ''
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Stored ids are lower case; a UUID is the same in any case. */
function lowerCaseIds({ params, query }: FastifyRequest): void {
  for (const values of [params, query] as Record<string, unknown>[]) {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === 'string' && UUID.test(value)) values[name] = value.toLowerCase()
    }
  }
}
