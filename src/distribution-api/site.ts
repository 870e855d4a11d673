import { isRegistryName } from '../domain/registry-name.ts'

/** How the host a client asked reads names. */
export interface Site {
  /** `path`: `/v2/<registry>/<repository>/…`; `host`: the registry is in the host name. */
  readonly style: 'path' | 'host'
  /** Host style: the registry; path style: the empty string. */
  readonly registry: string
  /** A bearer token's audience: `entrepot`, or `<registry>.<domain>`, whatever stands between (design.md 8). */
  readonly service: string
}

export interface SiteRules {
  /** PUBLIC_URL without a trailing slash, or null. Its host is always path style. */
  readonly publicUrl: string | null
  /** DOMAIN in lower case, or null: then there is no host style. */
  readonly domain: string | null
  /** What a location's template puts between a registry and the domain: `cr.de-fra`. */
  readonly locationLabels?: readonly string[]
}

export const PATH_STYLE: Site = { style: 'path', registry: '', service: 'entrepot' }

export type SiteOf = (host: string | undefined) => Site

/** Hosts are a client's choice, so few are remembered; each costs some string work to read again. */
const MAX_REMEMBERED_HOSTS = 2_000

export function createSiteOf(rules: SiteRules): SiteOf {
  if (rules.domain === null) return () => PATH_STYLE
  const read = siteReader(rules.domain, rules)
  const remembered = new Map<string, Site>()
  return (host) => {
    if (host === undefined) return PATH_STYLE
    let site = remembered.get(host)
    if (site === undefined) {
      site = read(host)
      if (remembered.size >= MAX_REMEMBERED_HOSTS) remembered.clear()
      if (host.length <= 300) remembered.set(host, site)
    }
    return site
  }
}

function siteReader(domain: string, rules: SiteRules): (host: string) => Site {
  const suffix = `.${domain}`
  const between = (rules.locationLabels ?? []).map((labels) => `.${labels}`)
  const publicHost = rules.publicUrl === null ? null : new URL(rules.publicUrl).hostname.toLowerCase()
  return (host) => {
    const name = hostName(host)
    if (name === publicHost || !name.endsWith(suffix)) return PATH_STYLE
    let registry = name.slice(0, -suffix.length)
    const labels = between.find((candidate) => registry.endsWith(candidate))
    if (labels !== undefined) registry = registry.slice(0, -labels.length)
    return isRegistryName(registry) ? { style: 'host', registry, service: registry + suffix } : PATH_STYLE
  }
}

/** Without its port and without a trailing dot, lower case. */
function hostName(host: string): string {
  const colon = host.lastIndexOf(':')
  const name = (colon < 0 || host.endsWith(']') ? host : host.slice(0, colon)).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

const HOST = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?)(?::\d{1,5})?$/i

/** May this Host header be written into an answer? */
export function isPrintableHost(host: string | undefined): host is string {
  return host !== undefined && host.length <= 300 && HOST.test(host)
}
