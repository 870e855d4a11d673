import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'
import { SEVERITIES } from '../domain/severity.ts'
import { RegistryParams } from './contract.ts'

// Schemas of repositories, artifacts and vulnerabilities. Source: management-api.md 2.4 and 5.

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const dateTime = (description: string) => Type.String({ format: 'date-time', description })
const never = (description: string) => nullable(dateTime(`${description}; null: never.`))

// --- parameters

const repositoryName = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'The name of the repository; its slashes as they are, or encoded.',
  examples: ['team/app'],
})
const digest = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'The digest of the manifest.',
  examples: ['sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
})
export const RepositoryParams = Type.Object({ ...RegistryParams.properties, repositoryName })
export const ArtifactParams = Type.Object({ ...RepositoryParams.properties, digest })
export const VulnerabilityParams = Type.Object({
  vulnerabilityId: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'As the advisory database calls it.',
    examples: ['CVE-2024-3094'],
  }),
})

const page = {
  offset: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1_000_000_000,
      default: 0,
      description: 'How many items to skip. What is too deep to be reached within two seconds is refused.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'How many items at most, 1 to 1000.' }),
  ),
}

/** `a` is ascending, `-a` descending; the first is the default. */
function orderBy<const Order extends string>(orders: readonly Order[], description: string) {
  return Type.Optional(
    Type.Enum([...orders], { expects: `one of ${orders.join(', ')}`, default: orders[0], description }),
  )
}

type Both<Order extends string> = Order | `-${Order}`

function both<const Order extends string>(...orders: readonly Order[]): Both<Order>[] {
  return orders.flatMap((order): Both<Order>[] => [`-${order}`, order])
}

const EQUALS = 'Equal ones follow in order of their making; what never happened counts as longest ago.'
const severity = (description: string) =>
  Type.Optional(Type.String({ maxLength: 20, description: `${description}: ${SEVERITIES.join(', ')}; in any case.` }))

export const RepositoriesQuery = Type.Object({
  ...page,
  'filter.name': Type.Optional(Type.String({ maxLength: 256, description: 'Part of the name, in any case.' })),
  'filter.vulnerabilitySeverity': severity('The severity of the artifact pushed last'),
  orderBy: orderBy(
    [...both('lastPush', 'lastPull', 'artifactCount', 'pullCount', 'pushCount'), 'name'],
    `\`-\` is descending. ${EQUALS}`,
  ),
})

export const RegistryArtifactsQuery = Type.Object({
  ...page,
  'filter.vulnerabilityId': Type.Optional(
    Type.String({ maxLength: 64, description: 'Only artifacts in which this vulnerability was found.' }),
  ),
  orderBy: orderBy(
    both('pullCount', 'pushCount', 'lastPush', 'lastPull', 'lastScan', 'vulnTotalCount', 'vulnFixableCount'),
    `\`-\` is descending. ${EQUALS}`,
  ),
})

export const ArtifactsQuery = Type.Object({
  ...page,
  orderBy: orderBy(
    [
      ...both('lastPush', 'lastPull', 'lastScan', 'pullCount', 'pushCount'),
      ...both('vulnMaxSeverity', 'vulnTotalScore', 'vulnTotalCount', 'vulnFixableCount'),
    ],
    `\`-\` is descending. ${EQUALS}`,
  ),
})

export const VulnerabilitiesQuery = Type.Object({
  ...page,
  'filter.severity': severity('The severity'),
  'filter.fixable': Type.Optional(Type.Boolean({ expects: 'true or false', description: 'Whether a fix exists.' })),
  orderBy: orderBy(both('score', 'severity', 'publishedAt', 'updatedAt', 'fixable'), '`-` is descending.'),
})

// --- answers

const common = {
  createdDate: nullable(dateTime('When it was first pushed, UTC.')),
  createdBy: nullable(
    Type.String({ description: 'Who pushed it first: a person, or `token:` and the name of a token.' }),
  ),
  createdByUserId: nullable(Type.String({ description: 'If that was a person who still exists.' })),
  lastModifiedDate: Type.Null(),
  lastModifiedBy: Type.Null(),
  lastModifiedByUserId: Type.Null(),
  resourceURN: Type.String({ examples: ['ionos:container-registry:de/fra:1:registries/…/repositories/team/app'] }),
}
const Severity = Type.Enum([...SEVERITIES])

