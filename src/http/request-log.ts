import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ClientOf } from './client.ts'
import type { Log } from './log.ts'

/** What one answered request tells: to the log, or to whoever counts. Never a query, a header or a body. */
export interface RequestFacts {
  readonly id: string
  readonly method: string
  /** Of the plane, such as `manifest`, or Fastify's pattern. */
  readonly route: string
  readonly path: string
  readonly status: number
  readonly ms: number
  /** Of the connection since its previous request, headers included. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly address: string
  /** The answer was cut off: the client went away, or we had to stop. */
  readonly aborted: boolean
}

const ROUTE = Symbol('route')
const REQUEST = Symbol('request')
const BEGAN = Symbol('when the request began')
const MARK = Symbol('bytes at the end of the previous request')
type LabelledRequest = IncomingMessage & { [ROUTE]?: string; originalUrl?: string }
type ToldResponse = ServerResponse & { [REQUEST]?: FastifyRequest; [BEGAN]?: number }
type MarkedSocket = IncomingMessage['socket'] & { [MARK]?: { in: number; out: number } }

/** Names what a request was, for planes that are one route to Fastify. */
export function labelRoute(req: LabelledRequest, route: string): void {
  req[ROUTE] = route
}

/** Calls `tell` once for each answered request: one listener each, nothing of Fastify's reply is waited for. */
export function onAnswered(app: FastifyInstance, clientOf: ClientOf, tell: (facts: RequestFacts) => void): void {
  const closed = function (this: ToldResponse) {
    const request = this[REQUEST]
    if (request !== undefined) tell(factsOf(request, this, clientOf))
  }
  app.addHook('onRequest', (request, reply, done) => {
    const res: ToldResponse = reply.raw
    res[REQUEST] = request
    res[BEGAN] = performance.now()
    res.on('close', closed)
    done()
  })
}

export function logRequests(log: Log): (facts: RequestFacts) => void {
  return (facts) => {
    if (facts.status >= 500) log.warn(facts, 'request')
    else log.info(facts, 'request')
  }
}

const MAX_LOGGED_PATH = 600

function factsOf(request: FastifyRequest, res: ToldResponse, clientOf: ClientOf): RequestFacts {
  const req: LabelledRequest = request.raw
  const url = req.originalUrl ?? req.url ?? ''
  const query = url.indexOf('?')
  const { bytesIn, bytesOut } = bytesSince(req.socket)
  return {
    id: request.id,
    method: req.method ?? '',
    route: req[ROUTE] ?? request.routeOptions.url ?? 'none',
    path: (query < 0 ? url : url.slice(0, query)).slice(0, MAX_LOGGED_PATH),
    status: res.statusCode,
    ms: Math.round((performance.now() - (res[BEGAN] ?? 0)) * 100) / 100,
    bytesIn,
    bytesOut,
    address: clientOf(req).address,
    aborted: !res.writableFinished,
  }
}

function bytesSince(socket: MarkedSocket): { bytesIn: number; bytesOut: number } {
  const mark = socket[MARK] ?? { in: 0, out: 0 }
  const now = { in: socket.bytesRead, out: socket.bytesWritten }
  socket[MARK] = now
  return { bytesIn: now.in - mark.in, bytesOut: now.out - mark.out }
}
