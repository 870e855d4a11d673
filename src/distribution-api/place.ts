import { DomainError } from '../domain/error.ts'
import { isRegistryName, REGISTRY_NAME_RULE } from '../domain/registry-name.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import { parseRepositoryName } from '../domain/repository-name.ts'
import type { Site } from './site.ts'

/** A name as a client wrote it, read by the rules of the host it asked. */
export interface NamedRepository {
  readonly registry: string
  readonly repository: RepositoryName
}

/** @throws `name_invalid`, saying the right form. `host` is only for that text. */
export function readName(site: Site, name: string, host: string): NamedRepository {
  if (site.style === 'host') return { registry: site.registry, repository: parseRepositoryName(name) }
  const slash = name.indexOf('/')
  if (slash < 0) throw withoutRegistry(name, host)
  const registry = name.slice(0, slash)
  if (!isRegistryName(registry)) {
    throw new DomainError('name_invalid', `"${shown(registry)}" is not a registry's name: ${REGISTRY_NAME_RULE}`)
  }
  return { registry, repository: parseRepositoryName(name.slice(slash + 1)) }
}

function withoutRegistry(name: string, host: string): DomainError {
  const repository = name === '' ? '<repository>' : shown(name)
  return new DomainError(
    'name_invalid',
    `"${shown(name)}" does not say which registry: write ${host}/<registry>/${repository}:<tag>`,
  )
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
