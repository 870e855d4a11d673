import type { RegistryRef } from '../auth/auth.ts'
import { nextLink } from '../http/link-header.ts'
import { queryValue } from '../http/query.ts'
import type { Registry } from '../registry/registry.ts'
import { answerJson } from './answer-json.ts'
import type { Call, DistributionDeps } from './call.ts'
import type { AskedPage } from './page.ts'
import { parsePage } from './page.ts'

/**
 * GET /v2/_catalog: repositories in byte order. In host style those of the registry, by their relative names; in path style
 * those of every registry the principal may list, or of the one in `/v2/<registry>/_catalog`, behind its name.
 */
export async function listCatalog(deps: DistributionDeps, call: Call): Promise<void> {
  const asked = parsePage(call.query)
  const { names, more } = await readCatalog(deps, call, asked)
  const last = names.at(-1)
  const path = call.path.name === '' ? '/v2/_catalog' : `/v2/${call.path.name}/_catalog`
  const link = more && last !== undefined ? nextLink(path, { n: queryValue(call.query, 'n') ?? undefined, last }) : null
  answerJson(call.res, 'application/json', { repositories: names }, link)
}

interface Names {
  readonly names: string[]
  readonly more: boolean
}

async function readCatalog(deps: DistributionDeps, call: Call, asked: AskedPage): Promise<Names> {
  if (asked.limit === 0) return { names: [], more: false }
  const { registry } = call.grant
  if (call.site.style === 'host' && registry !== null) return deps.registry.listRepositories(registry.id, asked)
  return readRegistries(deps.registry, await call.grant.catalogs(), asked)
}

/** Names are compared with the slash that follows them: `a-b/x` comes before `a/x`. */
async function readRegistries(acts: Registry, registries: readonly RegistryRef[], asked: AskedPage): Promise<Names> {
  const prefixed = registries.map(({ id, name }) => ({ id, prefix: `${name}/` }))
  prefixed.sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
  const names: string[] = []
  for (const { id, prefix } of prefixed) {
    const after = afterWithin(prefix, asked.after)
    if (after === 'beyond') continue
    // One more than asked for tells whether there are more, over all registries.
    const page = await acts.listRepositories(id, { limit: asked.limit + 1 - names.length, after })
    for (const name of page.names) names.push(prefix + name)
    if (names.length > asked.limit) return { names: names.slice(0, asked.limit), more: true }
  }
  return { names, more: false }
}

/** Where to go on in the registry of this prefix after a full name: a relative name, null from its start, or not at all. */
function afterWithin(prefix: string, after: string | null): string | null | 'beyond' {
  if (after === null || prefix > after) return null
  return after.startsWith(prefix) ? after.slice(prefix.length) : 'beyond'
}
