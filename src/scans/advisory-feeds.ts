import { DomainError } from '../domain/error.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { activeSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import type { AdvisorySourceRow } from '../metadata/tables/advisory-sources.ts'
import {
  beginAttempt,
  ensureAdvisorySource,
  failed,
  keepHeld,
  listAdvisorySources,
  makeSourceDue,
  noteWarning,
  succeeded,
} from '../metadata/tables/advisory-sources.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { SourceState } from '../scanner/advisories/advisory-index.ts'
import type { AskedSource, SourceOutcome } from '../scanner/advisories/fetch-sources.ts'
import { NOTHING_KNOWN } from '../scanner/advisories/fetch-sources.ts'
import type { RefreshRequest, RefreshResult } from '../scanner/advisories/refresh.ts'
import type { FeedSettings } from './feed-sources.ts'
import { heardOf, isStale, knowledgeOf, stateOfSource, wantedSources } from './feed-sources.ts'
import type { FeedState } from './feed-state.ts'
import { readFeedState } from './feed-state.ts'
import type { Handler } from './handler.ts'
import type { Scans } from './scans.ts'

/** Advisories that come by themselves: when whom is asked, and what became of it. `docs/scanner.md`. */
export interface AdvisoryFeeds {
  /** For a schedule: has the sources asked that are due, and warns of those that are stale. */
  lookWhetherDue(): Promise<void>
  /** What the queue runs for it, in a lane of its own: it may take many minutes. */
  readonly handler: Handler
  /** What is in force, whom the installation asks, and how old that is. */
  state(): Promise<FeedState>
  /** These are due now, or all; `forced`: they are believed whatever they say. @returns their names. */
  fetchNow(names: readonly string[], forced: boolean, doer: FeedsDoer): Promise<string[]>
}

export interface FeedsDoer {
  readonly label: string
  readonly address: string | null
}

export type Refresh = (
  request: Pick<RefreshRequest, 'base' | 'mirror' | 'sources' | 'now'>,
  signal: AbortSignal,
) => Promise<RefreshResult>

export interface FeedsDeps {
  readonly metadata: MetadataStore
  readonly settings: FeedSettings
  readonly scans: Pick<Scans, 'installSnapshot' | 'snapshotFile'>
  /** In a process of its own. */
  readonly refresh: Refresh
  /** 0 to 1: spreads what installations all over the world ask their publishers. */
  readonly random: () => number
  readonly audit: (sql: Transaction, record: AuditRecord) => Promise<void>
  readonly tell: (level: 'info' | 'warn', about: object, message: string) => void
}

export const FETCH_JOB = 'fetch advisories'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const DEADLINE_MS = 60 * MINUTE_MS
/** Should the process die: not before this. */
const DIED_MS = 2 * MINUTE_MS
/** What is due so soon goes with what is due now: each run makes a snapshot. */
const TOGETHER_MS = 30 * MINUTE_MS

export function createAdvisoryFeeds(deps: FeedsDeps): AdvisoryFeeds {
  return {
    lookWhetherDue: () => lookWhetherDue(deps),
    handler: { deadlineMs: DEADLINE_MS, run: ({ signal }) => fetchDue(deps, signal) },
    state: () => deps.metadata.read((sql) => readFeedState(sql, deps.settings)),
    fetchNow: (names, forced, doer) => fetchNow(deps, names, forced, doer),
  }
}

async function lookWhetherDue({ metadata, settings, tell }: FeedsDeps): Promise<void> {
  const { wanted, rows, now } = await metadata.read(async (sql) => ({
    wanted: await wantedSources(sql, settings),
    rows: new Map((await listAdvisorySources(sql)).map((row) => [row.name, row])),
    now: sql.now(),
  }))
  const fresh = wanted.filter((name) => !rows.has(name))
  const known = wanted.flatMap((name) => rows.get(name) ?? [])
  const stale = known.filter((row) => isStale(row, settings, now) && now - (row.warned_at ?? 0) >= DAY_MS)
  const isDue = fresh.length > 0 || known.some((row) => row.next_at <= now)
  if (!isDue && stale.length === 0) return
  await metadata.transact(async (sql) => {
    for (const name of fresh) await ensureAdvisorySource(sql, name)
    for (const { name } of stale) await noteWarning(sql, name)
    if (isDue) await insertJob(sql, { kind: FETCH_JOB, payload: '{}', dedupeKey: 'all' })
  })
  for (const row of stale) {
    const hours = Math.floor((now - heardOf(row)) / 3_600_000)
    const about = { source: row.name, hours, lastError: row.last_error }
    tell('warn', about, `advisories are stale: ${row.name} was not heard of for ${hours} hours`)
  }
}

