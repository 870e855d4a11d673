/**
 * Everything that can go wrong for a reason the caller can act on. Each API has one table
 * `Record<ErrorKind, …>`: a new kind will not compile until all of them answer it.
 */
export type ErrorKind =
  | 'blob_unknown'
  | 'blob_upload_invalid'
  | 'blob_upload_unknown'
  | 'digest_invalid'
  | 'digest_mismatch'
  | 'manifest_blob_unknown'
  | 'manifest_invalid'
  | 'manifest_too_large'
  | 'manifest_unknown'
  | 'name_invalid'
  | 'name_unknown'
  | 'range_invalid' // out of order upload chunk: 416 with the true Range
  | 'range_not_satisfiable' // RFC 9110, 15.5.17
  | 'size_invalid'
  | 'tag_invalid'
  | 'unauthenticated' // no or unusable credentials: 401
  | 'insufficient_scope' // a bearer token without the access: 401, clients escalate on it
  | 'denied' // known, but may not: 403
  | 'in_use' // refused because something live refers to it: 409 / 405
  | 'conflict' // name or id taken: 409, or 400 where the product declares no 409
  | 'not_found'
  | 'input_invalid'
  | 'method_not_allowed'
  | 'unsupported'
  | 'too_many_requests'
  | 'unavailable' // this node cannot answer just now: 503 with Retry-After
  | 'storage_full' // low-disk watermark or quota: 507-like, answered 503
  | 'request_timeout'

export interface DomainErrorOptions extends ErrorOptions {
  /** Structured facts for the wire (OCI `detail`); readable by strangers. */
  readonly detail?: unknown
  /** Extra response headers the clause asks for, by lower-case name (`range`, `location`, `retry-after`, `allow`). */
  readonly headers?: Readonly<Record<string, string>>
}

/** `message` is shown to the client: no paths, no SQL, no secrets. Put those in `cause`, which is only logged. */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly kind: ErrorKind
  readonly detail: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(kind: ErrorKind, message: string, options: DomainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.kind = kind
    this.detail = options.detail
    this.headers = options.headers ?? {}
  }
}
