import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { isPublicAddress } from './address-kind.ts'
import { parseNetworks } from './client.ts'

/** A request as `fetch` takes it, as far as we need it. */
export interface EgressRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | null | undefined
  /** `manual` hands a redirect out, `follow` (the default) goes after it within the same origin, for GET and HEAD only. */
  readonly redirect?: 'follow' | 'manual' | 'error'
  readonly signal?: AbortSignal | undefined
}

/**
 * The one way out for HTTP that anyone but the operator can direct. Resolves once the headers are there; the body may still
 * be refused while it is read. @throws EgressError
 */
export type Egress = (url: string | URL, request?: EgressRequest) => Promise<Response>

export interface EgressOptions {
  /** Addresses and networks that may be reached although they are not public, by http too. */
  readonly allow: readonly string[]
  /** From the first byte out to the last byte in, redirects included. */
  readonly timeoutMs: number
  /** Of a body. */
  readonly maxBytes: number
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
  /** A certificate authority in PEM instead of the usual ones. */
  readonly ca?: string | Buffer
}

export type EgressReason = 'url' | 'address' | 'unresolved' | 'unreachable' | 'redirect' | 'too_large' | 'timeout'

/** `message` may be read by whoever gave the URL: it names neither addresses nor what answered. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
  readonly reason: EgressReason

  constructor(reason: EgressReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

const MOST_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const BODILESS = new Set([204, 205, 304])

/** @throws TypeError naming an entry of `allow` that is neither an address nor a network. */
export function createEgress(options: EgressOptions): Egress {
  const listed = parseNetworks(options.allow)
  const isListed = (address: string): boolean => listed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  const resolve = options.resolve ?? ((host: string) => lookup(host, { all: true, verbatim: true }))
  const hop = (url: URL, request: EgressRequest, signal: AbortSignal) =>
    send(url, request, signal, { ...options, isListed, resolve })
  return async (target, request = {}) => {
    const { redirect = 'follow' } = request
    const signal = deadline(options.timeoutMs, request.signal)
    for (let url = parseUrl(target), hops = 0; ; hops++) {
      const response = await hop(url, request, signal)
      const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null
      if (location === null || redirect === 'manual') return response
      await response.body?.cancel()
      url = nextHop(url, location, hops, redirect === 'error' ? 'no redirect' : (request.method ?? 'GET'))
    }
  }
}

interface Way extends EgressOptions {
  readonly isListed: (address: string) => boolean
  readonly resolve: (host: string) => Promise<readonly LookupAddress[]>
}

async function send(url: URL, request: EgressRequest, signal: AbortSignal, way: Way): Promise<Response> {
  const addresses = await abortable(addressesOf(url, way), signal, url)
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const outgoing = open(url, request, addresses, way)
  outgoing.once('response', resolve)
  outgoing.on('error', (cause) => reject(failure(url, cause, signal)))
  // Nobody asked for another protocol; without a listener neither an error nor an answer would ever come.
  outgoing.once('upgrade', (_message, socket) => {
    socket.on('error', () => {}).destroy()
    reject(failure(url, 'upgrade', signal))
  })
  const abort = () => outgoing.destroy(new Error('aborted'))
  signal.addEventListener('abort', abort, { once: true })
  outgoing.once('close', () => signal.removeEventListener('abort', abort))
  outgoing.end(request.body ?? undefined)
  if (signal.aborted) abort()
  return toResponse(await promise, url, signal, way.maxBytes)
}

/**
 * The connection goes to the addresses that were looked at and to no other: the name is not resolved again, so that it
 * cannot mean something else by then (DNS rebinding). No agent: a pooled connection would outlive the check.
 */
function open(url: URL, request: EgressRequest, addresses: readonly LookupAddress[], way: Way): ClientRequest {
  const options: RequestOptions & { ca?: string | Buffer } = {
    method: request.method ?? 'GET',
    headers: { 'accept-encoding': 'identity', 'user-agent': 'entrepot', ...request.headers },
    agent: false,
    lookup: (_host, given: LookupOptions, callback) => {
      const [first] = addresses
      if (given.all) callback(null, [...addresses])
      else callback(null, first?.address ?? '', first?.family)
    },
    ...(way.ca === undefined ? {} : { ca: way.ca }),
  }
  return url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
}

