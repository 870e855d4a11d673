import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IssuedToken, TokenRequest } from '../auth/auth.ts'
import { DomainError } from '../domain/error.ts'
import type { AnswerHeaders } from '../http/answer.ts'
import { answer } from '../http/answer.ts'
import { splitTarget } from '../http/query.ts'
import { readAtMost } from '../http/read-body.ts'
import type { DistributionDeps } from './call.ts'
import type { ErrorAnswer } from './errors.ts'
import { withWarnings } from './headers.ts'
import type { Site } from './site.ts'

const MAX_FORM_BYTES = 64 * 1024

/**
 * GET /token with Basic, or POST /token with a form (OAuth 2.0 password and refresh_token grants, as docker and containerd
 * send first). Source: distribution's token authentication specification.
 */
export async function issueToken(
  deps: DistributionDeps,
  site: Site,
  req: IncomingMessage & { originalUrl?: string },
  res: ServerResponse,
): Promise<void> {
  if (req.method !== 'GET' && req.method !== 'POST') {
    throw new DomainError('method_not_allowed', '/token answers GET and POST', { headers: { allow: 'GET, POST' } })
  }
  const parameters =
    req.method === 'POST'
      ? new URLSearchParams((await readAtMost(req, MAX_FORM_BYTES)).toString('utf8'))
      : new URLSearchParams(splitTarget(req.originalUrl ?? req.url ?? '').query)
  const service = parameters.get('service') || site.service
  if (service !== site.service) {
    throw new DomainError(
      'input_invalid',
      `service "${service.slice(0, 100)}" is not served here: ask for ${site.service}`,
    )
  }
  const issued = await deps.auth.issueToken({
    authorization: req.headers.authorization,
    address: deps.clientOf(req).address,
    service,
    scopes: parameters.getAll('scope').filter((scope) => scope !== ''),
    grant: req.method === 'POST' ? grantOf(parameters) : null,
    offline: parameters.get('offline_token') === 'true' || parameters.get('access_type') === 'offline',
  })
  const body = JSON.stringify(tokenBody(issued))
  const headers = { ...JSON_NO_STORE, 'content-length': Buffer.byteLength(body) }
  answer(res, 200, withWarnings(headers, issued.warnings), body)
}

/** A refusal that docker and containerd (`errors`) and OAuth 2.0 clients (RFC 6749, 5.2) both read. */
export function answerTokenError(req: IncomingMessage, refusal: ErrorAnswer): { headers: AnswerHeaders; body: string } {
  const { errors } = JSON.parse(refusal.body) as { errors: { message: string }[] }
  const oauth = { error: OAUTH_ERRORS[refusal.status] ?? 'server_error', error_description: errors[0]?.message ?? '' }
  const headers: AnswerHeaders = { ...JSON_NO_STORE, ...refusal.headers }
  if (refusal.status === 401) headers['www-authenticate'] = 'Basic realm="entrepot", charset="UTF-8"'
  return { headers, body: JSON.stringify(req.method === 'POST' ? { ...oauth, errors } : { errors }) }
}

const JSON_NO_STORE: AnswerHeaders = { 'content-type': 'application/json', 'cache-control': 'no-store' }

const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_grant',
  403: 'access_denied',
  405: 'invalid_request',
  413: 'invalid_request',
  429: 'slow_down',
  503: 'temporarily_unavailable',
}

function grantOf(form: URLSearchParams): TokenRequest['grant'] {
  const type = form.get('grant_type')
  if (type === 'password') {
    return { type, username: form.get('username') ?? '', password: form.get('password') ?? '' }
  }
  if (type === 'refresh_token') return { type, refreshToken: form.get('refresh_token') ?? '' }
  if (type === null) return null
  throw new DomainError(
    'input_invalid',
    `grant_type "${type.slice(0, 40)}" is not served: use password or refresh_token`,
  )
}

function tokenBody(issued: IssuedToken): Record<string, unknown> {
  return {
    token: issued.token,
    access_token: issued.token,
    token_type: 'Bearer',
    expires_in: issued.expiresInSeconds,
    issued_at: issued.issuedAt,
    scope: issued.scope,
    ...(issued.refreshToken === null ? {} : { refresh_token: issued.refreshToken }),
  }
}
