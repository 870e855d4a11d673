import { ABSENT, CLOSED, DELETED, DOMAIN, FOREIGN, HERE, HIDDEN, NOWHERE, OWN, PATH_HOST, SIBLING } from './world.ts'

/** What a request of the data plane can be about. All names of one kind are equally long. */
export interface Place {
  readonly label: string
  readonly registry: string
  readonly repository: string
  readonly tag: string
  readonly digest: string
  readonly upload: string
}

export type Style = 'path' | 'host'
export type Right = 'pull' | 'push' | 'delete' | 'list'

/** The digests of what is there, and uploads that are open. */
export interface Known {
  readonly digest: string
  readonly upload: string
}

const NO_DIGEST = `sha256:${'e'.repeat(64)}`

export function placesOf(known: Readonly<Record<string, Known>>): Place[] {
  const noUpload = (known[OWN]?.upload ?? '').replaceAll(/[0-9a-z]/gi, 'x')
  const there = (label: string, registry: string, repository: string, key = registry): Place => {
    const { digest = NO_DIGEST, upload = noUpload } = known[key] ?? {}
    return { label, registry, repository, tag: 'tagyes', digest, upload }
  }
  const nothing = (label: string, registry: string, repository: string): Place => {
    return { label, registry, repository, tag: 'tagnot', digest: NO_DIGEST, upload: noUpload }
  }
  return [
    there('an image', OWN, HERE),
    nothing('no such repository', OWN, NOWHERE),
    there('an image in another contract', FOREIGN, HERE),
    nothing('no such repository in another contract', FOREIGN, NOWHERE),
    nothing('no such registry', ABSENT, HERE),
    there('an image in another repository', OWN, HIDDEN, HIDDEN),
    there('an image in another registry', SIBLING, HERE),
    there('an image in a deleted registry', DELETED, HERE),
    there('an image in a closed registry', CLOSED, HERE),
    nothing('no such repository in a closed registry', CLOSED, NOWHERE),
  ]
}

/** One kind of endpoint: which methods it has, and what each needs. `null`: good credentials are enough. */
const METHODS_OF = {
  ping: { GET: null, HEAD: null },
  catalogs: { GET: 'list', HEAD: 'list' },
  catalog: { GET: 'list', HEAD: 'list' },
  manifest: { GET: 'pull', HEAD: 'pull', PUT: 'push', DELETE: 'delete' },
  blob: { GET: 'pull', HEAD: 'pull', DELETE: 'delete' },
  uploads: { POST: 'push' },
  upload: { GET: 'push', HEAD: 'push', PATCH: 'push', PUT: 'push', DELETE: 'push' },
  tags: { GET: 'pull', HEAD: 'pull' },
  referrers: { GET: 'pull', HEAD: 'pull' },
  unknown: {},
} as const satisfies Record<string, Readonly<Record<string, Right | null>>>

export type Kind = keyof typeof METHODS_OF

/** What `method` needs there; undefined: there is no such method. */
export function needOf(kind: Kind, method: string): Right | null | undefined {
  const methods: Readonly<Record<string, Right | null>> = METHODS_OF[kind]
  return methods[method]
}

/** Those that Node's parser lets through and a registry may meet; others never become a request (leaks.test.ts). */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

export interface Names extends Place {
  /** As it stands in a path: behind its registry in path style. */
  readonly name: string
}

export type Refusal = readonly [status: number, code: string]

export interface Route {
  readonly label: string
  readonly kind: Kind
  readonly target: (names: Names) => string
  /** The name a challenge asks a scope for; none: its name is no repository's, or it is about no repository. */
  readonly scopeName?: (names: Names) => string
  /** What whoever is known is told about a target that cannot be served. */
  readonly refusal?: Refusal
  /** What the repository is called behind the place's own name. */
  readonly below?: string
  readonly only?: Style
}

const repository = (label: string, kind: Kind, rest: (names: Names) => string): Route => {
  return { label, kind, target: (names) => `/v2/${names.name}/${rest(names)}`, scopeName: ({ name }) => name }
}
const unknown = (label: string, target: Route['target'], refusal: Refusal = [404, 'NAME_UNKNOWN']): Route => {
  return { label, kind: 'unknown', target, refusal }
}
const invalid = (label: string, kind: Kind, target: Route['target']): Route => {
  return { label, kind, target, refusal: [400, 'NAME_INVALID'] }
}
const escaped = (digest: string): string => digest.replace(':', '%3A')

