import { nextLink } from '../http/link-header.ts'
import { queryValue } from '../http/query.ts'
import { answerJson } from './answer-json.ts'
import type { DistributionDeps, RepositoryCall } from './call.ts'
import { baseOf } from './call.ts'
import { parsePage } from './page.ts'

/** GET /v2/<name>/tags/list (end-8a, end-8b), in byte order. */
export async function listTags({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const asked = parsePage(call.query)
  // With n=0 one name is asked for and none shown: an unknown repository must still be 404.
  const page = await registry.listTags(call.place, { limit: Math.max(1, asked.limit), after: asked.after })
  const tags = page.names.slice(0, asked.limit)
  const last = tags.at(-1)
  const link =
    page.more && last !== undefined
      ? nextLink(`${baseOf(call)}/tags/list`, { n: queryValue(call.query, 'n') ?? undefined, last })
      : null
  answerJson(call.res, 'application/json', { name: call.path.name, tags }, link)
}
