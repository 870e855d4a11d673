import type { Severity } from '../domain/severity.ts'
import { severityRank } from '../domain/severity.ts'
import type { RepositoryOrder as Column } from '../metadata/tables/repository-lists.ts'
import { repositoriesBy, repositorySummaries, repositorySummary } from '../metadata/tables/repository-lists.ts'
import type { Page } from './collect-page.ts'
import { collectPage } from './collect-page.ts'
import type { Actor, ContentsDeps } from './deps.ts'
import { foundRepository, requireRegistry } from './find.ts'
import type { RegistryAddress, RepositoryView } from './views.ts'
import { toRegistryAddress, toRepositoryView } from './views.ts'

const COLUMNS = {
  lastPush: 'last_pushed_at',
  lastPull: 'last_pulled_at',
  artifactCount: 'artifact_count',
  pullCount: 'pull_count',
  pushCount: 'push_count',
  name: 'name',
} as const satisfies Record<string, Column>

export interface RepositoryQuery extends Page {
  /** What is equal in it is in order of its making. What was never pulled was pulled before all others. */
  readonly orderBy: keyof typeof COLUMNS
  readonly descending: boolean
  /** Part of the name, in any case; null: all. */
  readonly nameContains: string | null
  readonly severity: Severity | null
}

export interface RepositoryPage {
  readonly registry: RegistryAddress
  readonly repositories: readonly RepositoryView[]
  readonly more: boolean
}

export async function listRepositories(
  deps: ContentsDeps,
  actor: Actor,
  registryId: string,
  query: RepositoryQuery,
): Promise<RepositoryPage> {
  return await deps.metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    const { nameContains } = query
    const severity = query.severity === null ? null : severityRank(query.severity)
    const run = repositoriesBy(COLUMNS[query.orderBy], query.descending, {
      registryId: registry.id,
      nameContains,
      severity,
    })
    // With a severity the orders by counters have indexes of their own; the order by name has not.
    const isFiltered = nameContains !== null || (severity !== null && query.orderBy === 'name')
    const { ids, more } = await collectPage(
      deps,
      sql,
      { runs: [run], walk: isFiltered ? 'searching' : 'straight' },
      query,
    )
    const found = inOrder(ids, await repositorySummaries(sql, ids))
    return { registry: toRegistryAddress(registry), repositories: found.map(toRepositoryView), more }
  })
}

export async function getRepository(
  { metadata }: ContentsDeps,
  actor: Actor,
  registryId: string,
  name: string,
): Promise<{ registry: RegistryAddress; repository: RepositoryView }> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    const row = foundRepository(await repositorySummary(sql, registry.id, name), name)
    return { registry: toRegistryAddress(registry), repository: toRepositoryView(row) }
  })
}

export function inOrder<T extends { readonly id: number }>(ids: readonly number[], rows: readonly T[]): T[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
