import { isRepositoryName } from '../domain/repository-name.ts'
import type { Client } from '../http/client.ts'
import type { Path } from './path.ts'
import type { Site } from './site.ts'
import { isPrintableHost } from './site.ts'

/**
 * `WWW-Authenticate` for a request. It depends on method, host and path alone (design.md 8): nothing in it tells what
 * exists. containerd forgets a token only when an `error` is named, and asks for a wider one by the scope.
 */
export function challenge(
  realm: string,
  site: Site,
  method: string,
  path: Path,
  error: 'invalid_token' | 'insufficient_scope' | null,
): string {
  const scope = scopeOf(method, path)
  const scopePart = scope === null ? '' : `,scope="${scope}"`
  const errorPart = error === null ? '' : `,error="${error}"`
  return `Bearer realm="${realm}",service="${site.service}"${scopePart}${errorPart}`
}

/** Where tokens are to be had: at the asked host in host style, else at PUBLIC_URL, else at the asked host if it is one. */
export function realmOf(publicUrl: string | null, site: Site, client: Client): string {
  if (publicUrl !== null && site.style === 'path') return `${publicUrl}/token`
  const scheme = publicUrl?.startsWith('https:') ? 'https' : client.scheme
  return isPrintableHost(client.host) ? `${scheme}://${client.host}/token` : '/token'
}

function scopeOf(method: string, path: Path): string | null {
  if (path.kind === 'ping' || path.kind === 'unknown') return null
  if (path.kind === 'catalog') return 'registry:catalog:*'
  return isRepositoryName(path.name) ? `repository:${path.name}:${actionsOf(method, path)}` : null
}

/** An upload is looked at, continued and cancelled with the rights that opened it. */
function actionsOf(method: string, path: Path): string {
  if (path.kind === 'upload' || path.kind === 'uploads') return 'pull,push'
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'pull,push'
}
