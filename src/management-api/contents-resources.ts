import type { ArtifactView, Made, RegistryAddress, RepositoryView } from '../contents/views.ts'
import { formatInstant } from '../registries/expiry.ts'
import type { VulnerabilityView } from '../scans/vulnerabilities.ts'
import type { ArtifactRead, RepositoryRead, VulnerabilityRead } from './contents-contract.ts'
import type { Base } from './links.ts'
import { registryHref } from './resources.ts'

export function repositoryHref(base: Base, registryId: string, name: string): string {
  return `${registryHref(base, registryId)}/repositories/${encodeURIComponent(name)}`
}

export function artifactHref(base: Base, registryId: string, repository: string, digest: string): string {
  return `${repositoryHref(base, registryId, repository)}/artifacts/${encodeURIComponent(digest).replaceAll('%3A', ':')}`
}

/** A repository on the wire: management-api.md 5.1. */
export function repositoryResource(base: Base, registry: RegistryAddress, repository: RepositoryView): RepositoryRead {
  const { name } = repository
  return {
    id: name,
    type: 'repository',
    href: repositoryHref(base, registry.id, name),
    metadata: {
      ...common(repository.created),
      resourceURN: resourceUrn(registry, `repositories/${name}`),
      artifactCount: repository.artifactCount,
      pullCount: repository.pullCount,
      pushCount: repository.pushCount,
      lastPushedAt: instant(repository.lastPushedAt),
      lastPulledAt: instant(repository.lastPulledAt),
      lastSeverity: repository.lastSeverity,
    },
    properties: { name },
  }
}

/** An artifact on the wire: management-api.md 5.2. */
export function artifactResource(base: Base, registry: RegistryAddress, artifact: ArtifactView): ArtifactRead {
  const { repository, digest, findings } = artifact
  return {
    id: digest,
    type: 'artifact',
    href: artifactHref(base, registry.id, repository, digest),
    metadata: {
      ...common(artifact.created),
      resourceURN: resourceUrn(registry, `repositories/${repository}/artifacts/${digest}`),
      lastPushedAt: formatInstant(artifact.lastPushedAt),
      lastPulledAt: instant(artifact.lastPulledAt),
      lastScannedAt: instant(artifact.lastScannedAt),
      pushCount: artifact.pushCount,
      pullCount: artifact.pullCount,
      vulnMaxSeverity: findings?.maxSeverity ?? null,
      vulnTotalScore: findings?.totalScore ?? null,
      vulnTotalCount: findings?.count ?? null,
      vulnFixableCount: findings?.fixable ?? null,
    },
    properties: { repositoryName: repository, digest, tags: [...artifact.tags], mediaType: artifact.mediaType },
  }
}

/** A vulnerability on the wire: management-api.md 5.3. What the wire requires and nobody knows is 1970, and a score of 0. */
export function vulnerabilityResource(base: Base, one: VulnerabilityView): VulnerabilityRead {
  return {
    id: one.id,
    type: 'vulnerability',
    href: `${base.url}/vulnerabilities/${encodeURIComponent(one.id)}`,
    metadata: { publishedAt: formatInstant(one.publishedAt ?? one.updatedAt ?? 0), updatedAt: instant(one.updatedAt) },
    properties: {
      description: one.description,
      recommendations: one.recommendations.join('\n'),
      dataSource: one.source,
      fixable: one.fixable,
      affects: one.affects.map(({ type, namespace, name, version }) => ({
        type,
        name: nameOf(type, namespace, name),
        version,
      })),
      references: [...one.references],
      severity: one.severity,
      score: one.score ?? 0,
    },
  }
}

/** The names that people write: `libc6`, `@scope/name`, `org.apache.commons:commons-lang3`. */
function nameOf(type: string, namespace: string | null, name: string): string {
  if (namespace === null || OF_A_DISTRIBUTION.has(type)) return name
  return `${namespace}${type === 'maven' ? ':' : '/'}${name}`
}

const OF_A_DISTRIBUTION: ReadonlySet<string> = new Set(['apk', 'deb', 'rpm'])

/** Nothing of these is ever changed: what has another digest is another one. */
const NEVER_MODIFIED = { lastModifiedDate: null, lastModifiedBy: null, lastModifiedByUserId: null } as const

function common({ at, by, byId }: Made) {
  return {
    createdDate: formatInstant(at),
    createdBy: byId === null ? by : `ionos:identity:::users/${byId}`,
    createdByUserId: byId,
    ...NEVER_MODIFIED,
  }
}

/** `ionos:<product>:<location>:<contract>:<resource-path>` */
function resourceUrn({ location, contractId, id }: RegistryAddress, path: string): string {
  return `ionos:container-registry:${location}:${contractId}:registries/${id}/${path}`
}

function instant(ms: number | null): string | null {
  return ms === null ? null : formatInstant(ms)
}
