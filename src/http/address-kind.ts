import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The only part of IPv6 from which public addresses are given out (RFC 4291, 2.4; the IANA registry of global unicast). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Can everybody on the internet mean this address? Not loopback, private, link-local (the metadata services of clouds),
 * multicast, unspecified, carrier NAT, documentation, benchmarking; nor IPv6 in which an IPv4 address is wrapped (mapped,
 * compatible, NAT64, 6to4, Teredo): whoever unwraps it may reach any of those.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST)
}
