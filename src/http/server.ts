import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { SecureContextOptions } from 'node:tls'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { fastify } from 'fastify'
import type { ClientOf } from './client.ts'
import { clientErrorHandler } from './client-error.ts'
import type { Progress } from './connections.ts'
import { continueWhenRead, watchProgress } from './connections.ts'
import { closeGracefully } from './graceful-close.ts'
import type { Log } from './log.ts'
import { PROBLEM_TYPE, problem } from './problem.ts'
import type { RequestFacts } from './request-log.ts'
import { onAnswered } from './request-log.ts'
import { rewriterOf } from './rewrite.ts'
import type { Certificate, TlsFiles } from './tls.ts'
import { watchCertificate } from './tls.ts'

export interface ServerOptions {
  readonly log: Log
  readonly clientOf: ClientOf
  /** The certificate to start with, and the files it came from, looked at again while the server runs. Null: plain HTTP. */
  readonly tls: { readonly certificate: Certificate; readonly files: TlsFiles } | null
  readonly progress: Progress
  /** How long running requests may go on once the server closes. */
  readonly closeDeadlineMs: number
  /** How long the request line and headers may take. */
  readonly headersTimeoutMs?: number
  readonly maxHeaderBytes?: number
  readonly keepAliveTimeoutMs?: number
  /** For bodies that Fastify parses. Planes that take the raw stream have limits of their own. */
  readonly bodyLimitBytes?: number
  /**
   * Path prefixes (`/v2`) under which a plane reads `request.raw.originalUrl` itself: the router sees the prefix alone, so
   * that no path, escape or query under it can be refused before the plane's own rules apply.
   */
  readonly opaquePrefixes?: readonly string[]
  /** Rewrites what is not opaque, before routing. */
  readonly rewriteUrl?: (url: string) => string
  /** Called once for each answered request. */
  readonly onAnswered?: (facts: RequestFacts) => void
}

/** What every plane needs and no plane is named in. Routes are registered by the caller; errors have a form already. */
export function createServer(options: ServerOptions): FastifyInstance {
  const app = fastify(fastifyOptions(options)) as unknown as FastifyInstance
  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(options.log, error, request, reply))
  app.setNotFoundHandler((request, reply) => sendNotFound(app, request, reply))
  if (options.onAnswered !== undefined) onAnswered(app, options.clientOf, options.onAnswered)
  watch(app, options)
  closeGracefully(app, options.closeDeadlineMs)
  return app
}

function fastifyOptions(options: ServerOptions) {
  const http = {
    headersTimeout: options.headersTimeoutMs ?? 20_000,
    maxHeaderSize: options.maxHeaderBytes ?? 32 * 1024,
    requestTimeout: 0,
    connectionsCheckingInterval: 5_000,
  }
  const { cert, key } = options.tls?.certificate ?? {}
  const tls = { handshakeTimeout: http.headersTimeout, cert, key }
  const server = options.tls === null ? { http } : { https: { ...http, ...tls } }
  const frameworkErrors = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
    sendProblem(options.log, error, request, reply)
  return {
    ...server,
    logger: false,
    genReqId: requestIds(),
    bodyLimit: options.bodyLimitBytes ?? 1024 * 1024,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 72_000,
    // What still arrives on open connections while we close is answered, with Connection: close, rather than refused.
    return503OnClosing: false,
    // As long as a request line can be: what a parameter may be is the planes' to say, in their own form.
    routerOptions: { maxParamLength: http.maxHeaderSize },
    rewriteUrl: rewriterOf(options.opaquePrefixes ?? [], options.rewriteUrl),
    clientErrorHandler: clientErrorHandler(options.log),
    frameworkErrors,
    schemaController: { compilersFactory: OWN_COMPILERS },
  } as unknown as FastifyServerOptions
}

function watch(app: FastifyInstance, options: ServerOptions): void {
  const server: Server = app.server
  continueWhenRead(server)
  const stops = [
    watchProgress(server, options.progress, (facts) => options.log.info(facts, 'stalled client disconnected')),
  ]
  if (options.tls !== null) {
    const use = ({ cert, key }: Certificate) => {
      const secure = server as unknown as { setSecureContext(context: SecureContextOptions): void }
      secure.setSecureContext({ cert, key })
    }
    stops.push(watchCertificate(options.tls.files, options.tls.certificate, use, options.log))
  }
  app.addHook('onClose', (_app, done) => {
    for (const stop of stops) stop()
    done()
  })
}

/** Each plane sets its own. Those of Fastify, which nobody would use, are a hundred files to load at every start. */
const OWN_COMPILERS = {
  buildValidator: () => noCompiler,
  buildSerializer: () => noCompiler,
}

function noCompiler(): never {
  throw new TypeError('a plane whose routes have schemas sets its validator and its serializer compiler')
}

/** Unique over processes and restarts, and short: a random prefix and a counter. */
function requestIds(): (req: IncomingMessage) => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => `${prefix}-${(++count).toString(36)}`
}

function sendProblem(log: Log, error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (status < 500) return reply.code(status).type(PROBLEM_TYPE).send(problem(status, error.message))
  log.error({ err: error, id: request.id, method: request.method, route: request.routeOptions?.url }, 'request failed')
  const detail = `an unexpected error happened; its id in the server's log is ${request.id}`
  return reply
    .code(500)
    .type(PROBLEM_TYPE)
    .send(problem(500, detail, { id: request.id }))
}

function sendNotFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? ''
  const allowed = METHODS.filter((method) => app.findRoute({ url: path, method }) !== null)
  if (allowed.length === 0)
    return reply.code(404).type(PROBLEM_TYPE).send(problem(404, 'nothing is served at this path'))
  const detail = `${request.method} is not possible here; allowed: ${allowed.join(', ')}`
  return reply.code(405).header('allow', allowed.join(', ')).type(PROBLEM_TYPE).send(problem(405, detail))
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
