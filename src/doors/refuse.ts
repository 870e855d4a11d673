import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { DomainError } from '../domain/error.ts'

export interface Operation {
  readonly method: string
  readonly path: RegExp
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const HIDDEN = { hide: true } as object

/** Fills with every operation that is registered from here on. */
export function collectOperations(app: FastifyInstance): readonly Operation[] {
  const operations: Operation[] = []
  app.addHook('onRoute', ({ method, url }: RouteOptions) => {
    if (url.endsWith('*')) return
    const path = new RegExp(`^${url.replaceAll(/:[A-Za-z]+/g, '[^/]+')}$`)
    for (const one of [method].flat()) operations.push({ method: one, path })
  })
  return operations
}

/** Of `urls`, below the prefix, unknown ones are 404 and unknown methods 405 with Allow, in the door's own form. */
export function refuseTheRest(
  app: FastifyInstance,
  collected: readonly Operation[],
  urls: readonly string[] = ['', '/*'],
): void {
  const operations = [...collected]
  const refuse = async (request: FastifyRequest) => {
    throw refusal(request, operations)
  }
  for (const url of urls) {
    const method = METHODS.filter((one) => !app.hasRoute({ method: one, url: app.prefix + url }))
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      schema: HIDDEN,
      config: { access: 'public', refuses: true },
      onRequest: refuse,
      handler: refuse,
    })
  }
}

function refusal(request: FastifyRequest, operations: readonly Operation[]): DomainError {
  const path = request.url.split('?', 1)[0] ?? ''
  const allowed = [...new Set(operations.filter((operation) => operation.path.test(path)).map(({ method }) => method))]
  if (allowed.length === 0) return new DomainError('not_found', 'nothing is served at this path')
  return new DomainError(
    'method_not_allowed',
    `${request.method} is not possible here; allowed: ${allowed.join(', ')}`,
    {
      headers: { allow: allowed.join(', ') },
    },
  )
}