async function fetchDue(deps: FeedsDeps, signal: AbortSignal): Promise<void> {
  const run = await begin(deps)
  if (run === null) return
  let result: RefreshResult
  try {
    const base = await baseOf(deps, run)
    const sources = base === null ? run.asked.map((one) => ({ ...one, known: NOTHING_KNOWN })) : run.asked
    result = await deps.refresh({ base, mirror: deps.settings.mirror, sources, now: run.now }, signal)
    await conclude(deps, run, result)
  } catch (error) {
    if (signal.aborted) {
      await giveBack(deps, run)
      throw error
    }
    const reason = error instanceof Error ? error.message : String(error)
    await deps.metadata.transact(noting(deps, run, () => ({ outcome: 'failed', reason })))
    deps.tell('warn', { err: error }, 'advisories could not be fetched')
    return
  }
  tellOf(deps, result)
}

/** A new snapshot and what became of the sources come into force together: an attempt counts for both or for neither. */
async function conclude(deps: FeedsDeps, run: Run, { sources, snapshot, changed }: RefreshResult): Promise<void> {
  const note = noting(deps, run, (name) => sources[name] ?? { outcome: 'failed', reason: 'nothing was heard of it' })
  if (snapshot === null) return await deps.metadata.transact(note)
  const known = { after: run.before?.id ?? null, changes: changed && { packages: changed }, also: note }
  // Somebody else's, just now: what it holds is not for this run to say.
  if (!(await deps.scans.installSnapshot(snapshot.path, known)))
    throw new DomainError('conflict', 'the same advisories were installed meanwhile')
}

/** Null: there is none, or its content is gone and what is fetched begins anew. @throws `conflict` */
async function baseOf({ scans }: FeedsDeps, { before }: Run): Promise<string | null> {
  const file = await scans.snapshotFile().catch((error: unknown) => {
    if (error instanceof DomainError && error.kind === 'unavailable') return null
    throw error
  })
  if (file !== null && file.id !== before?.id)
    throw new DomainError('conflict', 'other advisories were imported meanwhile')
  return file?.path ?? null
}

interface Run {
  readonly rows: readonly AdvisorySourceRow[]
  readonly asked: readonly AskedSource[]
  readonly before: { readonly id: string; readonly states: readonly SourceState[] } | null
  readonly now: number
}

/** Null: nothing is due. Written down before it is begun: one that kills its process is not asked again and again. */
async function begin({ metadata, settings }: FeedsDeps): Promise<Run | null> {
  return await metadata.transact(async (sql) => {
    const now = sql.now()
    const wanted = new Set(await wantedSources(sql, settings))
    const all = (await listAdvisorySources(sql)).filter(({ name }) => wanted.has(name))
    if (!all.some((row) => row.next_at <= now)) return null
    const together = now + Math.min(TOGETHER_MS, settings.everyMs / 4)
    const rows = all.filter((row) => row.next_at <= (row.failures === 0 ? together : now))
    const active = await activeSnapshot(sql)
    const before = active && { id: active.id, states: JSON.parse(active.sources) as SourceState[] }
    for (const { name } of rows) await beginAttempt(sql, name, now + DIED_MS)
    const asked = rows.map((row) => ({
      name: row.name,
      known: knowledgeOf(row, before?.states ?? [], now),
      forced: row.forced === 1,
    }))
    return { rows, asked, before, now }
  })
}

/** The process ends: another one begins it anew at once. */
async function giveBack({ metadata }: FeedsDeps, { rows }: Run): Promise<void> {
  await metadata.transact(async (sql) => {
    for (const { name, forced } of rows) await makeSourceDue(sql, name, forced === 1)
  })
}

function noting(
  { settings, random }: FeedsDeps,
  run: Run,
  outcomeOf: (name: string) => SourceOutcome,
): (sql: Transaction) => Promise<void> {
  const nextAt = run.now + Math.round(settings.everyMs * (0.9 + random() / 5))
  return async (sql) => {
    const active = await activeSnapshot(sql)
    const states = active === null ? [] : (JSON.parse(active.sources) as SourceState[])
    await carryOver(sql, run, states)
    for (const row of run.rows) {
      const outcome = outcomeOf(row.name)
      if (outcome.outcome === 'failed') await noteFailure(sql, row, outcome.reason, settings)
      else await noteSuccess(sql, row, outcome, { run, states, nextAt })
    }
  }
}

