/** What a `/v2` path points at. The names are those of the specification's endpoints. */
export type PathKind =
  | 'ping'
  | 'catalog'
  | 'manifest'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'tags'
  | 'referrers'
  | 'unknown'

/** A path read once. Nothing in it is checked against a grammar yet. */
export interface Path {
  readonly kind: PathKind
  /** Repository (path style: behind its registry), or the registry of a catalog; as the client wrote it, unescaped. */
  readonly name: string
  /** Tag or digest, upload id; for `unknown`: why. */
  readonly last: string
}

export const MAX_PATH = 4096
export const PATH_TOO_LONG = `the path is longer than ${MAX_PATH} characters`

const PING: Path = { kind: 'ping', name: '', last: '' }

/**
 * Reads the path of a request target, without its query. Linear, from the end: the last words decide, so that a repository
 * may be called `blobs`, `tags` or `manifests`. Source: distribution-spec main, "Endpoints".
 */
export function parsePath(path: string): Path {
  if (path.length > MAX_PATH) return unknown(PATH_TOO_LONG)
  if (path === '/v2/' || path === '/v2') return PING
  const rest = path.slice('/v2/'.length)
  return rest.includes('%') ? parseEscaped(rest) : parseWords(rest)
}

function parseWords(rest: string): Path {
  const lastSlash = rest.lastIndexOf('/')
  const last = rest.slice(lastSlash + 1)
  if (lastSlash <= 0) return lastSlash < 0 && last === '_catalog' ? { kind: 'catalog', name: '', last: '' } : unknown()
  const wordSlash = rest.lastIndexOf('/', lastSlash - 1)
  const word = rest.slice(wordSlash + 1, lastSlash)
  const name = wordSlash < 0 ? '' : rest.slice(0, wordSlash)
  switch (word) {
    case 'manifests':
      return { kind: 'manifest', name, last }
    case 'blobs':
      return last === 'uploads' ? { kind: 'uploads', name, last: '' } : { kind: 'blob', name, last }
    case 'tags':
      return last === 'list' ? { kind: 'tags', name, last: '' } : unknown()
    case 'referrers':
      return { kind: 'referrers', name, last }
    case 'uploads':
      return parseUpload(name, last)
    default:
      return last === '_catalog' && wordSlash < 0 ? { kind: 'catalog', name: word, last: '' } : unknown()
  }
}

function parseUpload(nameAndBlobs: string, id: string): Path {
  if (nameAndBlobs !== 'blobs' && !nameAndBlobs.endsWith('/blobs')) return unknown()
  const name = nameAndBlobs.slice(0, Math.max(0, nameAndBlobs.length - '/blobs'.length))
  return id === '' ? { kind: 'uploads', name, last: '' } : { kind: 'upload', name, last: id }
}

/** Some clients escape the colon of a digest. A slash is never written as an escape: it would be another path. */
function parseEscaped(rest: string): Path {
  const words: string[] = []
  for (const escaped of rest.split('/')) {
    const word = unescaped(escaped)
    if (word === null) return unknown('the path has a broken percent escape')
    if (word.includes('/')) return unknown('the path has an escaped slash: write / as it is')
    words.push(word)
  }
  return parseWords(words.join('/'))
}

function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function unknown(why = 'nothing is served at this path'): Path {
  return { kind: 'unknown', name: '', last: why }
}
