import { randomUUID } from 'node:crypto'
import type { ErrorKind } from '../domain/error.ts'
import { DomainError } from '../domain/error.ts'
import { BodyTooLarge } from '../http/read-body.ts'

/** Source: distribution-spec main, "Error Codes"; those the specification lacks are the ones of distribution. */
const OCI_ERRORS = {
  blob_unknown: { status: 404, code: 'BLOB_UNKNOWN' },
  blob_upload_invalid: { status: 400, code: 'BLOB_UPLOAD_INVALID' },
  blob_upload_unknown: { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  digest_invalid: { status: 400, code: 'DIGEST_INVALID' },
  digest_mismatch: { status: 400, code: 'DIGEST_INVALID' },
  manifest_blob_unknown: { status: 400, code: 'MANIFEST_BLOB_UNKNOWN' },
  manifest_invalid: { status: 400, code: 'MANIFEST_INVALID' },
  manifest_too_large: { status: 413, code: 'MANIFEST_INVALID' },
  manifest_unknown: { status: 404, code: 'MANIFEST_UNKNOWN' },
  name_invalid: { status: 400, code: 'NAME_INVALID' },
  name_unknown: { status: 404, code: 'NAME_UNKNOWN' },
  range_invalid: { status: 416, code: 'BLOB_UPLOAD_INVALID' },
  range_not_satisfiable: { status: 416, code: 'RANGE_INVALID' },
  size_invalid: { status: 400, code: 'SIZE_INVALID' },
  tag_invalid: { status: 400, code: 'TAG_INVALID' },
  unauthenticated: { status: 401, code: 'UNAUTHORIZED' },
  insufficient_scope: { status: 401, code: 'UNAUTHORIZED' },
  denied: { status: 403, code: 'DENIED' },
  in_use: { status: 409, code: 'DENIED' },
  conflict: { status: 409, code: 'DENIED' },
  not_found: { status: 404, code: 'NAME_UNKNOWN' },
  input_invalid: { status: 400, code: 'UNSUPPORTED' },
  method_not_allowed: { status: 405, code: 'UNSUPPORTED' },
  unsupported: { status: 400, code: 'UNSUPPORTED' },
  too_many_requests: { status: 429, code: 'TOOMANYREQUESTS', retryAfter: '5' },
  unavailable: { status: 503, code: 'UNAVAILABLE', retryAfter: '2' },
  storage_full: { status: 503, code: 'UNAVAILABLE', retryAfter: '60' },
  request_timeout: { status: 408, code: 'UNKNOWN' },
} as const satisfies Record<ErrorKind, { status: number; code: string; retryAfter?: string }>

/** A refusal that only this wire knows: it has no kind, because no act can give it. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
  /** Set when nobody foresaw it: `error` goes to the log under this id, which is all the client sees. */
  readonly unexpectedId: string | null
}

/** What the client is told. Nothing of an unforeseen error but an id. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof WireError) return plain(error.status, error.code, error.message)
  if (error instanceof BodyTooLarge)
    return plain(413, 'SIZE_INVALID', `this body may have at most ${error.limit} bytes`)
  if (!(error instanceof DomainError)) {
    const id = randomUUID()
    const message = `an unexpected error happened; its id in the server's log is ${id}`
    return { status: 500, headers: {}, body: errorBody('UNKNOWN', message, { id }), unexpectedId: id }
  }
  const row: { status: number; code: string; retryAfter?: string } = OCI_ERRORS[error.kind]
  const headers: Record<string, string> = row.retryAfter === undefined ? {} : { 'retry-after': row.retryAfter }
  Object.assign(headers, error.headers)
  return { status: row.status, headers, body: errorBody(row.code, error.message, error.detail), unexpectedId: null }
}

/** Source: distribution-spec main, "Error Codes". */
export function errorBody(code: string, message: string, detail?: unknown): string {
  return JSON.stringify({ errors: [detail === undefined ? { code, message } : { code, message, detail }] })
}

function plain(status: number, code: string, message: string): ErrorAnswer {
  return { status, headers: {}, body: errorBody(code, message), unexpectedId: null }
}
