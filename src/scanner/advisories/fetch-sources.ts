import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Source } from './feed-list.ts'
import { sourceNamed } from './feed-list.ts'
import type { FeedOptions, Validators } from './feeds.ts'
import { fetchFeed } from './feeds.ts'
import { filesAt } from './files-at.ts'
import { fetchOsvChanges } from './osv-changes.ts'

export interface AskedSource {
  /** A word of feed-list.ts, or a folder. */
  readonly name: string
  readonly known: SourceKnowledge
  /** Takes it also when it says much less than before. */
  readonly forced: boolean
}

/** What the snapshot in force holds of a source. */
export interface SourceKnowledge {
  /** By the names of its files. */
  readonly files: Readonly<Record<string, Validators>>
  /** OSV: up to when changes are known; null: the whole is to be asked for. */
  readonly since: number | null
}

export const NOTHING_KNOWN: SourceKnowledge = { files: {}, since: null }

export type SourceOutcome =
  /** `isWhole`: all of it came, not only what changed. */
  | {
      readonly outcome: 'new'
      readonly known: SourceKnowledge
      readonly isWhole: boolean
      /** Of a folder: which of its files were refused, and why. */
      readonly remark?: string
    }
  | { readonly outcome: 'unchanged'; readonly known: SourceKnowledge }
  | { readonly outcome: 'failed'; readonly reason: string }

/** Sources that are fetched at the same time. */
const AT_A_TIME = 3
/** OSV's list of changes is made some time after what it tells of. */
const OVERLAP_MS = 2 * 3_600_000

/** What came of a source, or did not. */
export interface Fetched {
  readonly asked: AskedSource
  readonly source: Source | null
  /** What came of it, to be taken in: files of ours, or the folder of somebody. */
  readonly files: readonly string[]
  readonly isFolder: boolean
  readonly outcome: SourceOutcome
}

/** What is needed besides the way out. */
export interface FetchPlan {
  readonly sources: readonly AskedSource[]
  readonly mirror: string | null
  /** Milliseconds UTC. */
  readonly now: number
}

/** In the order they are asked for; nobody waits for one that is slow but the whole. */
export async function fetchSources(request: FetchPlan, options: FeedOptions): Promise<Fetched[]> {
  const waiting = [...request.sources.entries()]
  const done: Fetched[] = []
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [place, asked] = next
      done[place] = await fetchSource(asked, request, options)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, one))
  return done
}

async function fetchSource(asked: AskedSource, request: FetchPlan, options: FeedOptions): Promise<Fetched> {
  const folder = folderOf(asked.name)
  if (folder !== null) return await lookInto(folder, asked)
  const source = sourceNamed(asked.name, request.mirror)
  const fail = (reason: string): Fetched => ({
    asked,
    source,
    files: [],
    isFolder: false,
    outcome: { outcome: 'failed', reason },
  })
  if (source === null) return fail(`there is no source of advisories "${asked.name}"`)
  const { since, files: known } = asked.known
  if (since !== null && !asked.forced) {
    const list = known['changes'] ?? null
    const changes = await fetchOsvChanges(source, { since, list }, options)
    if (changes.outcome !== 'too many') {
      const files = { ...known, ...(changes.list === null ? {} : { changes: changes.list }) }
      const next = { files, since: sinceOf(changes.list, request.now, since) }
      if (changes.outcome === 'unchanged')
        return { asked, source, files: [], isFolder: false, outcome: { outcome: 'unchanged', known: next } }
      return {
        asked,
        source,
        files: [changes.path],
        isFolder: false,
        outcome: { outcome: 'new', known: next, isWhole: false },
      }
    }
  }
  return await fetchWhole(asked, source, request, options)
}

async function fetchWhole(
  asked: AskedSource,
  source: Source,
  { now }: FetchPlan,
  options: FeedOptions,
): Promise<Fetched> {
  const files: Record<string, Validators> = {}
  const paths: string[] = []
  for (const feed of source.feeds) {
    const known = asked.known.files[feed.name] ?? null
    const result = await fetchFeed(feed, asked.forced ? null : known, options)
    if (result.outcome === 'failed')
      return {
        asked,
        source,
        files: [],
        isFolder: false,
        outcome: { outcome: 'failed', reason: `${feed.url}: ${result.reason}` },
      }
    if (result.outcome === 'new') paths.push(result.path)
    if (result.outcome === 'new') files[feed.name] = result.validators
    else if (known !== null) files[feed.name] = known
  }
  const [whole = null] = Object.values(files)
  const known = { files, since: source.ecosystem === null ? null : sinceOf(whole, now, asked.known.since) }
  const outcome: SourceOutcome =
    paths.length === 0 ? { outcome: 'unchanged', known } : { outcome: 'new', known, isWhole: true }
  return { asked, source, files: paths, isFolder: false, outcome }
}

/** By the publisher's clock where it tells. */
function sinceOf(file: Validators | null, now: number, before: number | null): number {
  const at = Date.parse(file?.lastModified ?? '')
  return Math.max((Number.isNaN(at) ? now : Math.min(at, now)) - OVERLAP_MS, before ?? 0)
}

const FOLDER = 'folder:'

/** A folder that somebody fills, as a source: its name. */
export function folderSource(path: string): string {
  return `${FOLDER}${path}`
}

function folderOf(name: string): string | null {
  return name.startsWith(FOLDER) ? name.slice(FOLDER.length) : null
}

/** All of it is taken in again when any of its files is another one. */
async function lookInto(folder: string, asked: AskedSource): Promise<Fetched> {
  const common = { asked, source: null, isFolder: true }
  const hash = createHash('sha256')
  let files = 0
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is no folder')
    for await (const { path, passedOver } of filesAt([folder])) {
      if (passedOver !== null) continue
      const { size, mtimeMs } = await stat(path)
      hash.update(JSON.stringify([path, size, mtimeMs]))
      files += 1
    }
    if (files === 0) throw new Error('it holds no file that is called .json, .jsonl, .ndjson, .csv or .zip')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { ...common, files: [], outcome: { outcome: 'failed', reason: `${folder}: ${why}` } }
  }
  const etag = hash.digest('hex')
  const known = { files: { '': { etag, lastModified: null } }, since: null }
  const isSame = !asked.forced && asked.known.files['']?.etag === etag
  if (isSame) return { ...common, files: [], outcome: { outcome: 'unchanged', known } }
  return { ...common, files: [folder], outcome: { outcome: 'new', known, isWhole: true } }
}
