import type { Fragment, Reader } from '../metadata-store.ts'
import { literal, NOTHING, sql as piece } from '../sql.ts'

/** A place in an order, given by the row that stands there. */
export interface Position {
  readonly value: number | string
  readonly id: number
}

export interface ListedRow extends Position {
  /** 0: the row does not match the filter. It is given all the same, so that a search can go on behind it. */
  readonly hit: number
}

/** A stretch of a list in its order, read from one index: strictly behind `after`, without the first `skip` of those. */
export type ListRun = (after: Position | null, limit: number, skip: number) => Fragment

export async function rowsOf(sql: Reader, run: Fragment): Promise<ListedRow[]> {
  return await sql.all<ListedRow>`${run}`
}

export async function countOf(sql: Reader, run: Fragment): Promise<number> {
  const row = await sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM (${run}) AS counted`
  return row?.n ?? 0
}

/**
 * The rows of `select` (a SELECT … WHERE … that gives `value`, `id` and `hit`, to be continued by a condition) by a column and
 * then an id, both in the same direction: one index serves both, read forwards or backwards.
 */
export function inOrder(
  { column, id, descending }: { readonly column: string; readonly id: string; readonly descending: boolean },
  select: (condition: Fragment) => Fragment,
): ListRun {
  const [value, key] = [literal(column), literal(id)]
  const [way, beyond] = descending ? [literal('DESC'), literal('<')] : [literal('ASC'), literal('>')]
  return (after, limit, skip) => {
    if (after === null)
      return piece`${select(NOTHING)} ORDER BY ${value} ${way}, ${key} ${way} LIMIT ${limit} OFFSET ${skip}`
    // Of `(value, id) < (…)` SQLite looks up the value alone: among a million equal ones it would begin at the first again.
    const equal = select(piece`AND ${value} = ${after.value} AND ${key} ${beyond} ${after.id}`)
    const others = select(piece`AND ${value} ${beyond} ${after.value}`)
    return piece`
      SELECT * FROM (
        SELECT * FROM (${equal} ORDER BY ${key} ${way} LIMIT ${limit + skip}) AS equal_ones UNION ALL
        SELECT * FROM (${others} ORDER BY ${value} ${way}, ${key} ${way} LIMIT ${limit + skip}) AS others) AS merged
       ORDER BY value ${way}, id ${way} LIMIT ${limit} OFFSET ${skip}`
  }
}
