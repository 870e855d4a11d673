import type { Affected, AffectedRange, RangeEvent } from '../advisories/advisory-index.ts'
import type { Compare } from '../versions/compare.ts'

/** Whether one version is affected by one entry, and by which version it ends. */
export type Evaluation =
  | { readonly verdict: 'affected'; readonly fixedVersion: string | null }
  | { readonly verdict: 'unaffected' }
  | { readonly verdict: 'cannot_tell' }

/**
 * To the letter of the OSV schema, "Evaluation": in `versions`, or in one of the ranges. A range with a version that cannot be compared tells
 * nothing; it is only asked when no other part has said "affected".
 */
export function evaluate(compare: Compare, version: string, affected: Affected): Evaluation {
  const inRanges = affected.ranges.map((range) => inRange(compare, version, range))
  const hits = inRanges.flatMap((one) => (one.verdict === 'affected' ? [one.fixedVersion] : []))
  if (hits.length > 0) return { verdict: 'affected', fixedVersion: highest(compare, hits) }
  if (isListed(version, affected.versions)) {
    return { verdict: 'affected', fixedVersion: fixBehind(compare, version, affected.ranges) }
  }
  return inRanges.find(({ verdict }) => verdict === 'cannot_tell') ?? { verdict: 'unaffected' }
}

/** Ranges may overlap: only the last of their fixes ends them all. */
function highest(compare: Compare, fixes: readonly (string | null)[]): string | null {
  const known = fixes.filter((fix) => fix !== null)
  return known.reduce<string | null>((best, fix) => (best === null || (compare(fix, best) ?? 0) > 0 ? fix : best), null)
}

/** Composer's tags are listed as they are written, `v1.2.3`; installed is 1.2.3. */
function isListed(version: string, versions: readonly string[]): boolean {
  return versions.includes(version) || versions.includes(`v${version}`)
}

interface Point {
  readonly event: RangeEvent
  readonly version: string
}

function inRange(compare: Compare, version: string, { events }: AffectedRange): Evaluation {
  const points = sorted(compare, events)
  const orders = points?.map((point) => (point.version === '0' ? 1 : compare(version, point.version)))
  if (points === null || orders === undefined || orders.includes(null)) return { verdict: 'cannot_tell' }
  if (!isBeforeLimits(compare, version, events)) return { verdict: 'unaffected' }
  const isAffected = points.reduce((before, { event }, index) => stateAfter(before, event, orders[index] ?? 0), false)
  if (!isAffected) return { verdict: 'unaffected' }
  // What ends it: a fix, or a last affected version, which tells no fix.
  const end = points.find(({ event }, index) => endsBehind(event, orders[index] ?? 0))
  return { verdict: 'affected', fixedVersion: end && 'fixed' in end.event ? end.event.fixed : null }
}

/** `order`: of the version against the event's, here and below. */
function endsBehind(event: RangeEvent, order: number): boolean {
  return 'lastAffected' in event ? order <= 0 : 'fixed' in event && order < 0
}

function stateAfter(before: boolean, event: RangeEvent, order: number): boolean {
  if ('introduced' in event) return before || order >= 0
  if ('fixed' in event) return before && order < 0
  return before && !('lastAffected' in event && order > 0)
}

/**
 * By version; `0` is before everything. Events at one version are taken in the order they are written, but for a last affected version:
 * wherever it stands, what is introduced there is affected there. Null: two of them cannot be compared.
 */
function sorted(compare: Compare, events: readonly RangeEvent[]): Point[] | null {
  const points = events.flatMap((event) => ('limit' in event ? [] : [{ event, version: versionOf(event) }]))
  let isComparable = true
  const order = (a: Point, b: Point): number => {
    if (a.version === b.version) return Number('lastAffected' in a.event) - Number('lastAffected' in b.event)
    if (a.version === '0' || b.version === '0') return a.version === '0' ? -1 : 1
    const result = compare(a.version, b.version)
    if (result === null) isComparable = false
    return result || Number('lastAffected' in a.event) - Number('lastAffected' in b.event)
  }
  points.sort(order)
  return isComparable ? points : null
}

function versionOf(event: Exclude<RangeEvent, { readonly limit: string }>): string {
  if ('introduced' in event) return event.introduced
  return 'fixed' in event ? event.fixed : event.lastAffected
}

function isBeforeLimits(compare: Compare, version: string, events: readonly RangeEvent[]): boolean {
  const limits = events.flatMap((event) => ('limit' in event ? [event.limit] : []))
  return limits.length === 0 || limits.some((limit) => limit === '*' || (compare(version, limit) ?? -1) < 0)
}

/** The nearest fix above a version that is only listed. */
function fixBehind(compare: Compare, version: string, ranges: readonly AffectedRange[]): string | null {
  const fixes = ranges.flatMap(({ events }) => events.flatMap((event) => ('fixed' in event ? [event.fixed] : [])))
  const above = fixes.filter((fix) => (compare(fix, version) ?? -1) > 0)
  return above.sort((a, b) => compare(a, b) ?? 0)[0] ?? null
}
