import type { Reader } from '../metadata/metadata-store.ts'
import type { ArtifactScope, ArtifactOrder as Column } from '../metadata/tables/artifact-lists.ts'
import {
  artifactSummaries,
  artifactSummary,
  artifactsBy,
  hasHiddenArtifacts,
} from '../metadata/tables/artifact-lists.ts'
import type { Page } from './collect-page.ts'
import { collectPage } from './collect-page.ts'
import type { Actor, ContentsDeps } from './deps.ts'
import { foundArtifact, requireRegistry, requireRepository } from './find.ts'
import { inOrder } from './repositories.ts'
import type { ArtifactView, RegistryAddress } from './views.ts'
import { toArtifactView, toRegistryAddress } from './views.ts'

const COLUMNS = {
  lastPush: 'last_pushed_at',
  lastPull: 'last_pulled_at',
  lastScan: 'last_scanned_at',
  pullCount: 'pull_count',
  pushCount: 'push_count',
  vulnTotalCount: 'finding_count',
  vulnFixableCount: 'fixable_count',
  vulnMaxSeverity: 'max_severity',
  vulnTotalScore: 'score_tenths',
} as const satisfies Record<string, Column>

type Order = keyof typeof COLUMNS

/** Equal ones are in order of their making. What was never pulled or scanned was so before all others. */
export interface ArtifactQuery extends Page {
  readonly orderBy: Order
  readonly descending: boolean
}

/** Of a whole registry there is no order by what only a scan of all could tell quickly. */
export interface RegistryArtifactQuery extends Page {
  readonly orderBy: Exclude<Order, 'vulnMaxSeverity' | 'vulnTotalScore'>
  readonly descending: boolean
  /** Only those in which it was found; null: all. */
  readonly vulnerabilityId: string | null
}

export interface ArtifactPage {
  readonly registry: RegistryAddress
  readonly artifacts: readonly ArtifactView[]
  readonly more: boolean
}

/** Tags of one artifact, in a list and alone: somebody may put a million on one. */
export const MOST_TAGS_IN_LIST = 100
export const MOST_TAGS = 1_000

export async function listArtifactsOfRegistry(
  deps: ContentsDeps,
  actor: Actor,
  registryId: string,
  query: RegistryArtifactQuery,
): Promise<ArtifactPage> {
  return await deps.metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, registryId)
    const scope = await scopeOf(sql, registry.id)
    const page = await pageOf(deps, sql, query, { ...scope, found: query.vulnerabilityId })
    return { registry: toRegistryAddress(registry), ...page }
  })
}

export async function listArtifacts(
  deps: ContentsDeps,
  actor: Actor,
  place: { readonly registryId: string; readonly repository: string },
  query: ArtifactQuery,
): Promise<ArtifactPage> {
  return await deps.metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, place.registryId)
    const { id } = await requireRepository(sql, registry.id, place.repository)
    return { registry: toRegistryAddress(registry), ...(await pageOf(deps, sql, query, { repositoryId: id })) }
  })
}

export async function getArtifact(
  { metadata }: ContentsDeps,
  actor: Actor,
  place: { readonly registryId: string; readonly repository: string; readonly digest: string },
): Promise<{ registry: RegistryAddress; artifact: ArtifactView }> {
  return await metadata.read(async (sql) => {
    const registry = await requireRegistry(sql, actor, place.registryId)
    const { id } = await requireRepository(sql, registry.id, place.repository)
    const row = foundArtifact(await artifactSummary(sql, id, place.digest, MOST_TAGS), place.digest)
    return { registry: toRegistryAddress(registry), artifact: toArtifactView(row) }
  })
}

async function scopeOf(
  sql: Reader,
  registryId: number,
): Promise<{ readonly registryId: number; readonly hasHidden: boolean }> {
  return { registryId, hasHidden: await hasHiddenArtifacts(sql, registryId) }
}

async function pageOf(
  deps: ContentsDeps,
  sql: Reader,
  { orderBy, descending, offset, limit }: ArtifactQuery,
  scope: ArtifactScope,
): Promise<{ artifacts: ArtifactView[]; more: boolean }> {
  const runs = artifactsBy(COLUMNS[orderBy], descending, scope)
  const walk = 'hasHidden' in scope && scope.hasHidden ? 'past what was deleted' : 'straight'
  const { ids, more } = await collectPage(deps, sql, { runs, walk }, { offset, limit })
  return { artifacts: inOrder(ids, await artifactSummaries(sql, ids, MOST_TAGS_IN_LIST)).map(toArtifactView), more }
}
