import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError } from '../domain/error.ts'
import type { AnswerHeaders } from '../http/answer.ts'
import { answerUnread } from '../http/answer.ts'
import type { Client } from '../http/client.ts'
import { ClientGone } from '../http/read-body.ts'
import type { DistributionDeps, Exchange } from './call.ts'
import { challenge, realmOf } from './challenge.ts'
import type { ErrorAnswer } from './errors.ts'
import { errorAnswer, errorBody } from './errors.ts'
import { API_VERSION } from './headers.ts'
import { answerTokenError } from './token.ts'

const NO_CREDENTIALS = errorBody('UNAUTHORIZED', 'authentication required: log in to this registry')

/** The one answer to whoever shows nothing, whatever exists. */
export function answerWithoutCredentials(deps: DistributionDeps, exchange: Exchange, client: Client): void {
  const headers: AnswerHeaders = {
    'docker-distribution-api-version': API_VERSION,
    'www-authenticate': challengeFor(deps, exchange, client, null),
    'content-type': 'application/json',
    'content-length': NO_CREDENTIALS.length,
  }
  answerUnread(exchange.req, exchange.res, 401, headers, NO_CREDENTIALS)
}

/** The one place where an error of the data plane stops travelling. */
export function answerFailure(deps: DistributionDeps, exchange: Exchange, client: Client, error: unknown): void {
  const refusal = judged(deps, exchange.req, exchange.res, error)
  if (refusal === null) return
  const headers: AnswerHeaders = {
    'docker-distribution-api-version': API_VERSION,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(refusal.body),
    ...refusal.headers,
  }
  if (refusal.status === 401) {
    headers['www-authenticate'] = challengeFor(deps, exchange, client, bearerError(exchange.req, error))
  }
  if (refusal.status === 416 && exchange.path.kind === 'upload') {
    headers['location'] = `/v2/${exchange.path.name}/blobs/uploads/${exchange.path.last}`
    headers['docker-upload-uuid'] = exchange.path.last
  }
  answerUnread(exchange.req, exchange.res, refusal.status, headers, refusal.body)
}

export function answerTokenFailure(
  deps: DistributionDeps,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): void {
  const refusal = judged(deps, req, res, error)
  if (refusal === null) return
  const { headers, body } = answerTokenError(req, refusal)
  answerUnread(req, res, refusal.status, { ...headers, 'content-length': Buffer.byteLength(body) }, body)
}

/** Logs what must be logged. Null when there is nobody to answer, or half an answer is out already. */
function judged(deps: DistributionDeps, req: IncomingMessage, res: ServerResponse, error: unknown): ErrorAnswer | null {
  const facts = { err: error, method: req.method, address: deps.clientOf(req).address }
  if (isClientGone(error, req, res)) {
    deps.log.debug(facts, 'the client went away')
    res.destroy()
    return null
  }
  const refusal = errorAnswer(error)
  if (refusal.unexpectedId !== null) deps.log.error({ ...facts, errorId: refusal.unexpectedId }, 'unexpected error')
  else if (refusal.status >= 500) deps.log.warn(facts, 'request refused')
  else if (error instanceof DomainError && error.cause !== undefined) deps.log.debug(facts, 'request refused')
  if (!res.headersSent) return refusal
  res.destroy()
  return null
}

const BROKEN_CONNECTION = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECANCELED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
])

function isClientGone(error: unknown, req: IncomingMessage, res: ServerResponse): boolean {
  if (error instanceof ClientGone) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const isBroken = res.destroyed || (req.destroyed && !req.complete)
  return isBroken && (error instanceof DomainError || (typeof code === 'string' && BROKEN_CONNECTION.has(code)))
}

function challengeFor(
  deps: DistributionDeps,
  { method, path, site }: Exchange,
  client: Client,
  error: 'invalid_token' | 'insufficient_scope' | null,
): string {
  return challenge(realmOf(deps.publicUrl, site, client), site, method, path, error)
}

function bearerError(req: IncomingMessage, error: unknown): 'invalid_token' | 'insufficient_scope' | null {
  if (!(error instanceof DomainError) || !/^bearer /i.test(req.headers.authorization ?? '')) return null
  return error.kind === 'insufficient_scope' ? 'insufficient_scope' : 'invalid_token'
}
