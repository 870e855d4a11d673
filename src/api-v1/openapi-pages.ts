import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import { fastify } from 'fastify'
import { PROBLEM_TYPE, problem } from '../http/problem.ts'
import { withExamples } from './examples.ts'
import { INTRODUCTION, TAGS } from './introduction.ts'

/** What there is to tell. */
export interface Documented {
  readonly routes: readonly RouteOptions[]
  /** By `$id`: what the schemas of routes refer to. */
  readonly schemas: ReadonlyMap<string, unknown>
}

export interface Paths {
  readonly document: string
  readonly pages: string
}

/** Nothing is loaded from elsewhere; the pages set styles by attribute. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

/** A server that listens nowhere: it has the documented routes by name only, and answers for the two paths. */
export async function createPages({ routes, schemas }: Documented, paths: Paths): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify()
  app.setValidatorCompiler(() => () => true).setSerializerCompiler(() => JSON.stringify)
  app.setNotFoundHandler((_request, reply) => {
    return reply.code(404).type(PROBLEM_TYPE).send(problem(404, 'nothing is served at this path'))
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Entrepot', version: version(), description: INTRODUCTION },
      tags: TAGS.map(([name, description]) => ({ name, description })),
      components: { securitySchemes: SECURITY_SCHEMES },
      security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
    },
    hideUntagged: true,
    convertConstToEnum: false,
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => ({ schema: described(schema, route), url }),
  })
  await app.register(swaggerUi, {
    routePrefix: paths.pages,
    staticCSP: PAGE_POLICY,
    theme: { title: 'Entrepot API' },
    logo: { type: 'image/svg+xml', content: LOGO, href: paths.pages },
    uiConfig: {
      url: paths.document,
      validatorUrl: null,
      docExpansion: 'list',
      persistAuthorization: false,
      deepLinking: true,
    },
  })
  for (const schema of schemas.values()) app.addSchema(schema)
  for (const { method, url, schema, config } of routes) {
    const known = { ...(schema ? { schema } : {}), ...(config ? { config } : {}) }
    app.route({ method, url, handler: nothing, exposeHeadRoute: false, ...known })
  }
  let made: { text: string; tag: string } | null = null
  app.get(paths.document, { schema: { hide: true } }, async (request, reply) => {
    made ??= make(app)
    reply.header('etag', made.tag).header('cache-control', 'public, max-age=300')
    if (request.headers['if-none-match'] === made.tag) return reply.code(304).send()
    return reply.type('application/json').send(made.text)
  })
  await app.ready()
  return app
}

function nothing(): never {
  throw new TypeError('this operation is only described here')
}

function make(app: FastifyInstance): { text: string; tag: string } {
  const text = JSON.stringify(withExamples(app.swagger()))
  return { text, tag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}

const SECURITY_SCHEMES = {
  basic: { type: 'http', scheme: 'basic', description: 'E-mail and password.' },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key (`entk_…`) or the secret of a session (`ents_…`).',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'entrepot-session',
    description:
      'The cookie of the console, called `__Host-entrepot-session` over https. With it, what changes something must come from ' +
      'a page of this server.',
  },
} as const

/** What is the same for every operation of its kind is said here, not in each route. */
function described(schema: FastifySchema | undefined, { method, url, config }: RouteOptions): FastifySchema {
  const { hide } = schema ?? {}
  if (schema === undefined || hide === true) return { ...schema, hide: true }
  const isPublic = config?.access === 'public'
  return {
    ...schema,
    operationId: operationId(String([method].flat()[0]), url),
    ...(config?.access === undefined
      ? {}
      : { description: `${schema.description ?? schema.summary}\n\n${WHO[config.access]}` }),
    ...(isPublic ? { security: [] } : { headers: { ...(schema.headers as object), ...CONTRACT_HEADER } }),
  }
}

const CONTRACT_HEADER = {
  type: 'object',
  properties: {
    'X-Contract-Number': {
      type: 'integer',
      minimum: 1,
      maximum: 999_999_999_999_999,
      description:
        'In which of your contracts to act, if you have several. Without it: the first, or the one of the key or session.',
    },
  },
}

const WHO = {
  public: '**Who:** anybody.',
  self: '**Who:** every person, about themselves.',
  read: '**Who:** every member of the contract.',
  manage: '**Who:** members with the privilege *Manage Registry*, admins, owners.',
  admin: '**Who:** admins and owners of the contract.',
  owner: '**Who:** owners of the contract.',
  operator: '**Who:** operators of the installation.',
} as const

/** `GET /api/v1/audit/export` is `get_v1_audit_export`. */
function operationId(method: string, url: string): string {
  const words = url.replace(/^\/api\//, '').split(/[^A-Za-z0-9]+/)
  return [method.toLowerCase(), ...words].filter(Boolean).join('_')
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="40" viewBox="0 0 160 40"><text x="0" y="28" ' +
  'font-family="sans-serif" font-size="26" font-weight="700" fill="#fff">Entrepot</text></svg>'
