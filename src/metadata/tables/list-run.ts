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

/** By `column` and then `id`, both in the same direction: one index serves both, read forwards or backwards. */
export function ordered(column: string, id: string, descending: boolean) {
  const [value, key, way, beyond] = [column, id, descending ? 'DESC' : 'ASC', descending ? '<' : '>'].map(literal) as [
    Fragment,
    Fragment,
    Fragment,
    Fragment,
  ]
  return {
    columns: piece`${value} AS value, ${key} AS id`,
    behind: (after: Position | null): Fragment =>
      after === null ? NOTHING : piece`AND (${value}, ${key}) ${beyond} (${after.value}, ${after.id})`,
    by: piece`ORDER BY ${value} ${way}, ${key} ${way}`,
  }
}
