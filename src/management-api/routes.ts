import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyPluginAsync } from 'fastify'
import { demandAccess } from '../doors/access.ts'
import { authenticate, DECORATIONS } from '../doors/caller.ts'
import { parseOnlyJson } from '../doors/json-body.ts'
import { collectOperations, refuseTheRest } from '../doors/refuse.ts'
import { compileValidator } from '../doors/validate.ts'
import { artifactRoutes } from './artifacts.ts'
import type { RouteContext } from './context.ts'
import type { ManagementDeps } from './deps.ts'
import { errorHandler, MAX_BODY_BYTES } from './errors.ts'
import { baseOf } from './links.ts'
import { createNameCheckLimit } from './name-checks.ts'
import { nameRoutes } from './names.ts'
import { registryRoutes } from './registries.ts'
import { repositoryRoutes } from './repositories.ts'
import { tokenRoutes } from './tokens.ts'
import { vulnerabilityRoutes } from './vulnerabilities.ts'

/** The collections at the root of the API. Beside other planes, only what is under them is ours to answer. */
const COLLECTIONS = ['locations', 'names', 'registries', 'vulnerabilities'].flatMap((name) => [
  `/${name}`,
  `/${name}/*`,
])

/**
 * The product's management API. Register it twice, without a prefix and with `/containerregistries`: clients append that
 * to their base URL or do not (management-api.md 1.2).
 */
export function managementApi(deps: ManagementDeps): FastifyPluginAsync {
  const limitNameChecks = createNameCheckLimit(deps.now ?? Date.now)
  return async (mounted) => {
    const operations = collectOperations(mounted)
    mounted.setErrorHandler(errorHandler(deps.log))
    mounted.setValidatorCompiler(compileValidator)
    mounted.setSerializerCompiler(() => JSON.stringify)
    parseOnlyJson(mounted, MAX_BODY_BYTES)
    await mounted.register(async (app) => {
      for (const name of DECORATIONS) app.decorateRequest(name, null)
      demandAccess(app)
      app.addHook('onRequest', authenticate(deps.auth, deps.clientOf))
      const context: RouteContext = {
        app: app.withTypeProvider<TypeBoxTypeProvider>(),
        registries: deps.registries,
        contents: deps.contents,
        scans: deps.scans,
        naming: deps.naming,
        cursors: deps.cursors,
        baseOf: (request) => baseOf(deps.naming, deps.clientOf, request, mounted.prefix),
        limitNameChecks,
        hidden: mounted.prefix !== '',
      }
      nameRoutes(context)
      registryRoutes(context)
      tokenRoutes(context)
      repositoryRoutes(context)
      artifactRoutes(context)
      vulnerabilityRoutes(context)
    })
    refuseTheRest(mounted, operations, mounted.prefix === '' ? COLLECTIONS : undefined)
  }
}
