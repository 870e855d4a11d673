/** A request target, cut at its question mark: path as sent, query without the mark. */
export interface SplitTarget {
  readonly path: string
  readonly query: string
}

export function splitTarget(target: string): SplitTarget {
  const mark = target.indexOf('?')
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

/**
 * Every value of one query parameter, in order. `+` stays `+` (RFC 3986): media types such as `application/x+json` are
 * typed by hand into these queries, spaces never are. A broken escape is left as it was sent.
 */
export function queryValues(query: string, name: string): string[] {
  if (query === '') return []
  const values: string[] = []
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    const key = equals < 0 ? pair : pair.slice(0, equals)
    if (decoded(key) === name) values.push(equals < 0 ? '' : decoded(pair.slice(equals + 1)))
  }
  return values
}

/** The first value, or null. */
export function queryValue(query: string, name: string): string | null {
  return query === '' ? null : (queryValues(query, name)[0] ?? null)
}

function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
