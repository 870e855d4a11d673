import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'

const PATHS = { document: '/api/openapi.json', pages: '/api/docs' }

/**
 * The documentation of every operation that is registered after this one and has tags: as OpenAPI 3.1, and as a page to read
 * and try out. Both are public: they say what the source says. What makes them is two hundred files, loaded when somebody asks.
 */
export function documentation(app: FastifyInstance): void {
  const routes: RouteOptions[] = []
  const schemas = new Map<string, unknown>()
  app.addHook('onRoute', function (route) {
    if (route.schema?.tags === undefined) return
    routes.push(route)
    for (const [id, schema] of Object.entries(this.getSchemas())) schemas.set(id, schema)
  })
  let made: Promise<FastifyInstance> | null = null
  const make = async (): Promise<FastifyInstance> => {
    const { createPages } = await import('./openapi-pages.ts')
    return await createPages({ routes, schemas }, PATHS)
  }
  const show = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    made ??= make()
    const { routing } = await made
    reply.hijack()
    routing(request.raw, reply.raw)
  }
  for (const url of [PATHS.document, PATHS.pages, `${PATHS.pages}/*`]) app.get(url, { schema: { hide: true } }, show)
  app.addHook('onClose', async () => (await made)?.close())
}
