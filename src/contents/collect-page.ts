import { setImmediate as turn } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { ListRun, Position } from '../metadata/tables/list-run.ts'
import { countOf, rowsOf } from '../metadata/tables/list-run.ts'
import type { ContentsDeps } from './deps.ts'

export interface Page {
  readonly offset: number
  readonly limit: number
}

/** Rows that one statement passes over: a statement of SQLite's blocks the process, for some milliseconds with these. */
const STRIDE = 5_000
/** Rows that are looked at for a filter at once. */
const LOOK = 1_000

/** `searching` for what matches a filter, or `past what was deleted` a moment ago and still stands in the indexes. */
export type WalkKind = 'straight' | 'searching' | 'past what was deleted'

/**
 * The ids on a page of a list that consists of these stretches, and whether there are more behind it. The first thousands
 * are one statement; what lies deeper, or is searched for, is walked to in strides, and for so long only.
 * @throws `input_invalid` when that takes too long, `unavailable` when asking again will help.
 */
export async function collectPage(
  { stopwatch, patienceMs }: ContentsDeps,
  sql: Reader,
  list: { readonly runs: readonly ListRun[]; readonly walk: WalkKind },
  { offset, limit }: Page,
): Promise<{ ids: number[]; more: boolean }> {
  const deadline = stopwatch() + patienceMs
  const rest = async (): Promise<void> => {
    if (stopwatch() > deadline) throw tooFar(list.walk, offset, patienceMs)
    await turn()
  }
  const walk: Walk = { sql, skip: offset, wanted: limit + 1, ids: [], rest }
  for (const run of list.runs) {
    await (list.walk === 'straight' ? stride(walk, run) : search(walk, run))
    if (walk.ids.length === walk.wanted) break
  }
  return { ids: walk.ids.slice(0, limit), more: walk.ids.length > limit }
}

interface Walk {
  readonly sql: Reader
  /** Still to be passed over. */
  skip: number
  readonly wanted: number
  readonly ids: number[]
  /** Lets others have their turn. */
  readonly rest: () => Promise<void>
}

async function stride(walk: Walk, run: ListRun): Promise<void> {
  let after: Position | null = null
  while (walk.skip > STRIDE) {
    const [last]: Position[] = await rowsOf(walk.sql, run(after, 1, STRIDE - 1))
    if (last === undefined) {
      walk.skip -= await countOf(walk.sql, run(after, STRIDE, 0))
      return
    }
    after = last
    walk.skip -= STRIDE
    await walk.rest()
  }
  const rows = await rowsOf(walk.sql, run(after, walk.wanted - walk.ids.length, walk.skip))
  for (const { id } of rows) walk.ids.push(id)
  if (rows.length > 0) walk.skip = 0
  else if (walk.skip > 0) walk.skip -= await countOf(walk.sql, run(after, walk.skip, 0))
}

async function search(walk: Walk, run: ListRun): Promise<void> {
  let after: Position | null = null
  for (;;) {
    const rows = await rowsOf(walk.sql, run(after, LOOK, 0))
    for (const { id, hit } of rows) {
      if (hit === 0) continue
      if (walk.skip > 0) walk.skip -= 1
      else if (walk.ids.push(id) === walk.wanted) return
    }
    if (rows.length < LOOK) return
    after = rows.at(-1) ?? null
    await walk.rest()
  }
}

function tooFar(walk: WalkKind, offset: number, patienceMs: number): DomainError {
  const seconds = patienceMs / 1_000
  switch (walk) {
    case 'straight':
      return new DomainError(
        'input_invalid',
        `offset ${offset} is too deep: it was not reached within ${seconds} s; use a smaller offset, the opposite orderBy, or the list of one repository`,
      )
    case 'searching':
      return new DomainError(
        'input_invalid',
        `so few match the filter that ${seconds} s were not enough to find them: name more of the filter, or list without it`,
      )
    default:
      return new DomainError(
        'unavailable',
        'a large repository was deleted a moment ago and is still being taken out of this list: try again in some seconds',
        { headers: { 'retry-after': '5' } },
      )
  }
}
