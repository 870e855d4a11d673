import type { IncomingMessage } from 'node:http'

/**
 * The URL the router sees; `req.originalUrl` keeps what the client sent. The absolute form (`GET http://host/path`), which
 * every server must take (RFC 9112, 3.2.2), becomes the origin form, its authority standing in for the Host header.
 */
export function rewriterOf(
  opaquePrefixes: readonly string[],
  rewrite: ((url: string) => string) | undefined,
): (req: IncomingMessage) => string {
  return (req) => {
    let url = req.url ?? '/'
    if (url.charCodeAt(0) !== SLASH) url = originForm(req, url)
    for (const prefix of opaquePrefixes) if (isUnder(prefix, url)) return prefix
    return rewrite === undefined ? url : rewrite(url)
  }
}

const SLASH = 47
const QUESTION_MARK = 63

function isUnder(prefix: string, url: string): boolean {
  if (!url.startsWith(prefix)) return false
  const next = url.length === prefix.length ? SLASH : url.charCodeAt(prefix.length)
  return next === SLASH || next === QUESTION_MARK
}

function originForm(req: IncomingMessage & { originalUrl?: string }, url: string): string {
  const absolute = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(url)
  if (absolute === null) return url === '*' ? '/*' : '/'
  const [, authority = '', rest = ''] = absolute
  req.headers.host = authority
  const target = rest.startsWith('/') ? rest : `/${rest}`
  req.originalUrl = target
  return target
}
