import { UsageError } from './define.ts'

/** An image as people write it, taken apart as far as that goes without knowing the server. */
export interface ImageName {
  /** `registry.example.com:5000`, if one was written. */
  readonly host: string | null
  /** What follows: `acme/team/app`, or only `team/app` where the host says which registry. */
  readonly path: string
  /** A tag or a digest. */
  readonly reference: string
}

const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,}$/
const TAG = /^\w[\w.-]{0,127}$/

/** `acme/team/app`, `acme/team/app:v1`, `acme/app@sha256:…`, also with the host before it; as with docker, no tag means `latest`. @throws UsageError */
export function parseImageName(text: string): ImageName {
  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  const rest = at < 0 ? text : text.slice(0, at)
  const colon = rest.lastIndexOf(':')
  const hasTag = colon > rest.lastIndexOf('/')
  const tag = hasTag ? rest.slice(colon + 1) : 'latest'
  const name = hasTag ? rest.slice(0, colon) : rest
  const [first = '', ...others] = name.split('/')
  const host = others.length > 0 && isHost(first) ? first : null
  const path = host === null ? name : others.join('/')
  const isName = path.split('/').every((part) => /^[a-z0-9][a-z0-9._-]*$/.test(part))
  if (isName && (host !== null || others.length > 0) && TAG.test(tag) && (digest === null || DIGEST.test(digest)))
    return { host, path, reference: digest ?? tag }
  throw new UsageError(
    `"${text.slice(0, 200)}" names no image: write <registry>/<repository>:<tag> or <registry>/<repository>@<digest>`,
  )
}

function isHost(text: string): boolean {
  return text === 'localhost' || /[.:]/.test(text)
}

/**
 * Which registry is meant, and which repository in it: after a host that is the server's, or `hosts` say is, stands the registry's name, after a
 * registry's own host only the repository. Null: none of them is there.
 */
export function placeOf<Registry extends { readonly name: string; readonly hostname: string }>(
  { host, path }: Pick<ImageName, 'host' | 'path'>,
  registries: readonly Registry[],
  hosts: readonly string[],
): { readonly registry: Registry; readonly repository: string } | null {
  const own = registries.find(({ hostname }) => hostname === host)
  if (own) return { registry: own, repository: path }
  const [first = '', ...others] = path.split('/')
  const registry = registries.find(({ name }) => name === first)
  const isHere = host === null || hosts.includes(host) || registry?.hostname === `${host}/${first}`
  return registry && isHere && others.length > 0 ? { registry, repository: others.join('/') } : null
}
