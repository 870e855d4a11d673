import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audit } from './audit/audit.ts'
import type { Config } from './config/config.ts'
import { startLane } from './jobs/start-lane.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import type { AdvisoryFeeds, FeedsDeps, Refresh } from './scans/advisory-feeds.ts'
import { createAdvisoryFeeds, FETCH_JOB } from './scans/advisory-feeds.ts'
import type { FeedState } from './scans/feed-state.ts'
import { runFeeds } from './scans/run-feeds.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'

const HERE = fileURLToPath(import.meta.url)
/** Beside this file, with types or, when they were stripped, without. */
const PROGRAM = join(dirname(HERE), `feeds-child.${HERE.endsWith('.ts') ? 'ts' : 'js'}`)

/** Of one file. What has come by then is kept; others wait for it no longer. */
const TIMEOUT_MS = 5 * 60_000
/** OSV's largest is a tenth of it. */
const MAX_FILE_BYTES = 4 * 1024 ** 3
/** A snapshot and what it is made of, besides what uploads leave free. */
const ROOM_BYTES = 1024 ** 3

export function createFeedsOn(
  metadata: MetadataStore,
  scans: FeedsDeps['scans'],
  config: Pick<Config, 'data' | 'advisories' | 'egressAllow' | 'minFreeBytes'>,
  log: Log,
): AdvisoryFeeds {
  return createAdvisoryFeeds({
    metadata,
    scans,
    settings: config.advisories,
    refresh: refreshIn(config),
    random: Math.random,
    audit,
    tell: (level, about, message) => log[level](about, message),
  })
}

const POLL_MS = 1_000

/** In a lane of its own: scans do not wait for it. */
export function startFeedJobs(metadata: MetadataStore, feeds: AdvisoryFeeds, log: Log): AsyncDisposable {
  return startLane({
    metadata,
    handlers: { [FETCH_JOB]: feeds.handler },
    lane: { only: FETCH_JOB },
    pollMs: POLL_MS,
    onFailure: (_job, error) => log.warn({ err: error }, 'advisories could not be fetched'),
    onError: (error) => log.error({ err: error }, 'queue'),
  })
}

/** For alarms; none while the database does not answer, which others tell. */
export function reportFeeds(metrics: Metrics, feeds: Pick<AdvisoryFeeds, 'state'>): void {
  const read = (valuesOf: (state: FeedState) => readonly (readonly [string, number])[]) => async () =>
    new Map(await feeds.state().then(valuesOf, () => []))
  const gauges = {
    entrepot_advisory_source_age_seconds: ['Since a source of advisories was heard of, or is wanted', agesOf],
    entrepot_advisory_source_failures: [
      'Attempts to fetch a source of advisories that failed, in a row',
      ({ asked }: FeedState) => asked.map(({ name, failures }) => [name, failures] as const),
    ],
    entrepot_advisory_source_stale: ['1: it was not heard of for longer than the operator finds right', stalesOf],
  } as const
  metrics.gauge(
    'entrepot_advisory_reevaluation_seconds',
    'Since advisories came into force by which not all images in use were judged yet; 0: all were',
    'max',
    () => rematchingSeconds(feeds),
  )
  for (const [name, [help, valuesOf]] of Object.entries(gauges)) metrics.gauges(name, help, 'source', read(valuesOf))
}

/** For alarms: it should take minutes. */
function rematchingSeconds(feeds: Pick<AdvisoryFeeds, 'state'>): Promise<number> {
  return feeds.state().then(
    ({ advisories }) => advisories.rematchingMs / 1000,
    () => 0,
  )
}

function agesOf({ asked, advisories }: FeedState): (readonly [string, number])[] {
  return [
    ...advisories.sources.map(({ name, ageMs }) => [name, ageMs / 1000] as const),
    ...asked.map(({ name, ageMs }) => [name, ageMs / 1000] as const),
  ]
}

function stalesOf({ asked, advisories }: FeedState): (readonly [string, number])[] {
  return [...advisories.sources, ...asked].map(({ name, isStale }) => [name, isStale ? 1 : 0] as const)
}

export function refreshIn({
  data,
  egressAllow,
  minFreeBytes,
}: Pick<Config, 'data' | 'egressAllow' | 'minFreeBytes'>): Refresh {
  const bounds = {
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_FILE_BYTES,
    minFreeBytes: minFreeBytes && minFreeBytes + ROOM_BYTES,
  }
  const folder = join(data, 'advisories')
  return (asked, signal) => runFeeds(PROGRAM, { ...asked, ...bounds, folder, egressAllow }, signal)
}
