import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { Access } from '../domain/access.ts'
import { ACCESS } from '../domain/access.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the operation. */
    access?: Access
    /** No operation: it is there to say 404 or 405. */
    refuses?: true
  }
}

/** A route registered from here on that does not say who may use it fails at once. */
export function demandAccess(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }: RouteOptions) => {
    if (config?.access !== undefined && ACCESS.includes(config.access)) return
    throw new TypeError(`${method} ${url} must say who may use it: config: { access: ${ACCESS.join(' | ')} }`)
  })
}

export function accessOf(request: FastifyRequest): Access | undefined {
  return request.routeOptions.config.access
}

/** RFC 9110, 9.2.1: the others are safe. */
export function changesSomething({ method }: Pick<FastifyRequest, 'method'>): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method)
}