async function addressesOf(url: URL, { isListed, resolve }: Way): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const found = family === 0 ? await resolved(url, host, resolve) : [{ address: host, family }]
  const may = found.filter(({ address }) =>
    url.protocol === 'https:' ? isPublicAddress(address) || isListed(address) : isListed(address),
  )
  if (may.length > 0) return may
  const isPublic = found.some(({ address }) => isPublicAddress(address))
  const why = isPublic
    ? 'without https only addresses may be reached that the operator listed (egressAllow): write https://'
    : 'its address is not a public one; the operator can list the networks that may be reached (egressAllow)'
  throw new EgressError('address', `${url.origin} may not be reached: ${why}`, {
    cause: found.map(({ address }) => address).join(', '),
  })
}

async function resolved(url: URL, host: string, resolve: Way['resolve']): Promise<readonly LookupAddress[]> {
  const found = await resolve(host).catch((cause: unknown) => {
    throw new EgressError('unresolved', `${url.origin} cannot be reached: its host name is not known`, { cause })
  })
  return found.filter(({ address }) => isIP(address) !== 0 && !address.includes('%'))
}

function parseUrl(target: string | URL): URL {
  const url = URL.parse(target)
  const fault =
    url === null
      ? 'it is no URL'
      : url.protocol !== 'https:' && url.protocol !== 'http:'
        ? 'only https (and http to listed addresses) is spoken'
        : url.username !== '' || url.password !== ''
          ? 'it contains credentials'
          : null
  if (url !== null && fault === null) return url
  throw new EgressError('url', `"${String(target).slice(0, 200)}" cannot be used: ${fault}`)
}

function nextHop(from: URL, location: string, hops: number, method: string): URL {
  const to = URL.parse(location, from)
  const why =
    method !== 'GET' && method !== 'HEAD'
      ? 'where that is not expected'
      : to?.origin !== from.origin
        ? 'to another host, which is not followed'
        : hops >= MOST_REDIRECTS
          ? `more than ${MOST_REDIRECTS} times`
          : null
  if (to !== null && why === null) return parseUrl(to)
  throw new EgressError('redirect', `${from.origin} answers with a redirect ${why}`)
}

function deadline(timeoutMs: number, given: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs)
  return given ? AbortSignal.any([timeout, given]) : timeout
}

/** A name look-up cannot be stopped, but nobody needs to wait for it. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal, url: URL): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(failure(url, signal.reason, signal))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function failure(url: URL, cause: unknown, signal: AbortSignal): EgressError {
  if (cause instanceof EgressError) return cause
  if (signal.aborted) return new EgressError('timeout', `${url.origin} did not answer in time`, { cause })
  return new EgressError('unreachable', `${url.origin} cannot be reached, or does not speak ${url.protocol}//`, {
    cause,
  })
}

function toResponse(message: IncomingMessage, url: URL, signal: AbortSignal, maxBytes: number): Response {
  const { statusCode: status = 0, rawHeaders } = message
  const tooLarge = () =>
    new EgressError('too_large', `${url.origin} answers with more than ${maxBytes} bytes, which is the limit`)
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) {
    message.destroy()
    throw tooLarge()
  }
  if (status < 200 || status > 599) {
    message.destroy()
    throw new EgressError('unreachable', `${url.origin} does not answer as an HTTP server does`)
  }
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  if (BODILESS.has(status)) {
    message.resume()
    return new Response(null, { status, headers })
  }
  const body = bounded(message, maxBytes, tooLarge, (cause) => failure(url, cause, signal))
  return new Response(Readable.toWeb(Readable.from(body)) as ReadableStream<Uint8Array>, { status, headers })
}

async function* bounded(
  message: IncomingMessage,
  maxBytes: number,
  tooLarge: () => Error,
  failed: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  let size = 0
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength
      if (size > maxBytes) throw tooLarge()
      yield chunk
    }
  } catch (cause) {
    throw failed(cause)
  } finally {
    message.destroy()
  }
}
