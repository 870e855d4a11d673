/**
 * Does an If-None-Match header name this strong entity tag (with its quotes)? Comparison is weak, as the clause asks.
 * Source: RFC 9110, 13.1.2. Clients that leave the quotes out are understood too.
 */
export function matchesEntityTag(header: string, entityTag: string): boolean {
  if (header === entityTag || header === '*') return true
  const bare = entityTag.slice(1, -1)
  for (const member of header.split(',')) {
    const tag = member.trim()
    const strong = tag.startsWith('W/') ? tag.slice(2) : tag
    if (strong === entityTag || strong === bare || strong === '*') return true
  }
  return false
}

/** May a Range be honoured under this If-Range? Dates never match: nothing here is dated. Source: RFC 9110, 13.1.5. */
export function allowsRange(ifRange: string | undefined, entityTag: string): boolean {
  return ifRange === undefined || ifRange === entityTag
}