export const ROUTES: readonly Route[] = [
  { label: 'the root', kind: 'ping', target: () => '/v2/' },
  { label: 'the root without its slash', kind: 'ping', target: () => '/v2' },
  { label: 'the root with a query', kind: 'ping', target: ({ name }) => `/v2/?scope=repository:${name}:pull` },
  { label: 'the catalog', kind: 'catalogs', target: () => '/v2/_catalog' },
  { label: 'a page of the catalog', kind: 'catalogs', target: ({ name }) => `/v2/_catalog?n=1&last=${name}` },
  {
    label: 'the catalog of one registry',
    kind: 'catalog',
    target: ({ registry }) => `/v2/${registry}/_catalog`,
    only: 'path',
  },
  repository('a manifest by tag', 'manifest', ({ tag }) => `manifests/${tag}`),
  repository('a manifest by digest', 'manifest', ({ digest }) => `manifests/${digest}`),
  repository('a manifest by an escaped digest', 'manifest', ({ digest }) => `manifests/${escaped(digest)}`),
  repository('a manifest by a broken digest', 'manifest', () => 'manifests/sha256:e'),
  repository('a manifest by nothing', 'manifest', () => 'manifests/'),
  repository('a blob', 'blob', ({ digest }) => `blobs/${digest}`),
  repository('a blob by an escaped digest', 'blob', ({ digest }) => `blobs/${escaped(digest)}`),
  repository('a blob by a broken digest', 'blob', () => 'blobs/nothing'),
  repository('uploads', 'uploads', () => 'blobs/uploads/'),
  repository('uploads without the slash', 'uploads', () => 'blobs/uploads'),
  repository('a whole blob', 'uploads', ({ digest }) => `blobs/uploads/?digest=${digest}`),
  repository('a mount', 'uploads', ({ digest, name }) => `blobs/uploads/?mount=${digest}&from=${name}`),
  repository('a mount from anywhere', 'uploads', ({ digest }) => `blobs/uploads/?mount=${digest}`),
  repository('an upload', 'upload', ({ upload }) => `blobs/uploads/${upload}`),
  repository('the end of an upload', 'upload', ({ upload, digest }) => `blobs/uploads/${upload}?digest=${digest}`),
  repository('an upload by a broken id', 'upload', () => 'blobs/uploads/a.b'),
  repository('tags', 'tags', () => 'tags/list'),
  repository('no tags', 'tags', () => 'tags/list?n=0'),
  repository('tags by a broken page', 'tags', () => 'tags/list?n=x'),
  repository('referrers', 'referrers', ({ digest }) => `referrers/${digest}`),
  repository('referrers of a kind', 'referrers', ({ digest }) => `referrers/${digest}?artifactType=a/b`),
  {
    label: 'tags of a repository of many parts',
    kind: 'tags',
    target: ({ name }) => `/v2/${name}/manifests/blobs/tags/list`,
    scopeName: ({ name }) => `${name}/manifests/blobs`,
    below: '/manifests/blobs',
  },
  invalid('a name in capitals', 'tags', ({ name }) => `/v2/${name.toUpperCase()}/tags/list`),
  invalid('a name with an empty part', 'manifest', ({ name, tag }) => `/v2/${name}//manifests/${tag}`),
  invalid('a name with dots', 'blob', ({ name, digest }) => `/v2/${name}/../${name}/blobs/${digest}`),
  {
    ...invalid('no registry', 'tags', (n) => `/v2/${n.repository}/tags/list`),
    scopeName: (n) => n.repository,
    only: 'path',
  },
  {
    ...invalid('no repository', 'uploads', (n) => `/v2/${n.registry}/blobs/uploads/`),
    scopeName: (n) => n.registry,
    only: 'path',
  },
  unknown('a repository alone', ({ name }) => `/v2/${name}`),
  unknown('a folder', ({ name }) => `/v2/${name}/`),
  unknown('nothing between slashes', () => '/v2//'),
  unknown('manifests alone', ({ name }) => `/v2/${name}/manifests`),
  unknown('no such endpoint', ({ name, digest }) => `/v2/${name}/nothing/${digest}`),
  unknown('a reference in parts', ({ name, tag }) => `/v2/${name}/manifests/${tag}/${tag}`),
  unknown('a broken escape', ({ name }) => `/v2/${name}/%ZZ/tags/list`),
  unknown('an escaped slash', ({ name }) => `/v2/${name.replace('/', '%2F')}%2Fx/tags/list`),
  unknown('a path too long', ({ name }) => `/v2/${name}/${'x'.repeat(4100)}/tags/list`, [414, 'NAME_INVALID']),
]

export function hostOf(style: Style, { registry }: Place): string {
  return style === 'path' ? PATH_HOST : `${registry}.${DOMAIN}`
}

export function namesOf(style: Style, place: Place): Names {
  return { ...place, name: style === 'path' ? `${place.registry}/${place.repository}` : place.repository }
}

/** What `WWW-Authenticate` must be: from method, host and path alone (design.md 8). */
export function challengeOf(style: Style, place: Place, route: Route, method: string, error: string | null): string {
  const host = hostOf(style, place)
  const scope = scopeOf(style, place, route, method)
  const parts = [
    `Bearer realm="http://${host}/token"`,
    `service="${style === 'path' ? 'entrepot' : host}"`,
    ...(scope === null ? [] : [`scope="${scope}"`]),
    ...(error === null ? [] : [`error="${error}"`]),
  ]
  return parts.join(',')
}

function scopeOf(style: Style, place: Place, { kind, scopeName }: Route, method: string): string | null {
  if (kind === 'catalog' || kind === 'catalogs') return 'registry:catalog:*'
  if (scopeName === undefined) return null
  return `repository:${scopeName(namesOf(style, place))}:${actionsOf(kind, method)}`
}

function actionsOf(kind: Kind, method: string): string {
  if (kind === 'upload' || kind === 'uploads') return 'pull,push'
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'pull,push'
}

/** An answer's text with the names it was asked with taken out, in whatever case they came back. */
export function withoutNames(text: string, { registry, repository, tag, digest, upload }: Place): string {
  const hex = digest.slice('sha256:'.length)
  const names = [registry, repository, tag, hex, upload]
  return names.reduce((rest, name, index) => rest.replaceAll(anyCase(name), `<${index}>`), text)
}

const patterns = new Map<string, RegExp>()

function anyCase(name: string): RegExp {
  const pattern = patterns.get(name) ?? new RegExp(name, 'gi')
  patterns.set(name, pattern)
  return pattern
}
