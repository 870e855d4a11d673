import type { Reader } from '../metadata/metadata-store.ts'
import type { AdvisorySourceRow } from '../metadata/tables/advisory-sources.ts'
import { ecosystemsOfImages } from '../metadata/tables/advisory-sources.ts'
import type { SourceState } from '../scanner/advisories/advisory-index.ts'
import { sourceNamed, sourcesFor } from '../scanner/advisories/feed-list.ts'
import type { SourceKnowledge } from '../scanner/advisories/fetch-sources.ts'
import { folderSource, NOTHING_KNOWN } from '../scanner/advisories/fetch-sources.ts'

/** What an operator has set. */
export interface FeedSettings {
  /** Words of scanner/advisories/feed-list.ts, and `auto`: what scanned images need. */
  readonly sources: readonly string[]
  /** Where all of them are instead of at their publishers. */
  readonly mirror: string | null
  /** One that somebody fills. */
  readonly folder: string | null
  readonly everyMs: number
  /** A source that was not heard of for longer is stale. */
  readonly staleMs: number
}

/** Whom to ask, as things are. */
export async function wantedSources(sql: Reader, { sources, folder }: FeedSettings): Promise<string[]> {
  const own = sources.includes('auto') ? sourcesFor(await ecosystemsOfImages(sql)) : []
  const named = sources.filter((source) => source !== 'auto')
  return [...new Set([...own, ...named, ...(folder === null ? [] : [folderSource(folder)])])]
}

/** What a source becomes in a snapshot; null: a folder, which may be anything. */
export function stateOfSource(name: string): string | null {
  return sourceNamed(name)?.state ?? null
}

/**
 * Whether what we know of its publisher's files is what the snapshot in force holds: an import by hand may have replaced it, and then
 * "unchanged" would be no answer.
 */
export function isHeld({ name, held_at: heldAt }: AdvisorySourceRow, states: readonly SourceState[]): boolean {
  const state = stateOfSource(name)
  return heldAt !== null && states.some((one) => (state === null || one.name === state) && one.importedAt === heldAt)
}

const WHOLE_AFTER_MS = 7 * 24 * 3_600_000

/** Of what may have been passed over by asking for changes only, all is asked for once a week. */
export function knowledgeOf(row: AdvisorySourceRow, states: readonly SourceState[], now: number): SourceKnowledge {
  if (row.knowledge === null || !isHeld(row, states)) return NOTHING_KNOWN
  const known = JSON.parse(row.knowledge) as SourceKnowledge
  const isOld = row.whole_at === null || now - row.whole_at >= WHOLE_AFTER_MS
  return isOld ? { ...known, since: null } : known
}

/** The last time it said what is in force; one that never did is as old as the wish for it. */
export function heardOf(row: AdvisorySourceRow): number {
  return row.last_success_at ?? row.wanted_at
}

export function isStale(row: AdvisorySourceRow, { staleMs }: FeedSettings, now: number): boolean {
  return now - heardOf(row) > staleMs
}
