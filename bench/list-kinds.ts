import { manifestType } from './images.ts'

/** Where one looks, and how much there is. */
export type Place = {
  registries: number
  repositories: number
  tags: number
  owner: string
  registryId: string
  /** Tokens of the pages of registries. */
  pages: readonly string[]
}

export type Kind = {
  what: string
  path: (place: Place, random: () => number) => string
  /** `machine`, the default: a registry token. */
  as?: 'machine' | 'owner'
  headers?: Record<string, string>
  /** Deep offsets and substrings: no promise but that it ends. */
  isOnlyBounded?: boolean
}

const numbered = (below: number, random: () => number): string => String(Math.floor(random() * below)).padStart(7, '0')
const oneOf = <T>(all: readonly T[], random: () => number): T => all[Math.floor(random() * all.length)] as T
const both = (...orders: readonly string[]): string[] => orders.flatMap((order) => [order, `-${order}`])

const repositoryOrders = [...both('lastPush', 'lastPull', 'artifactCount', 'pullCount', 'pushCount'), 'name']
const registryOrders = both(
  ...['pullCount', 'pushCount', 'lastPush', 'lastPull', 'lastScan', 'vulnTotalCount', 'vulnFixableCount'],
)
const artifactOrders = [...registryOrders, ...both('vulnMaxSeverity', 'vulnTotalScore')]
const severities = ['unknown', 'none', 'low', 'medium', 'high', 'critical']

/** A tenth of the few, so that all sizes have such a page. */
const offset = (random: () => number): string => `offset=${Math.floor(random() * 900)}`

type Path = Kind['path']
const repositories =
  (query: Path): Path =>
  (place, random) =>
    `/registries/${place.registryId}/repositories?limit=100&${query(place, random)}`
const artifacts =
  (query: Path): Path =>
  (place, random) =>
    `/registries/${place.registryId}/artifacts?limit=100&${query(place, random)}`
const within =
  (query: Path): Path =>
  (place, random) =>
    `/registries/${place.registryId}/repositories/long/artifacts?limit=100&${query(place, random)}`

const dataPlane: readonly Kind[] = [
  { what: 'catalog, n=100, first page', path: () => '/v2/_catalog?n=100' },
  {
    what: 'catalog, n=100, anywhere',
    path: (place, random) => `/v2/_catalog?n=100&last=bench/many/${numbered(place.repositories, random)}`,
  },
  { what: 'tag list, n=100, first page', path: () => '/v2/bench/long/tags/list?n=100' },
  {
    what: 'tag list, n=100, anywhere',
    path: ({ tags }, random) => `/v2/bench/long/tags/list?n=100&last=v${numbered(tags, random)}`,
  },
  {
    what: 'manifest GET by tag, any repository',
    path: (place, random) => `/v2/bench/many/${numbered(place.repositories, random)}/manifests/v1`,
    headers: { accept: manifestType },
  },
]

const management: readonly Kind[] = [
  { what: 'registries, first page', path: () => '/registries' },
  { what: 'registries, anywhere', path: ({ pages }, random) => `/registries?pagination.token=${oneOf(pages, random)}` },
  { what: 'tokens', path: (place, random) => `/registries/${place.registryId}/tokens?${offset(random)}` },
  {
    what: 'repositories, first page, any order',
    path: repositories((_, random) => `orderBy=${oneOf(repositoryOrders, random)}`),
  },
  {
    what: 'repositories, offset to 900, any order',
    path: repositories((_, random) => `orderBy=${oneOf(repositoryOrders, random)}&${offset(random)}`),
  },
  {
    what: 'repositories of a severity, offset to 90',
    path: repositories(
      (_, random) =>
        `orderBy=${oneOf(repositoryOrders.slice(0, -1), random)}&offset=${Math.floor(random() * 90)}` +
        `&filter.vulnerabilitySeverity=${oneOf(severities, random)}`,
    ),
  },
  {
    what: 'artifacts of the registry, first page, any order',
    path: artifacts((_, random) => `orderBy=${oneOf(registryOrders, random)}`),
  },
  {
    what: 'artifacts of the registry, offset to 900, any order',
    path: artifacts((_, random) => `orderBy=${oneOf(registryOrders, random)}&${offset(random)}`),
  },
  {
    what: 'artifacts of a repository, first page, any order',
    path: within((_, random) => `orderBy=${oneOf(artifactOrders, random)}`),
  },
  {
    what: 'artifacts of a repository, offset to 900, any order',
    path: within((_, random) => `orderBy=${oneOf(artifactOrders, random)}&${offset(random)}`),
  },
  { what: 'people (/api/v1)', path: () => '/api/v1/people?limit=100' },
  { what: 'tokens (/api/v1)', path: (place) => `/api/v1/registries/${place.registryId}/tokens?limit=100` },
  { what: 'audit log (/api/v1)', path: () => '/api/v1/audit?limit=100' },
].map((kind) => ({ ...kind, as: 'owner' }))

const bounded: readonly Kind[] = [
  {
    what: 'repositories, the last by name',
    path: repositories((place) => `orderBy=name&offset=${place.repositories - 50}`),
  },
  { what: 'artifacts of the registry, the last', path: artifacts((place) => `offset=${place.tags - 50}`) },
  {
    what: 'artifacts of a repository, in the middle',
    path: within((place) => `orderBy=lastPush&offset=${Math.floor(place.tags / 2)}`),
  },
  { what: 'repositories, filter.name of one', path: repositories(() => 'filter.name=0000777') },
  { what: 'repositories, filter.name of none', path: repositories(() => 'filter.name=nothing') },
  {
    what: 'repositories of a severity by name',
    path: repositories((place) => `orderBy=name&filter.vulnerabilitySeverity=high&offset=${place.repositories / 100}`),
  },
  { what: 'registries, filter.name of none', path: () => '/registries?filter.name=nothing' },
].map((kind) => ({ ...kind, as: 'owner', isOnlyBounded: true }))

export const kinds: readonly Kind[] = [...dataPlane, ...management, ...bounded]