export const Links = Type.Object({
  prev: Type.Optional(Type.String({ description: 'Unless this is the beginning.' })),
  self: Type.String(),
  next: Type.Optional(Type.String({ description: 'If there are more.' })),
})

function list<const Id extends string, T extends TSchema>(id: Id, item: T) {
  return Type.Object({
    id: Type.Literal(id),
    type: Type.Literal('collection'),
    href: Type.String(),
    items: Type.Array(item),
    offset: Type.Integer(),
    limit: Type.Integer(),
    _links: Links,
  })
}

export const RepositoryRead = Type.Object({
  id: Type.String({ description: 'The name.' }),
  type: Type.Literal('repository'),
  href: Type.String(),
  metadata: Type.Object({
    ...common,
    artifactCount: Type.Integer({ description: 'Manifests of any kind, with a tag or without.' }),
    pullCount: Type.Integer(),
    pushCount: Type.Integer(),
    lastPushedAt: never('When a manifest was pushed last'),
    lastPulledAt: never('When a manifest was pulled last'),
    lastSeverity: nullable(Severity),
  }),
  properties: Type.Object({ name: Type.String() }),
})
export const RepositoryReadList = list('repositories', RepositoryRead)

export const ArtifactRead = Type.Object({
  id: Type.String({ description: 'The digest.' }),
  type: Type.Literal('artifact'),
  href: Type.String(),
  metadata: Type.Object({
    ...common,
    lastPushedAt: dateTime('When it was pushed last, UTC.'),
    lastPulledAt: never('When it was pulled last'),
    lastScannedAt: never('When it was scanned last'),
    pushCount: Type.Integer(),
    pullCount: Type.Integer(),
    vulnMaxSeverity: nullable(Severity),
    vulnTotalScore: nullable(Type.Number({ description: 'The sum of the scores.' })),
    vulnTotalCount: nullable(Type.Integer()),
    vulnFixableCount: nullable(Type.Integer()),
  }),
  properties: Type.Object({
    repositoryName: Type.String(),
    digest: Type.String(),
    tags: Type.Array(Type.String(), { description: 'In byte order; at most 100 in a list and 1000 of one artifact.' }),
    mediaType: Type.String({ examples: ['application/vnd.oci.image.manifest.v1+json'] }),
  }),
})
export const RegistryArtifactsReadList = list('artifacts', ArtifactRead)
export const ArtifactReadList = list('artifacts', ArtifactRead)

export const VulnerabilityRead = Type.Object({
  id: Type.String(),
  type: Type.Literal('vulnerability'),
  href: Type.String(),
  metadata: Type.Object({ publishedAt: dateTime('UTC.'), updatedAt: nullable(dateTime('UTC.')) }),
  properties: Type.Object({
    description: Type.String(),
    recommendations: nullable(Type.String()),
    dataSource: Type.Object({ id: nullable(Type.String()), url: nullable(Type.String()) }),
    fixable: Type.Boolean(),
    affects: Type.Array(
      Type.Object(
        { type: Type.String(), name: Type.String(), version: Type.String() },
        { description: 'As in package URLs.' },
      ),
    ),
    references: Type.Array(Type.String()),
    severity: Severity,
    score: Type.Number({ description: 'The highest of all sources.' }),
  }),
})
export const ArtifactVulnerabilityReadList = list('vulnerabilities', VulnerabilityRead)

export type Links = Static<typeof Links>
export type RepositoriesQuery = Static<typeof RepositoriesQuery>
export type RegistryArtifactsQuery = Static<typeof RegistryArtifactsQuery>
export type ArtifactsQuery = Static<typeof ArtifactsQuery>
export type RepositoryRead = Static<typeof RepositoryRead>
export type RepositoryReadList = Static<typeof RepositoryReadList>
export type ArtifactRead = Static<typeof ArtifactRead>
export type ArtifactReadList = Static<typeof ArtifactReadList>
export type VulnerabilityRead = Static<typeof VulnerabilityRead>
export type ArtifactVulnerabilityReadList = Static<typeof ArtifactVulnerabilityReadList>
