/** How registries are addressed (design.md 1, "image names"). */
export interface Naming {
  /** Origin, or null: what the request says. */
  readonly publicUrl: string | null
  readonly domain: string | null
  readonly locations: readonly { readonly id: string; readonly between: string | null }[]
}

/**
 * `<registry>.<domain>`, with the location's labels between, or without a domain `<public host[:port]>/<registry>`: what
 * stands before the repository in an image's name. `host` is how the caller reached us, used when no public URL is set.
 */
export function registryHostname(naming: Naming, registry: { name: string; location: string }, host: string): string {
  if (naming.domain === null) return `${publicHost(naming, host)}/${registry.name}`
  const between = naming.locations.find(({ id }) => id === registry.location)?.between
  return [registry.name, ...(between ? [between] : []), naming.domain].join('.')
}

/** What `docker login` is given: the host alone. */
export function loginHost(hostname: string): string {
  return hostname.split('/')[0] ?? hostname
}

export function publicHost({ publicUrl }: Naming, host: string): string {
  return publicUrl === null ? host : new URL(publicUrl).host
}

/** The public host's label under the domain: a registry of that name would hide the API. */
export function reservedNames({ publicUrl, domain, locations }: Naming): Set<string> {
  if (publicUrl === null || domain === null) return new Set()
  const { hostname } = new URL(publicUrl)
  const parents = [domain, ...locations.flatMap(({ between }) => (between === null ? [] : [`${between}.${domain}`]))]
  const labels = parents.flatMap((parent) =>
    hostname.endsWith(`.${parent}`) ? [hostname.slice(0, -parent.length - 1)] : [],
  )
  return new Set(labels.filter((label) => !label.includes('.')))
}