async function noteFailure(
  sql: Transaction,
  { name, failures }: AdvisorySourceRow,
  reason: string,
  { everyMs }: FeedSettings,
): Promise<void> {
  const nextAt = sql.now() + Math.min(everyMs, MINUTE_MS * 2 ** Math.min(failures, 20))
  await failed(sql, name, { nextAt, error: reason.slice(0, 1000) })
}

async function noteSuccess(
  sql: Transaction,
  row: AdvisorySourceRow,
  outcome: Exclude<SourceOutcome, { outcome: 'failed' }>,
  { run, states, nextAt }: { readonly run: Run; readonly states: readonly SourceState[]; readonly nextAt: number },
): Promise<void> {
  const isNew = outcome.outcome === 'new'
  const state = stateOfSource(row.name)
  await succeeded(sql, row.name, {
    at: run.now,
    nextAt,
    error: isNew ? (outcome.remark ?? null) : null,
    knowledge: JSON.stringify(outcome.known),
    heldAt: state !== null ? importedAt(states, state) : isNew ? run.now : row.held_at,
    wholeAt: isNew && outcome.isWhole ? run.now : wholeAtOf(row, run),
  })
}

/** What is in force now holds what the one before held, under a mark that may be another one. */
async function carryOver(sql: Transaction, { before, rows }: Run, states: readonly SourceState[]): Promise<void> {
  const asked = new Set(rows.map(({ name }) => name))
  for (const { name, held_at: heldAt } of await listAdvisorySources(sql)) {
    const state = stateOfSource(name)
    if (asked.has(name) || heldAt === null || state === null) continue
    const to = importedAt(states, state)
    if (to !== null && to !== heldAt && importedAt(before?.states ?? [], state) === heldAt)
      await keepHeld(sql, name, heldAt, to)
  }
}

function importedAt(states: readonly SourceState[], name: string): number | null {
  return states.find((state) => state.name === name)?.importedAt ?? null
}

/** All of it was asked for, and it was as it is known. */
function wholeAtOf(row: AdvisorySourceRow, { asked, now }: Run): number | null {
  const known = asked.find(({ name }) => name === row.name)?.known
  return known !== undefined && known.since === null ? now : null
}

function tellOf({ tell }: FeedsDeps, { sources, snapshot }: RefreshResult): void {
  const failures = Object.entries(sources).flatMap(([name, one]) =>
    one.outcome === 'failed' ? [`${name}: ${one.reason}`] : [],
  )
  if (snapshot !== null) tell('info', { snapshot: snapshot.info.id }, 'new advisories are in force')
  if (failures.length === 0) return
  const more = failures.length > 3 ? `; and ${failures.length - 3} more` : ''
  tell(
    'warn',
    { failures: failures.length },
    `advisories could not be fetched: ${failures.slice(0, 3).join('; ')}${more}. Closed networks have ENTREPOT_ADVISORY_MIRROR, ` +
      'ENTREPOT_ADVISORY_FOLDER, or ENTREPOT_ADVISORY_SOURCES=none and entrepot advisories import',
  )
}

async function fetchNow(
  { metadata, settings, audit }: FeedsDeps,
  names: readonly string[],
  forced: boolean,
  { label, address }: FeedsDoer,
): Promise<string[]> {
  return await metadata.transact(async (sql) => {
    const wanted = await wantedSources(sql, settings)
    const chosen = names.length === 0 ? wanted : names
    const stranger = chosen.find((name) => !wanted.includes(name))
    if (stranger !== undefined) throw unknownSource(stranger, wanted)
    for (const name of chosen) await makeSourceDue(sql, name, forced)
    const subject = chosen.join(',').slice(0, 1000)
    const action = forced ? 'advisories.fetch-forced' : 'advisories.fetch'
    await audit(sql, { contractId: null, registryId: null, actor: label, action, subject, address })
    if (chosen.length > 0) await insertJob(sql, { kind: FETCH_JOB, payload: '{}', dedupeKey: 'all' })
    return [...chosen]
  })
}

function unknownSource(name: string, wanted: readonly string[]): DomainError {
  const list = wanted.length === 0 ? 'none are' : `these are: ${wanted.join(', ')}`
  return new DomainError(
    'not_found',
    `"${name.slice(0, 100)}" is no source that is fetched here; ${list} (ENTREPOT_ADVISORY_SOURCES decides)`,
  )
}
