import { DomainError } from './error.ts'

/** Who may reach a registry's data plane: addresses and ranges, as a contract wrote them. Empty: everybody. */
export interface AllowList {
  readonly ranges: readonly AddressRange[]
}

/** The 16 bytes of an IPv6 address; IPv4 is ::ffff:0:0/96, so that both forms of one address are the same. */
export interface AddressRange {
  readonly address: Uint8Array
  /** 0 to 128. */
  readonly bits: number
}

// Source: management-api.md 4.5.
export const MAX_ALLOW_LIST = 25
const MAPPED_BITS = 96

/** Host bits may be set (`192.168.0.167/24`). @throws `input_invalid` naming the entry, or the limit. */
export function parseAllowList(entries: readonly string[]): AllowList {
  if (entries.length > MAX_ALLOW_LIST) {
    throw new DomainError(
      'input_invalid',
      `apiSubnetAllowList has ${entries.length} entries: at most ${MAX_ALLOW_LIST} are allowed`,
    )
  }
  return { ranges: entries.map(parseRange) }
}

/** Is this client address on the list? What is not an address is on no list but the empty one. */
export function isAllowed(list: AllowList, address: string): boolean {
  if (list.ranges.length === 0) return true
  const bytes = parseAddress(withoutZone(address))
  return bytes !== null && list.ranges.some((range) => contains(range, bytes))
}

/**
 * The network a client address belongs to, as text: /24 of IPv4 and /56 of IPv6 are what one customer of an access
 * provider usually holds. What is not an address stands for itself.
 */
export function networkOf(address: string): string {
  const bytes = parseAddress(withoutZone(address))
  if (bytes === null) return address
  const kept = isMapped(bytes) ? 15 : 7
  return Buffer.from(bytes.subarray(0, kept)).toString('hex')
}

function parseRange(entry: string): AddressRange {
  const [text = '', length, ...rest] = entry.split('/')
  const address = parseAddress(text)
  const own = text.includes(':') ? 128 : 32
  const bits = length === undefined ? own : parseLength(length, own)
  if (address === null || bits === null || rest.length > 0) {
    throw new DomainError(
      'input_invalid',
      `apiSubnetAllowList entry "${entry.slice(0, 60)}" is not an IPv4 or IPv6 address or CIDR, such as 192.0.2.0/24`,
    )
  }
  return { address, bits: own === 32 ? bits + MAPPED_BITS : bits }
}

function parseLength(text: string, most: number): number | null {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : null
}

/** Null when it is none; strict: four decimal parts without leading zeros, RFC 4291 2.2 forms for IPv6. */
function parseAddress(text: string): Uint8Array | null {
  if (!text.includes(':')) {
    const four = parseIpv4(text)
    return four && Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...four)
  }
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = [groups(halves[0] ?? '', halves.length === 1), groups(halves[1] ?? '', true)]
  if (head === null || tail === null) return null
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail])
}

/** The bytes of `a:b:c`; only the end of the whole address may be written as IPv4. */
function groups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return []
  const bytes: number[] = []
  const words = text.split(':')
  for (const [at, word] of words.entries()) {
    const four = isEnd && at === words.length - 1 ? parseIpv4(word) : null
    if (four) bytes.push(...four)
    else if (/^[0-9a-fA-F]{1,4}$/.test(word))
      bytes.push(Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255)
    else return null
  }
  return bytes
}

function parseIpv4(text: string): number[] | null {
  const words = text.split('.')
  if (words.length !== 4 || !words.every((word) => /^(?:0|[1-9]\d{0,2})$/.test(word))) return null
  const bytes = words.map(Number)
  return bytes.every((byte) => byte < 256) ? bytes : null
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

function contains({ address, bits }: AddressRange, bytes: Uint8Array): boolean {
  const whole = bits >> 3
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false
  const mask = 0xff00 >> (bits & 7)
  return (bits & 7) === 0 || ((address[whole] ?? 0) & mask & 0xff) === ((bytes[whole] ?? 0) & mask & 0xff)
}

/** `fe80::1%eth0`: the zone says on which link we heard it. */
function withoutZone(address: string): string {
  const at = address.indexOf('%')
  return at < 0 ? address : address.slice(0, at)
}
