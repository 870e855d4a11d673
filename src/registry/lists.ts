import type { Digest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import { parseManifest } from '../domain/manifest.ts'
import type { ReferrerRow } from '../metadata/tables/manifests.ts'
import { listReferrers as listReferrerRows } from '../metadata/tables/manifests.ts'
import { findRepository, listRepositoryNames } from '../metadata/tables/repositories.ts'
import { listTagNames } from '../metadata/tables/tags.ts'
import type { RegistryDeps } from './deps.ts'
import type { Page, Place, ReferrerDescriptor } from './registry.ts'

export async function listTags(
  deps: RegistryDeps,
  place: Place,
  page: Page,
): Promise<{ names: string[]; more: boolean }> {
  return await deps.metadata.read(async (sql) => {
    const repository = await findRepository(sql, place.registryId, place.repository)
    if (!repository)
      throw new DomainError(
        'name_unknown',
        `repository "${place.repository}" does not exist in this registry; a first push makes it`,
      )
    return cut(await listTagNames(sql, repository.id, page.limit + 1, page.after ?? ''), page.limit)
  })
}

export async function listRepositories(
  deps: RegistryDeps,
  registryId: number,
  page: Page,
): Promise<{ names: string[]; more: boolean }> {
  return await deps.metadata.read(async (sql) =>
    cut(await listRepositoryNames(sql, registryId, page.limit + 1, page.after ?? ''), page.limit),
  )
}

/** Source: distribution-spec 1.1, "Listing Referrers": of an absent repository or subject, an empty list. */
export async function listReferrers(
  deps: RegistryDeps,
  place: Place,
  subject: Digest,
  filter: { artifactType: string | null },
  page: Page,
): Promise<{ referrers: ReferrerDescriptor[]; more: boolean }> {
  return await deps.metadata.read(async (sql) => {
    const rows = await listReferrerRows(sql, {
      registryId: place.registryId,
      repository: place.repository,
      subject,
      artifactType: filter.artifactType,
      after: page.after ?? '',
      limit: page.limit + 1,
    })
    const shown = rows.slice(0, page.limit)
    const referrers: ReferrerDescriptor[] = []
    for (const row of shown) referrers.push(describe(row, await deps.manifests.load(sql, place.registryId, row)))
    return { referrers, more: rows.length > page.limit }
  })
}

function describe(row: ReferrerRow, bytes: Uint8Array): ReferrerDescriptor {
  const { annotations } = parseManifest(bytes, row.media_type)
  return {
    mediaType: row.media_type,
    digest: row.digest as Digest,
    size: row.size,
    ...(row.artifact_type === null ? {} : { artifactType: row.artifact_type }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
}

function cut(names: string[], limit: number): { names: string[]; more: boolean } {
  return names.length > limit ? { names: names.slice(0, limit), more: true } : { names, more: false }
}
