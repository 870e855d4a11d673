export type ShownCredentials =
  | { readonly scheme: 'basic'; readonly username: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string }

/** Far beyond any token of ours; a longer header is not worth a look. */
const MAX_HEADER_LENGTH = 16_384

/** Null for anything but a well-formed Basic (RFC 7617, UTF-8) or Bearer (RFC 6750) header. */
export function parseAuthorization(header: string): ShownCredentials | null {
  if (header.length > MAX_HEADER_LENGTH) return null
  const [, scheme = '', value = ''] = /^(basic|bearer) +([\w.~+/=-]+) *$/i.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  if (scheme === '') return null
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? null : { scheme: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** As a client would send it. Null when no such header can be told apart from another one. */
export function basicHeader(username: string, password: string): string | null {
  if (username.includes(':')) return null
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
