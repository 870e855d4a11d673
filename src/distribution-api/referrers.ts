import { parseDigest } from '../domain/digest.ts'
import { nextLink } from '../http/link-header.ts'
import { queryValue } from '../http/query.ts'
import type { ReferrerDescriptor } from '../registry/registry.ts'
import { answerJson } from './answer-json.ts'
import type { DistributionDeps, RepositoryCall } from './call.ts'
import { baseOf } from './call.ts'
import { parsePage } from './page.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'

/** An answer stays within what clients accept as a manifest. Source: distribution-spec main, "Listing Referrers". */
const MAX_BODY_CHARACTERS = 4 * 1024 * 1024
/** Descriptors carry their manifest's annotations, megabytes if somebody wants: few are held at a time. */
const BATCH = 100

interface Collected {
  /** JSON texts. */
  readonly entries: string[]
  readonly lastDigest: string | null
  readonly more: boolean
}

/** GET /v2/<name>/referrers/<digest> (end-12a, end-12b), in digest order. */
export async function listReferrers(deps: DistributionDeps, call: RepositoryCall): Promise<void> {
  const subject = parseDigest(call.path.last)
  const artifactType = queryValue(call.query, 'artifactType') || null
  const asked = parsePage(call.query)
  const collect = (after: string | null, limit: number) =>
    deps.registry.listReferrers(call.place, subject, { artifactType }, { limit, after })
  const { entries, lastDigest, more } = await collectReferrers(collect, asked.after, asked.limit)
  const link =
    more && lastDigest !== null
      ? nextLink(`${baseOf(call)}/referrers/${subject}`, {
          artifactType: artifactType ?? undefined,
          n: queryValue(call.query, 'n') ?? undefined,
          last: lastDigest,
        })
      : null
  const body = `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[${entries.join(',')}]}`
  answerJson(call.res, INDEX, body, link, artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' })
}

/** As many as fit: at least one, at most `limit`. */
async function collectReferrers(
  list: (after: string | null, limit: number) => Promise<{ referrers: readonly ReferrerDescriptor[]; more: boolean }>,
  after: string | null,
  limit: number,
): Promise<Collected> {
  const entries: string[] = []
  let lastDigest = after
  let characters = 0
  let more = limit > 0
  while (more && entries.length < limit) {
    const page = await list(lastDigest, Math.min(BATCH, limit - entries.length))
    for (const referrer of page.referrers) {
      const entry = JSON.stringify(referrer)
      characters += entry.length
      if (characters > MAX_BODY_CHARACTERS && entries.length > 0) return { entries, lastDigest, more: true }
      entries.push(entry)
      lastDigest = referrer.digest
    }
    more = page.more && page.referrers.length > 0
  }
  return { entries, lastDigest, more: more && entries.length > 0 }
}
