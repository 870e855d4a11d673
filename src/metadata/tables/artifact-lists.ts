import type { Fragment, Reader } from '../metadata-store.ts'
import { idTable, literal, NOTHING, sql as piece } from '../sql.ts'
import type { ListRun } from './list-run.ts'
import { inOrder } from './list-run.ts'

/** Columns of manifest_counters; an index each within a registry (but the last two) and within a repository. */
export type ArtifactOrder =
  | 'last_pushed_at'
  | 'last_pulled_at'
  | 'pull_count'
  | 'push_count'
  | 'last_scanned_at'
  | 'finding_count'
  | 'fixable_count'
  | 'max_severity'
  | 'score_tenths'

/**
 * `hasHidden`: artifacts of deleted repositories may still stand in the registry's indexes; they are given as no hits. `found`: only those
 * in which a vulnerability of that name was found; null: all.
 */
export type ArtifactScope =
  | { readonly registryId: number; readonly hasHidden: boolean; readonly found?: string | null }
  | { readonly repositoryId: number }

/** Which artifacts stand in an order's index, and which trait (migrations/0002-contents.ts) tells the others. */
const DISTINCT: Record<ArtifactOrder, { readonly listed: Fragment; readonly trait: number }> = {
  last_pushed_at: { listed: NOTHING, trait: 0 },
  last_pulled_at: { listed: literal('AND c.last_pulled_at > 0'), trait: 1 },
  pull_count: { listed: literal('AND c.pull_count > 0'), trait: 1 },
  push_count: { listed: literal('AND c.push_count > 1'), trait: 2 },
  last_scanned_at: { listed: literal('AND c.last_scanned_at > 0'), trait: 4 },
  finding_count: { listed: literal('AND c.finding_count IS NOT NULL'), trait: 8 },
  fixable_count: { listed: literal('AND c.fixable_count IS NOT NULL'), trait: 8 },
  max_severity: { listed: literal('AND c.max_severity IS NOT NULL'), trait: 8 },
  score_tenths: { listed: literal('AND c.score_tenths IS NOT NULL'), trait: 8 },
}

/** All that occur: findings are known of what was scanned only. */
const TRAITS = [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]

/**
 * The live artifacts of a live registry or repository, in one or two stretches: those that have a value in the order, and
 * the others, which are all alike and therefore in order of their ids (never pulled, not scanned; they count as least).
 */
export function artifactsBy(order: ArtifactOrder, descending: boolean, scope: ArtifactScope): ListRun[] {
  const { found = null } = 'registryId' in scope ? scope : {}
  if (found !== null) return [foundBy(order, descending, scope, found)]
  const { listed, trait } = DISTINCT[order]
  const within = withinOf(scope)
  const hit = hitOf(scope)
  const column = literal(`c.${order}`)
  const distinct = inOrder(
    { column: `c.${order}`, id: 'c.manifest_id', descending },
    (condition) => piece`
      SELECT ${column} AS value, c.manifest_id AS id, ${hit} AS hit FROM manifest_counters c
       WHERE ${within} AND c.is_listed = 1 ${listed} ${condition}`,
  )
  if (trait === 0) return [distinct]
  const alike = withoutTrait(trait, { within, hit }, descending)
  return descending ? [distinct, alike] : [alike, distinct]
}

/** Those of one vulnerability are few: they are sorted, and those that lack the order's trait count as least by themselves. */
function foundBy(order: ArtifactOrder, descending: boolean, scope: ArtifactScope, vulnerability: string): ListRun {
  const value = literal(`COALESCE(c.${order}, 0)`)
  const within = withinOf(scope)
  return inOrder(
    { column: `COALESCE(c.${order}, 0)`, id: 'c.manifest_id', descending },
    (condition) => piece`
      SELECT ${value} AS value, c.manifest_id AS id, ${hitOf(scope)} AS hit
        FROM image_vulnerabilities v JOIN manifest_counters c ON c.manifest_id = v.manifest_id
       WHERE v.registry_id = c.registry_id AND v.vulnerability = ${vulnerability} AND ${within} AND c.is_listed = 1 ${condition}`,
  )
}

/** Each combination of the other traits is a stretch of one index; they are merged by id, so many of each as are needed. */
function withoutTrait(
  trait: number,
  { within, hit }: { readonly within: Fragment; readonly hit: Fragment },
  descending: boolean,
): ListRun {
  const way = literal(descending ? 'DESC' : 'ASC')
  const beyond = literal(descending ? '<' : '>')
  return (after, limit, skip) => {
    const behind = after === null ? NOTHING : piece`AND c.manifest_id ${beyond} ${after.id}`
    const stretches = TRAITS.filter((traits) => (traits & trait) === 0).map(
      (traits) => piece`SELECT * FROM (
        SELECT c.manifest_id AS id, ${hit} AS hit FROM manifest_counters c
         WHERE ${within} AND c.is_listed = 1 AND c.traits = ${traits} ${behind}
         ORDER BY c.manifest_id ${way} LIMIT ${limit + skip}) AS stretch`,
    )
    const all = stretches.reduce((before, stretch) => piece`${before} UNION ALL ${stretch}`)
    return piece`SELECT 0 AS value, id, hit FROM (${all}) AS merged ORDER BY id ${way} LIMIT ${limit} OFFSET ${skip}`
  }
}

