import type { Fragment, Reader } from '../metadata-store.ts'
import { idTable, literal, NOTHING, sql as piece } from '../sql.ts'
import type { ListRun } from './list-run.ts'
import { inOrder } from './list-run.ts'

/** Columns of repository_counters that have an index, and the name. */
export type RepositoryOrder =
  | 'last_pushed_at'
  | 'last_pulled_at'
  | 'artifact_count'
  | 'pull_count'
  | 'push_count'
  | 'name'

export interface RepositoryFilter {
  readonly registryId: number
  /** Part of the name; null: all. Names are lower case. */
  readonly nameContains: string | null
  /** As in domain/severity.ts, of the artifact pushed last; null: all. */
  readonly severity: number | null
}

/** The live repositories of a live registry, in one stretch. */
export function repositoriesBy(order: RepositoryOrder, descending: boolean, filter: RepositoryFilter): ListRun {
  return order === 'name' ? byName(descending, filter) : byCounter(order, descending, filter)
}

function byCounter(
  column: Exclude<RepositoryOrder, 'name'>,
  descending: boolean,
  { registryId, nameContains, severity }: RepositoryFilter,
): ListRun {
  const name = piece`(SELECT r.name FROM repositories r WHERE r.id = c.repository_id)`
  const hit = nameContains === null ? literal('1') : hitWhen(contains(name, nameContains))
  const within = severity === null ? NOTHING : piece`AND c.last_severity = ${severity}`
  const value = literal(`c.${column}`)
  return inOrder(
    { column: `c.${column}`, id: 'c.repository_id', descending },
    (condition) => piece`
      SELECT ${value} AS value, c.repository_id AS id, ${hit} AS hit FROM repository_counters c
       WHERE c.registry_id = ${registryId} AND c.listing = 1 ${within} ${condition}`,
  )
}

function byName(descending: boolean, { registryId, nameContains, severity }: RepositoryFilter): ListRun {
  const worst = piece`(SELECT c.last_severity FROM repository_counters c WHERE c.repository_id = r.id)`
  const tests = [
    ...(nameContains === null ? [] : [contains(literal('r.name'), nameContains)]),
    ...(severity === null ? [] : [piece`${worst} = ${severity}`]),
  ]
  const hit = tests.reduceRight((rest: Fragment, test) => hitWhen(test, rest), literal('1'))
  return inOrder(
    { column: 'r.name', id: 'r.id', descending },
    (condition) => piece`
      SELECT r.name AS value, r.id, ${hit} AS hit FROM repositories r
       WHERE r.registry_id = ${registryId} AND r.delete_id IS NULL ${condition}`,
  )
}

function hitWhen(test: Fragment, then: Fragment = literal('1')): Fragment {
  return piece`CASE WHEN ${test} THEN ${then} ELSE 0 END`
}

function contains(text: Fragment, part: string): Fragment {
  return piece`${text} LIKE ${`%${part.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`} ESCAPE '\\'`
}

export interface RepositorySummary {
  readonly id: number
  readonly name: string
  readonly created_at: number
  readonly created_by: string
  /** Public id of the person of that e-mail; null: a machine, or nobody any more. */
  readonly created_by_id: string | null
  readonly artifact_count: number
  readonly pull_count: number
  readonly push_count: number
  /** 0: never. */
  readonly last_pushed_at: number
  readonly last_pulled_at: number
  readonly last_severity: number | null
}

const SELECT = piece`
  SELECT r.id, r.name, r.created_at, r.created_by, u.user_id AS created_by_id, c.artifact_count, c.pull_count, c.push_count,
         COALESCE(c.last_pushed_at, 0) AS last_pushed_at, COALESCE(c.last_pulled_at, 0) AS last_pulled_at, c.last_severity`

/** In any order; those that were deleted meanwhile are left out. */
export async function repositorySummaries(sql: Reader, ids: readonly number[]): Promise<RepositorySummary[]> {
  return await sql.all<RepositorySummary>`
    ${SELECT} FROM ${idTable(sql, ids)} AS i
      CROSS JOIN repositories r JOIN repository_counters c ON c.repository_id = r.id LEFT JOIN identities u ON u.email = r.created_by
     WHERE r.id = i.id AND r.delete_id IS NULL`
}

/** The live repository of that name in a live registry, or null. */
export async function repositorySummary(
  sql: Reader,
  registryId: number,
  name: string,
): Promise<RepositorySummary | null> {
  return await sql.get<RepositorySummary>`
    ${SELECT} FROM repositories r
      JOIN registries g ON g.id = r.registry_id
      JOIN repository_counters c ON c.repository_id = r.id LEFT JOIN identities u ON u.email = r.created_by
     WHERE r.registry_id = ${registryId} AND r.name = ${name} AND r.delete_id IS NULL AND g.delete_id IS NULL`
}
