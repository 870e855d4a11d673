import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from './feed-list.ts'
import { osvFeed } from './feed-list.ts'
import type { FeedOptions, FeedResult, Validators } from './feeds.ts'
import { fetchFeed, forgetFeed } from './feeds.ts'

/** What is known of an ecosystem's list of changes. */
export interface ChangesKnown {
  /** Changes up to then are known, milliseconds UTC. */
  readonly since: number
  readonly list: Validators | null
}

export type OsvChanges =
  | { readonly outcome: 'unchanged'; readonly list: Validators | null }
  | { readonly outcome: 'new'; readonly path: string; readonly list: Validators }
  /** Asking for the whole is what is left: there are too many, or the list cannot be had. */
  | { readonly outcome: 'too many' }

/** Asking for so many records one by one is dearer than the whole. */
const MOST_SINGLE_RECORDS = 300
const AT_A_TIME = 4

/**
 * The records of an OSV ecosystem that changed since, as one file of lines. Source: google.github.io/osv.dev/data,
 * "modified_id.csv": newest first.
 */
export async function fetchOsvChanges(source: Source, known: ChangesKnown, options: FeedOptions): Promise<OsvChanges> {
  const [whole] = source.feeds
  if (source.ecosystem === null || whole === undefined) return { outcome: 'too many' }
  const { ecosystem } = source
  const base = whole.url.slice(0, -osvFeed(ecosystem, 'all.zip', '').url.length)
  const feedOf = (file: string) => osvFeed(ecosystem, file, base)
  const list = await fetchFeed(feedOf('modified_id.csv'), known.list, options)
  if (list.outcome === 'unchanged') return { outcome: 'unchanged', list: known.list }
  if (list.outcome === 'failed') return { outcome: 'too many' }
  const ids = changedSince(await readFile(list.path, 'utf8'), known.since)
  await forgetFeed(list.feed, options.folder)
  if (ids === null) return { outcome: 'too many' }
  const lines = await linesOf(
    ids.map((id) => feedOf(`${id}.json`)),
    options,
  )
  if (lines === null) return { outcome: 'too many' }
  const path = join(options.folder, feedOf('changes.jsonl').name)
  await writeFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  return lines.length === 0
    ? { outcome: 'unchanged', list: list.validators }
    : { outcome: 'new', path, list: list.validators }
}

/** Null: one of them cannot be had. */
async function linesOf(feeds: readonly ReturnType<typeof osvFeed>[], options: FeedOptions): Promise<string[] | null> {
  const lines: string[] = []
  for (let at = 0; at < feeds.length; at += AT_A_TIME) {
    const some = await Promise.all(
      feeds.slice(at, at + AT_A_TIME).map((feed) => fetchFeed(feed, null, options).then(lineOf(options.folder))),
    )
    for (const line of some) {
      if (line === null) return null
      lines.push(line)
    }
  }
  return lines
}

function lineOf(folder: string): (result: FeedResult) => Promise<string | null> {
  return async (result) => {
    if (result.outcome !== 'new') return null
    const text = await readFile(result.path, 'utf8')
    await forgetFeed(result.feed, folder)
    try {
      return JSON.stringify(JSON.parse(text))
    } catch {
      return null
    }
  }
}

/** Null: too many, or not a list that we understand. */
function changedSince(csv: string, since: number): string[] | null {
  const ids: string[] = []
  for (const line of csv.split('\n')) {
    const [date = '', id = ''] = line.trim().split(',')
    if (line.trim() === '') continue
    if (!/^[A-Za-z0-9][\w.:-]{0,199}$/.test(id) || Number.isNaN(Date.parse(date))) return null
    if (Date.parse(date) < since) break
    ids.push(id)
    if (ids.length > MOST_SINGLE_RECORDS) return null
  }
  return ids
}