function withinOf(scope: ArtifactScope): Fragment {
  if ('repositoryId' in scope) return piece`c.repository_id = ${scope.repositoryId}`
  return piece`c.registry_id = ${scope.registryId}`
}

/** A deleted repository is hidden by one row (docs/garbage-collection.md 3); its artifacts leave their indexes a little later. */
function hitOf(scope: ArtifactScope): Fragment {
  if ('repositoryId' in scope || !scope.hasHidden) return literal('1')
  return piece`CASE WHEN c.repository_id IN (
    SELECT h.repository_id FROM repository_counters h WHERE h.registry_id = ${scope.registryId} AND h.listing = 0)
    THEN 0 ELSE 1 END`
}

/** Whether artifacts of deleted repositories still stand in the indexes of this registry. */
export async function hasHiddenArtifacts(sql: Reader, registryId: number): Promise<boolean> {
  const row =
    await sql.get`SELECT 1 AS one FROM repository_counters WHERE registry_id = ${registryId} AND listing = 0 LIMIT 1`
  return row !== null
}

export interface ArtifactSummary {
  readonly id: number
  readonly repository: string
  readonly digest: string
  readonly media_type: string
  /** Joined by blanks, which no tag contains; null: none. */
  readonly tags: string | null
  readonly created_at: number
  readonly created_by: string
  /** Public id of the person of that e-mail; null: a machine, or nobody any more. */
  readonly created_by_id: string | null
  readonly pull_count: number
  readonly push_count: number
  /** 0: never. */
  readonly last_pushed_at: number
  readonly last_pulled_at: number
  readonly last_scanned_at: number
  /** These four are known or not together. */
  readonly max_severity: number | null
  readonly score_tenths: number | null
  readonly finding_count: number | null
  readonly fixable_count: number | null
}

const COLUMNS = piece`
  m.id, r.name AS repository, m.digest, m.media_type, c.created_at, c.created_by, u.user_id AS created_by_id, c.pull_count,
  c.push_count, COALESCE(c.last_pushed_at, 0) AS last_pushed_at, COALESCE(c.last_pulled_at, 0) AS last_pulled_at,
  c.last_scanned_at, c.max_severity, c.score_tenths, c.finding_count, c.fixable_count`

/** Of an artifact with very many tags only so many are told. */
const tags = (most: number): Fragment => piece`
  (SELECT string_agg(s.name, ' ' ORDER BY s.name) FROM (
    SELECT t.name FROM tags t WHERE t.manifest_id = m.id AND t.delete_id IS NULL ORDER BY t.name LIMIT ${most}) AS s) AS tags`

// `manifests.delete_id` lies behind the content, which SQLite reads through when it is larger than a page: of such a manifest
// the index of live digests is asked. The plus keeps SQLite from looking the row up by its id again.
const LIVE = piece`r.delete_id IS NULL AND CASE WHEN m.size < 3000 THEN m.delete_id IS NULL ELSE EXISTS (
  SELECT 1 FROM manifests l
   WHERE l.repository_id = m.repository_id AND l.digest = m.digest AND l.delete_id IS NULL AND +l.id = m.id) END`

/** In any order; those that were deleted meanwhile are left out. */
export async function artifactSummaries(
  sql: Reader,
  ids: readonly number[],
  mostTags: number,
): Promise<ArtifactSummary[]> {
  return await sql.all<ArtifactSummary>`
    SELECT ${COLUMNS}, ${tags(mostTags)} FROM ${idTable(sql, ids)} AS i
      CROSS JOIN manifests m JOIN manifest_counters c ON c.manifest_id = m.id JOIN repositories r ON r.id = m.repository_id
      LEFT JOIN identities u ON u.email = c.created_by
     WHERE m.id = i.id AND ${LIVE}`
}

/** The live artifact of that digest in a live repository, or null. */
export async function artifactSummary(
  sql: Reader,
  repositoryId: number,
  digest: string,
  mostTags: number,
): Promise<ArtifactSummary | null> {
  return await sql.get<ArtifactSummary>`
    SELECT ${COLUMNS}, ${tags(mostTags)} FROM manifests m
      JOIN manifest_counters c ON c.manifest_id = m.id JOIN repositories r ON r.id = m.repository_id
      LEFT JOIN identities u ON u.email = c.created_by
     WHERE m.repository_id = ${repositoryId} AND m.digest = ${digest} AND m.delete_id IS NULL AND r.delete_id IS NULL`
}
