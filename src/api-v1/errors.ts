import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorKind } from '../domain/error.ts'
import { DomainError } from '../domain/error.ts'
import type { Log } from '../http/log.ts'
import { PROBLEM_TYPE } from '../http/problem.ts'
import type { Problem } from './problem.ts'

export const MAX_BODY_BYTES = 64 * 1024

/** How each refusal looks here: RFC 9457. The types are stable: programs decide by them, people read the detail. */
const PROBLEMS = {
  blob_unknown: [404, 'not-found', 'Not found'],
  blob_upload_invalid: [400, 'input-invalid', 'Input not valid'],
  blob_upload_unknown: [404, 'not-found', 'Not found'],
  digest_invalid: [400, 'input-invalid', 'Input not valid'],
  digest_mismatch: [400, 'input-invalid', 'Input not valid'],
  manifest_blob_unknown: [404, 'not-found', 'Not found'],
  manifest_invalid: [400, 'input-invalid', 'Input not valid'],
  manifest_too_large: [413, 'too-large', 'Too large'],
  manifest_unknown: [404, 'not-found', 'Not found'],
  name_invalid: [400, 'input-invalid', 'Input not valid'],
  name_unknown: [404, 'not-found', 'Not found'],
  range_invalid: [400, 'input-invalid', 'Input not valid'],
  range_not_satisfiable: [400, 'input-invalid', 'Input not valid'],
  size_invalid: [400, 'input-invalid', 'Input not valid'],
  tag_invalid: [400, 'input-invalid', 'Input not valid'],
  unauthenticated: [401, 'unauthenticated', 'Log in first'],
  insufficient_scope: [403, 'denied', 'Not allowed'],
  denied: [403, 'denied', 'Not allowed'],
  in_use: [409, 'in-use', 'In use'],
  conflict: [409, 'conflict', 'Conflict'],
  not_found: [404, 'not-found', 'Not found'],
  input_invalid: [400, 'input-invalid', 'Input not valid'],
  method_not_allowed: [405, 'method-not-allowed', 'Method not possible here'],
  unsupported: [400, 'unsupported', 'Not supported'],
  too_many_requests: [429, 'too-many-requests', 'Too many requests'],
  unavailable: [503, 'unavailable', 'Not available just now'],
  storage_full: [503, 'storage-full', 'Storage is full'],
  request_timeout: [408, 'request-timeout', 'The request took too long'],
} as const satisfies Record<ErrorKind, readonly [status: number, type: string, title: string]>

/** Bearer: browsers would ask for a password in a window of their own when told of Basic. */
const CHALLENGE = 'Bearer realm="Entrepot"'

export function errorHandler(log: Log) {
  return (error: FastifyError | DomainError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof DomainError) return sendDomainError(error, reply)
    const status = error.statusCode ?? 500
    if (status >= 400 && status < 500) return send(reply, frameworkProblem(status, error))
    log.error({ err: error, id: request.id, method: request.method, route: request.routeOptions.url }, 'request failed')
    const detail = `an unexpected error happened; its id in the server's log is ${request.id}`
    return send(reply, { ...problem(500, 'internal', 'Unexpected error', detail), id: request.id })
  }
}

function sendDomainError(error: DomainError, reply: FastifyReply): FastifyReply {
  const [status, type, title] = PROBLEMS[error.kind]
  reply.headers(error.headers)
  if (status === 401) reply.header('www-authenticate', CHALLENGE)
  if ((status === 429 || status === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', '1')
  return send(reply, problem(status, type, title, error.message))
}

function frameworkProblem(status: number, { message }: FastifyError): Problem {
  if (status === 413) {
    return problem(413, 'too-large', 'Too large', `the body is larger than the limit of ${MAX_BODY_BYTES} bytes`)
  }
  if (status === 415) {
    const detail = 'the body is not JSON: send it with Content-Type: application/json'
    return problem(415, 'unsupported-media-type', 'Not JSON', detail)
  }
  return problem(status, 'input-invalid', STATUS_CODES[status] ?? 'Input not valid', message)
}

function problem(status: number, type: string, title: string, detail: string): Problem {
  return { type: `urn:entrepot:problem:${type}`, title, status, detail }
}

function send(reply: FastifyReply, body: Problem): FastifyReply {
  return reply.code(body.status).type(PROBLEM_TYPE).send(body)
}
