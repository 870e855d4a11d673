import type { FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '../domain/error.ts'
import { parseSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { Client } from '../http/client.ts'
import { changesSomething } from './access.ts'

/** Over https no other host of the same site can set it (RFC 6265bis, 4.1.3.2). */
const SECURE_NAME = '__Host-entrepot-session'
const PLAIN_NAME = 'entrepot-session'

/**
 * The secret of the console's session, read from its cookie; null without one. A browser sends cookies along with whatever
 * any page makes it ask for, so what changes something must come from our own pages. @throws `denied`
 */
export function sessionIn(request: FastifyRequest, client: Client): string | null {
  const session = cookieIn(request, client)
  if (session !== null && changesSomething(request)) refuseOtherSites(request, client, 'origin-needed')
  return session
}

/** The secret of the session that a request shows, as cookie or Bearer; null: it shows none. */
export function shownSession(request: FastifyRequest, client: Client): string | null {
  const { authorization } = request.headers
  if (authorization === undefined) return cookieIn(request, client)
  const [, token = ''] = /^bearer +(\S+) *$/i.exec(authorization) ?? []
  return parseSecret(token)?.prefix === SECRET_PREFIX.session ? token : null
}

/** `expiresAt` is milliseconds UTC. No script reads it and no other site makes a browser send it. */
export function setSessionCookie(reply: FastifyReply, client: Client, session: string, expiresAt: number): void {
  reply.header('set-cookie', `${nameFor(client)}=${session}; ${attributes(client)}; Expires=${httpDate(expiresAt)}`)
}

export function clearSessionCookie(reply: FastifyReply, client: Client): void {
  reply.header('set-cookie', `${nameFor(client)}=; ${attributes(client)}; Expires=${httpDate(0)}`)
}

/**
 * For what changes something and is asked without an Authorization header: a page of another site must not do it in
 * somebody's name, nor log them in as somebody else. `origin-needed`: browsers say where they come from; what does not is
 * refused. @throws `denied`
 */
export function refuseOtherSites(request: FastifyRequest, client: Client, rule: 'origin-needed' | 'if-told'): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return
  } else if (origin !== undefined) {
    if (origin === `${client.scheme}://${client.host}`) return
  } else if (rule === 'if-told') {
    return
  }
  throw new DomainError('denied', 'this request comes from another site: send it from a page of this server')
}

function cookieIn({ headers }: FastifyRequest, client: Client): string | null {
  const prefix = `${nameFor(client)}=`
  const [pair] = (headers.cookie ?? '').split(/; */).filter((one) => one.startsWith(prefix))
  const value = pair?.slice(prefix.length) ?? ''
  return parseSecret(value)?.prefix === SECRET_PREFIX.session ? value : null
}

function nameFor({ scheme }: Client): string {
  return scheme === 'https' ? SECURE_NAME : PLAIN_NAME
}

function attributes({ scheme }: Client): string {
  return `Path=/; HttpOnly; SameSite=Strict${scheme === 'https' ? '; Secure' : ''}`
}

function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}
