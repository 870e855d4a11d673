import type { Target } from '../auth/auth.ts'
import { DomainError } from '../domain/error.ts'
import { isRegistryName, REGISTRY_NAME_RULE } from '../domain/registry-name.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { RepositoryHandler } from './call.ts'
import { ENDPOINTS } from './endpoints.ts'
import { WireError } from './errors.ts'
import type { Path } from './path.ts'
import { PATH_TOO_LONG } from './path.ts'
import { readName } from './place.ts'
import type { Site } from './site.ts'

/** What a request wants, and of whom leave must be asked first. */
export type Plan =
  | { readonly kind: 'ping'; readonly target: Target }
  | { readonly kind: 'catalog'; readonly target: Target }
  | {
      readonly kind: 'repository'
      readonly target: Target
      readonly repository: RepositoryName
      readonly handle: RepositoryHandler
    }
  /** It cannot be served; but that too is only told to somebody we know. */
  | { readonly kind: 'refused'; readonly target: Target; readonly error: Error }

const PING: Target = { kind: 'ping' }
const PLANNED_PING: Plan = { kind: 'ping', target: PING }

export function planOf(method: string, path: Path, site: Site, host: string): Plan {
  if (path.kind === 'ping') return isRead(method) ? PLANNED_PING : refused(notAllowed(method, ['GET', 'HEAD']))
  if (path.kind === 'unknown') return refused(unknownPath(path.last))
  if (path.kind === 'catalog') return planCatalog(method, path, site)
  const methods = ENDPOINTS[path.kind]
  const endpoint = methods[method]
  if (endpoint === undefined) return refused(notAllowed(method, Object.keys(methods)))
  try {
    const { registry, repository } = readName(site, path.name, host)
    const target: Target = { kind: 'repository', registry, repository, action: endpoint.action }
    return { kind: 'repository', target, repository, handle: endpoint.handle }
  } catch (error) {
    if (error instanceof DomainError) return refused(error)
    throw error
  }
}

function planCatalog(method: string, path: Path, site: Site): Plan {
  if (!isRead(method)) return refused(notAllowed(method, ['GET', 'HEAD']))
  if (site.style === 'host') {
    if (path.name !== '') return refused(new DomainError('not_found', 'nothing is served at this path'))
    return { kind: 'catalog', target: { kind: 'catalog', registry: site.registry } }
  }
  if (path.name === '') return { kind: 'catalog', target: { kind: 'catalogs' } }
  if (!isRegistryName(path.name))
    return refused(new DomainError('name_invalid', `a registry's name has ${REGISTRY_NAME_RULE}`))
  return { kind: 'catalog', target: { kind: 'catalog', registry: path.name } }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function refused(error: Error): Plan {
  return { kind: 'refused', target: PING, error }
}

function unknownPath(why: string): Error {
  return why === PATH_TOO_LONG ? new WireError(414, 'NAME_INVALID', why) : new DomainError('not_found', why)
}

function notAllowed(method: string, allowed: readonly string[]): DomainError {
  const list = allowed.join(', ')
  return new DomainError('method_not_allowed', `${method} is not possible here; allowed: ${list}`, {
    headers: { allow: list },
  })
}
