const PREFIX = /^(?:\/containerregistries|(\/api\/v1))?\/registries\/[^/?]+\/repositories\//
const ARTIFACTS = '/artifacts'
/** What may follow a digest. */
const OF_ARTIFACT = /\/(?:vulnerabilities|report|scan|history)$/
const USAGE = '/usage'

/**
 * Clients write the slash of a repository name as `/` (Python 1.1), `%2F` (Go, Node, Python 2) or, encoding twice, `%252F`.
 * The router sees one form, in which the name is one segment: `request.params` then holds it decoded once. What follows the
 * last `/artifacts/` is a digest if it is one segment, whatever the name contains; a repository whose name has a part
 * called `artifacts` is therefore reached with its slashes encoded. Source: management-api.md 1.2. The same under `/api/v1`,
 * where `/usage` may follow the name.
 */
export function rewriteRepositoryPath(url: string): string {
  const [prefix, ours] = PREFIX.exec(url) ?? []
  if (prefix === undefined) return url
  const end = url.indexOf('?', prefix.length)
  const query = end < 0 ? '' : url.slice(end)
  const path = url.slice(prefix.length, end < 0 ? undefined : end)
  const [name, artifact] =
    ours !== undefined && path.endsWith(USAGE) ? splitAt(path, path.length - USAGE.length) : split(path)
  return prefix + oneSegment(name) + artifact.replaceAll(/%253A/gi, '%3A') + query
}

/** The repository's name as written, and what is asked of its artifacts. */
function split(path: string): [name: string, artifact: string] {
  if (path.endsWith(ARTIFACTS)) return splitAt(path, path.length - ARTIFACTS.length)
  const at = path.lastIndexOf(`${ARTIFACTS}/`)
  if (at <= 0) return [path, '']
  const digest = path.slice(at + ARTIFACTS.length + 1)
  const bare = digest.replace(OF_ARTIFACT, '')
  return bare.includes('/') ? [path, ''] : splitAt(path, at)
}

function splitAt(path: string, at: number): [string, string] {
  return [path.slice(0, at), path.slice(at)]
}

function oneSegment(name: string): string {
  return name.replaceAll('/', '%2F').replaceAll(/%252F/gi, '%2F')
}
