import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { authenticate, DECORATIONS } from './caller.ts'
import type { RouteContext } from './context.ts'
import type { ManagementDeps } from './deps.ts'
import { errorHandler, MAX_BODY_BYTES } from './errors.ts'
import { baseOf } from './links.ts'
import { createNameCheckLimit } from './name-checks.ts'
import { nameRoutes } from './names.ts'
import { collectOperations, refuseTheRest } from './refuse.ts'
import { registryRoutes } from './registries.ts'
import { tokenRoutes } from './tokens.ts'
import { compileValidator } from './validate.ts'

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
    parseOnlySmallJson(mounted)
    await mounted.register(async (app) => {
      for (const name of DECORATIONS) app.decorateRequest(name, null)
      app.addHook('onRequest', authenticate(deps.auth, deps.clientOf))
      const context: RouteContext = {
        app: app.withTypeProvider<TypeBoxTypeProvider>(),
        registries: deps.registries,
        naming: deps.naming,
        baseOf: (request) => baseOf(deps.naming, deps.clientOf, request, mounted.prefix),
        limitNameChecks,
        hidden: mounted.prefix !== '',
      }
      nameRoutes(context)
      registryRoutes(context)
      tokenRoutes(context)
    })
    refuseTheRest(mounted, operations)
  }
}

/** An empty body is none, whatever its type: clients send `Content-Type: application/json` with every request. */
function parseOnlySmallJson(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
    (request, body, done) => (body === '' ? done(null, undefined) : parseJson(request, body, done)),
  )
}
