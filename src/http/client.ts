import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { BlockList, isIP } from 'node:net'

/** Who is at the other end of a request, as far as it can be believed. */
export interface Client {
  /** IPv4 or IPv6; IPv4 inside IPv6 is written as IPv4. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** The Host the client asked for, port included, or undefined. Unchecked text. */
  readonly host: string | undefined
  /** Somebody stands between: such a request never counts as loopback, whoever the peer is. */
  readonly proxied: boolean
}

export interface Forwarding {
  /** Addresses and networks of proxies whose header is believed: `10.0.0.0/8`, `::1`. */
  readonly trustedProxies: readonly string[]
  /**
   * Which header those proxies write. Only one is read: a proxy passes the other one on as its client wrote it, and
   * reading both would let anyone choose an address.
   */
  readonly header?: 'x-forwarded-for' | 'forwarded'
}

export type ClientOf = (req: IncomingMessage) => Client

/** @throws TypeError naming an entry of `trustedProxies` that is neither an address nor a network. */
export function createClientOf({ trustedProxies, header = 'x-forwarded-for' }: Forwarding): ClientOf {
  const trusted = trustedProxies.length === 0 ? null : parseNetworks(trustedProxies)
  return (req) => {
    const peer = peerOf(req.socket)
    const { headers } = req
    const proxied =
      headers['x-forwarded-for'] !== undefined ||
      headers['forwarded'] !== undefined ||
      headers['x-forwarded-host'] !== undefined ||
      headers['x-forwarded-proto'] !== undefined ||
      headers['x-real-ip'] !== undefined ||
      headers.via !== undefined
    if (trusted === null || !isTrusted(trusted, peer)) {
      return { address: peer, scheme: schemeOf(req.socket), host: headers.host, proxied }
    }
    const hop = header === 'forwarded' ? forwardedHop(req, trusted) : xForwardedHop(req, trusted)
    return {
      address: hop.address ?? peer,
      scheme: hop.scheme === 'https' || hop.scheme === 'http' ? hop.scheme : schemeOf(req.socket),
      host: hop.host ?? headers.host,
      proxied: true,
    }
  }
}

/** Is this a process of the same machine, asking without a proxy? */
export function isLoopback(client: Client): boolean {
  return !client.proxied && (client.address === '::1' || client.address.startsWith('127.'))
}

/** @throws TypeError */
export function parseNetworks(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix, rest] = network.trim().split('/')
    const family = isIP(address)
    const longest = family === 4 ? 32 : 128
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (family === 0 || rest !== undefined || !(length <= longest)) {
      throw new TypeError(`"${network}" is neither an IP address nor a network such as 10.0.0.0/8`)
    }
    list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

interface Hop {
  readonly address: string | null
  readonly scheme: string | undefined
  readonly host: string | undefined
}

const ADDRESS = Symbol('peer address')
type AddressedSocket = Socket & { [ADDRESS]?: string }

function peerOf(socket: AddressedSocket): string {
  let address = socket[ADDRESS]
  if (address === undefined) {
    address = plainAddress(socket.remoteAddress ?? '')
    socket[ADDRESS] = address
  }
  return address
}

function plainAddress(address: string): string {
  const lower = address.toLowerCase()
  const inner = lower.startsWith('::ffff:') ? lower.slice(7) : ''
  return isIP(inner) === 4 ? inner : lower
}

function isTrusted(trusted: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function schemeOf(socket: Socket): 'http' | 'https' {
  return 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
}

function xForwardedHop(req: IncomingMessage, trusted: BlockList): Hop {
  return {
    address: nearestUntrusted(members(req.headers['x-forwarded-for']), trusted),
    scheme: members(req.headers['x-forwarded-proto']).at(-1)?.toLowerCase(),
    host: members(req.headers['x-forwarded-host']).at(-1),
  }
}

/** Source: RFC 7239, 4: `for="[2001:db8::17]:4711";proto=https;host=example.com`, nearest hop last. */
function forwardedHop(req: IncomingMessage, trusted: BlockList): Hop {
  const hops = members(req.headers['forwarded']).map(forwardedPairs)
  const nearest = hops.at(-1)
  return {
    address: nearestUntrusted(
      hops.map((hop) => hop.get('for') ?? ''),
      trusted,
    ),
    scheme: nearest?.get('proto')?.toLowerCase(),
    host: nearest?.get('host'),
  }
}

function forwardedPairs(hop: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const pair of hop.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const value = pair.slice(equals + 1).trim()
    const bare = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
    pairs.set(pair.slice(0, equals).trim().toLowerCase(), bare)
  }
  return pairs
}

/**
 * Each proxy appends the address it saw, so only what trusted proxies wrote can be believed: from the right, the first
 * address that is not one of theirs. An entry that is no address ends the walk at the hop that wrote it.
 */
function nearestUntrusted(chain: readonly string[], trusted: BlockList): string | null {
  let nearest: string | null = null
  for (let i = chain.length - 1; i >= 0; i--) {
    const address = plainAddress(withoutPort(chain[i] ?? ''))
    if (isIP(address) === 0) return nearest
    nearest = address
    if (!isTrusted(trusted, address)) return nearest
  }
  return nearest
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, Math.max(text.indexOf(']'), 1))
  const colon = text.indexOf(':')
  return colon >= 0 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text
}

function members(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  const text = typeof header === 'string' ? header : header.join(',')
  return text
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
}
