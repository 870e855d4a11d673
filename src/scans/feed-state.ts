import type { Reader } from '../metadata/metadata-store.ts'
import type { ActiveSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import type { AdvisorySourceRow } from '../metadata/tables/advisory-sources.ts'
import { listAdvisorySources } from '../metadata/tables/advisory-sources.ts'
import type { SourceState } from '../scanner/advisories/advisory-index.ts'
import { sourcesFor } from '../scanner/advisories/feed-list.ts'
import type { SourceKnowledge } from '../scanner/advisories/fetch-sources.ts'
import type { Inventory } from '../scanner/facts.ts'
import { judgeables } from '../scanner/matching/match.ts'
import type { FeedSettings } from './feed-sources.ts'
import { heardOf, isHeld, isStale, stateOfSource, wantedSources } from './feed-sources.ts'

/** What verdicts rest on, and how old that is; everybody may know it. Times are milliseconds UTC. */
export interface Advisories {
  /** Null: nothing is in force. */
  readonly snapshot: {
    readonly id: string
    readonly createdAt: number
    readonly installedAt: number
    /** Whether all that it concerns and that is in use was judged by it. */
    readonly isRematched: boolean
  } | null
  /** Since it came into force, if not all that is in use was judged by it; otherwise 0. */
  readonly rematchingMs: number
  /** Nothing is in force, or something in it is older than the operator finds right. */
  readonly isStale: boolean
  readonly sources: readonly HeldSource[]
}

export interface HeldSource extends SourceState {
  /** When its publisher was heard of last; if nobody asks it, when it was taken in. */
  readonly checkedAt: number
  readonly ageMs: number
  readonly isStale: boolean
}

/** Whom the installation asks, and how that went; for operators. */
export interface AskedSourceState {
  readonly name: string
  readonly lastAttemptAt: number | null
  readonly lastSuccessAt: number | null
  /** Null: the last attempt went well. */
  readonly lastError: string | null
  /** In a row. */
  readonly failures: number
  readonly nextAttemptAt: number
  /** What is in force of it; null: nothing, or a folder. */
  readonly records: number | null
  readonly isStale: boolean
  /** Since it was heard of, or first wanted. */
  readonly ageMs: number
  /** By which its publisher knows what we have. */
  readonly files: SourceKnowledge['files']
}

export interface FeedState {
  readonly advisories: Advisories
  readonly asked: readonly AskedSourceState[]
}

export async function readFeedState(sql: Reader, settings: FeedSettings): Promise<FeedState> {
  const active = await activeSnapshot(sql)
  const states = active === null ? [] : (JSON.parse(active.sources) as SourceState[])
  const wanted = new Set(await wantedSources(sql, settings))
  const rows = (await listAdvisorySources(sql)).filter(({ name }) => wanted.has(name))
  const now = sql.now()
  const asked = rows.map((row) => askedOf(row, states, settings, now))
  const sources = states.map((state) => heldOf(state, rows, states, { settings, now }))
  const stale = [...asked, ...sources].some((one) => one.isStale)
  const rematchingMs = active?.is_rematched === 0 ? Math.max(0, now - active.installed_at) : 0
  const isOld = active === null || stale
  return { advisories: { snapshot: active && snapshotOf(active), rematchingMs, isStale: isOld, sources }, asked }
}

function snapshotOf({ id, created_at, installed_at, is_rematched }: ActiveSnapshot) {
  return { id, createdAt: created_at, installedAt: installed_at, isRematched: is_rematched === 1 }
}

function askedOf(
  row: AdvisorySourceRow,
  states: readonly SourceState[],
  settings: FeedSettings,
  now: number,
): AskedSourceState {
  const state = stateOfSource(row.name)
  const knowledge = row.knowledge === null ? null : (JSON.parse(row.knowledge) as SourceKnowledge)
  return {
    name: row.name,
    lastAttemptAt: row.last_attempt_at,
    lastSuccessAt: row.last_success_at,
    lastError: row.last_error,
    failures: row.failures,
    nextAttemptAt: row.next_at,
    records: states.find(({ name }) => name === state)?.records ?? null,
    isStale: isStale(row, settings, now),
    ageMs: Math.max(0, now - heardOf(row)),
    files: knowledge?.files ?? {},
  }
}

/** What nobody asks for ages from when it was taken in: by hand, or out of a folder that somebody fills. */
function heldOf(
  state: SourceState,
  rows: readonly AdvisorySourceRow[],
  states: readonly SourceState[],
  { settings, now }: { readonly settings: FeedSettings; readonly now: number },
): HeldSource {
  const row = rows.find(({ name }) => stateOfSource(name) === state.name)
  if (row !== undefined) {
    const success = isHeld(row, states) ? (row.last_success_at ?? 0) : 0
    const checkedAt = Math.max(state.importedAt, success)
    return { ...state, checkedAt, ageMs: Math.max(0, now - checkedAt), isStale: isStale(row, settings, now) }
  }
  const isFetched = rows.some(({ name }) => stateOfSource(name) !== null)
  const ageMs = Math.max(0, now - state.importedAt)
  return { ...state, checkedAt: state.importedAt, ageMs, isStale: ageMs > settings.staleMs && !isFetched }
}

/** Of whom nothing was heard for long, who speaks of these packages; null: nobody. */
export function staleness({ advisories, asked }: FeedState, inventory: Inventory | null): string | null {
  if (inventory === null || advisories.snapshot === null) return null
  const subjects = judgeables(inventory).flatMap((one) => one.subjects)
  const concerned = new Set(sourcesFor([...new Set(subjects.map(({ ecosystem }) => ecosystem))]))
  const states = new Set([...concerned].map(stateOfSource))
  const ages = new Map([
    ...advisories.sources.flatMap((one) =>
      one.isStale && states.has(one.name) ? [[one.name, one.ageMs] as const] : [],
    ),
    ...asked.flatMap((one) => (one.isStale && concerned.has(one.name) ? [[one.name, one.ageMs] as const] : [])),
  ])
  if (ages.size === 0) return null
  const told = [...ages].map(([name, ageMs]) => `${name} for ${Math.floor(ageMs / 3_600_000)} hours`).join(', ')
  return `nothing was heard of ${told}: what became known since is missing`
}
