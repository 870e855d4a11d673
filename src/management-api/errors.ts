import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorKind } from '../domain/error.ts'
import { DomainError } from '../domain/error.ts'
import type { Log } from '../http/log.ts'
import type { ApiErrorResponse } from './contract.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route for which the product declares no 409: what it answers instead. */
    conflict?: number
  }
}

/**
 * How each refusal looks here. Clients decide by status alone (management-api.md 3); the codes are ours and stable.
 * A route that declares no 409 says so in its `conflict` config.
 */
const ERRORS = {
  blob_unknown: { status: 404, code: 'not-found' },
  blob_upload_invalid: { status: 400, code: 'input-invalid' },
  blob_upload_unknown: { status: 404, code: 'not-found' },
  digest_invalid: { status: 400, code: 'digest-invalid' },
  digest_mismatch: { status: 400, code: 'digest-invalid' },
  manifest_blob_unknown: { status: 404, code: 'not-found' },
  manifest_invalid: { status: 400, code: 'input-invalid' },
  manifest_too_large: { status: 413, code: 'too-large' },
  manifest_unknown: { status: 404, code: 'not-found' },
  name_invalid: { status: 400, code: 'name-invalid' },
  name_unknown: { status: 404, code: 'not-found' },
  range_invalid: { status: 400, code: 'input-invalid' },
  range_not_satisfiable: { status: 400, code: 'input-invalid' },
  size_invalid: { status: 400, code: 'input-invalid' },
  tag_invalid: { status: 400, code: 'input-invalid' },
  unauthenticated: { status: 401, code: 'unauthenticated' },
  insufficient_scope: { status: 403, code: 'denied' },
  denied: { status: 403, code: 'denied' },
  in_use: { status: 409, code: 'in-use' },
  conflict: { status: 409, code: 'conflict' },
  not_found: { status: 404, code: 'not-found' },
  input_invalid: { status: 400, code: 'input-invalid' },
  method_not_allowed: { status: 405, code: 'method-not-allowed' },
  unsupported: { status: 400, code: 'unsupported' },
  too_many_requests: { status: 429, code: 'too-many-requests' },
  unavailable: { status: 503, code: 'unavailable' },
  storage_full: { status: 503, code: 'storage-full' },
  request_timeout: { status: 408, code: 'request-timeout' },
} as const satisfies Record<ErrorKind, { status: number; code: string }>

/** Basic, so that browsers and curl know what to ask for; Bearer works too. */
export const CHALLENGE = 'Basic realm="Entrepot"'

export function errorHandler(log: Log) {
  return (error: FastifyError | DomainError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof DomainError) return sendDomainError(error, request, reply)
    const status = error.statusCode ?? 500
    if (status >= 400 && status < 500) return sendError(reply, status, frameworkCode(status), frameworkMessage(error))
    log.error({ err: error, id: request.id, method: request.method, route: request.routeOptions.url }, 'request failed')
    return sendError(
      reply,
      500,
      'internal',
      `an unexpected error happened; its id in the server's log is ${request.id}`,
    )
  }
}

function sendDomainError(error: DomainError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, code } = ERRORS[error.kind]
  const { conflict } = request.routeOptions.config
  reply.headers(error.headers)
  if (status === 401) reply.header('www-authenticate', CHALLENGE)
  if ((status === 429 || status === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', '1')
  return sendError(reply, error.kind === 'conflict' ? (conflict ?? status) : status, code, error.message)
}

function sendError(reply: FastifyReply, httpStatus: number, errorCode: string, message: string): FastifyReply {
  const body: ApiErrorResponse = { httpStatus, messages: [{ errorCode, message }] }
  return reply.code(httpStatus).type('application/json').send(body)
}

function frameworkCode(status: number): string {
  return { 413: 'too-large', 415: 'unsupported-media-type' }[status] ?? 'input-invalid'
}

export const MAX_BODY_BYTES = 64 * 1024

function frameworkMessage(error: FastifyError): string {
  if (error.statusCode === 413) return `the body is larger than the limit of ${MAX_BODY_BYTES} bytes`
  if (error.statusCode === 415) return 'the body is not JSON: send it with Content-Type: application/json'
  return error.message
}
