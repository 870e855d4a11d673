import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Feed } from './feed-list.ts'
import { osvFeed } from './feed-list.ts'

/** The way out, as `fetch` has it; the server hands in its own, which reaches only what the operator allows. */
export type Fetch = (
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Response>

export interface FeedOptions {
  readonly fetch: Fetch
  /** Where the files are kept, with what is needed to ask for changes only. */
  readonly folder: string
  /** Milliseconds UTC. */
  readonly now: () => number
  /** Of one file, from asking to its last byte. What has come by then is kept, and the next time goes on from there. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

export type FeedResult =
  | { readonly feed: Feed; readonly path: string; readonly outcome: 'new' | 'unchanged' }
  | { readonly feed: Feed; readonly path: null; readonly outcome: 'failed'; readonly reason: string }

/** What is known of a file that was fetched, or begun. */
export interface FeedState {
  readonly url: string
  readonly etag: string | null
  readonly lastModified: string | null
  /** When the publisher was last heard of: for the age of the source. */
  readonly succeededAt: number
}

/** One after the other; one that fails does not stop the others. */
export async function fetchFeeds(feeds: readonly Feed[], options: FeedOptions): Promise<FeedResult[]> {
  const results: FeedResult[] = []
  for (const feed of feeds) results.push(await fetchFeed(feed, options))
  return results
}

/** Fetches what has changed of one file. Source: RFC 9110, 13 (conditional requests) and 14 (ranges). */
export async function fetchFeed(feed: Feed, options: FeedOptions): Promise<FeedResult> {
  const path = join(options.folder, feed.name)
  const signal = deadline(options)
  try {
    await mkdir(options.folder, { recursive: true, mode: 0o700 })
    const [known, begun] = [await stateOf(path, feed), await stateOf(`${path}.part`, feed)]
    const size = begun === null ? 0 : ((await sizeOf(`${path}.part`)) ?? 0)
    const request = { headers: headersFor(known, begun, size), signal }
    const response = await options.fetch(feed.url, request)
    if (response.status === 304 && known !== null) {
      await keepState(path, { ...known, succeededAt: options.now() })
      return { feed, path, outcome: 'unchanged' }
    }
    await take(response, { path, feed, from: startOf(response, size) }, options)
    return { feed, path, outcome: 'new' }
  } catch (error) {
    options.signal?.throwIfAborted()
    return {
      feed,
      path: null,
      outcome: 'failed',
      reason: signal.aborted ? `it took more than ${options.timeoutMs} ms` : wordsOf(error),
    }
  }
}

/** When its publisher was last heard of; null: never. */
export async function feedState(feed: Feed, folder: string): Promise<FeedState | null> {
  return await stateOf(join(folder, feed.name), feed)
}

/** Asking for so many records one by one is dearer than the whole. */
const MOST_SINGLE_RECORDS = 300

/**
 * The records of an OSV ecosystem that changed after `since`, as one file of lines; the whole of it when they are many, or `since` is null.
 * Source: google.github.io/osv.dev/data, "modified_id.csv": newest first.
 */
export async function fetchOsvChanges(
  ecosystem: string,
  { since, base, ...options }: FeedOptions & { readonly since: number | null; readonly base?: string },
): Promise<FeedResult> {
  const whole = osvFeed(ecosystem, 'all.zip', base)
  if (since === null) return await fetchFeed(whole, options)
  const list = await fetchFeed(osvFeed(ecosystem, 'modified_id.csv', base), options)
  if (list.outcome === 'failed') return list
  const ids = changedSince(await readFile(list.path, 'utf8'), since)
  if (ids === null) return await fetchFeed(whole, options)
  const changes = { ...whole, name: whole.name.replace('all.zip', 'changes.jsonl') }
  const path = join(options.folder, changes.name)
  const lines: string[] = []
  for (const id of ids) {
    const one = await fetchFeed(osvFeed(ecosystem, `${id}.json`, base), options)
    if (one.outcome === 'failed') return { ...one, feed: changes, reason: `${id}: ${one.reason}` }
    lines.push(JSON.stringify(JSON.parse(await readFile(one.path, 'utf8'))))
    await Promise.all([rm(one.path, { force: true }), rm(`${one.path}.state`, { force: true })])
  }
  await writeFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  return { feed: changes, path, outcome: lines.length === 0 ? 'unchanged' : 'new' }
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

function headersFor(known: FeedState | null, begun: FeedState | null, size: number): Record<string, string> {
  const validator = begun === null ? null : validatorOf(begun)
  if (validator !== null && size > 0) return { range: `bytes=${size}-`, 'if-range': validator }
  if (known === null) return {}
  return {
    ...(known.etag === null ? {} : { 'if-none-match': known.etag }),
    ...(known.lastModified === null ? {} : { 'if-modified-since': known.lastModified }),
  }
}

/** A weak one may stand for other bytes (RFC 9110, 13.1.5). */
function validatorOf({ etag, lastModified }: FeedState): string | null {
  return etag !== null && !etag.startsWith('W/') ? etag : lastModified
}

/** Where in the file the answer begins. @throws Error for an answer that is none. */
function startOf(response: Response, size: number): number {
  const { status, headers } = response
  if (status === 200) return 0
  if (status === 206 && headers.get('content-range')?.startsWith(`bytes ${size}-`)) return size
  throw new Unusable(status)
}

/** An answer that neither is the file nor says that it is the same. */
class Unusable extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the answer is ${status}`)
    this.status = status
  }
}

interface Target {
  readonly path: string
  readonly feed: Feed
  readonly from: number
}

async function take(response: Response, { path, feed, from }: Target, { now, maxBytes }: FeedOptions): Promise<void> {
  const { headers, body } = response
  const part = `${path}.part`
  const [etag, lastModified] = [headers.get('etag'), headers.get('last-modified')]
  const state = { url: feed.url, etag, lastModified, succeededAt: now() }
  if (from === 0) await keepState(part, state)
  const stated = headers.get('content-length')
  {
    await using file = await open(part, from === 0 ? 'w' : 'a', 0o600)
    const size = await append(file, body, { from, maxBytes }).catch(async (error: unknown) => {
      if (error instanceof TooLarge) await forget(part)
      throw error
    })
    if (stated !== null && headers.get('content-encoding') === null && size !== from + Number(stated))
      throw new Error('the answer was cut off')
    await file.sync()
  }
  await rename(part, path)
  await keepState(path, { ...state, succeededAt: now() })
  await rm(`${part}.state`, { force: true })
}

class TooLarge extends Error {}

async function append(
  file: FileHandle,
  body: ReadableStream<Uint8Array> | null,
  { from, maxBytes }: { from: number; maxBytes: number },
): Promise<number> {
  let size = from
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new TooLarge(`it has more than ${maxBytes} bytes, which is the limit`)
    await file.write(chunk)
  }
  return size
}

async function forget(part: string): Promise<void> {
  await Promise.all([rm(part, { force: true }), rm(`${part}.state`, { force: true })])
}

/** Null: nothing is there, or it is of another address. */
async function stateOf(path: string, { url }: Feed): Promise<FeedState | null> {
  const text = await readFile(`${path}.state`, 'utf8').catch(() => null)
  if (text === null || (await sizeOf(path)) === null) return null
  const state = JSON.parse(text) as FeedState
  return state.url === url ? state : null
}

async function keepState(path: string, state: FeedState): Promise<void> {
  await writeFile(`${path}.state.new`, JSON.stringify(state), { mode: 0o600 })
  await rename(`${path}.state.new`, `${path}.state`)
}

async function sizeOf(path: string): Promise<number | null> {
  return await stat(path).then(
    ({ size }) => size,
    () => null,
  )
}

function deadline({ timeoutMs, signal }: FeedOptions): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs)
  return signal ? AbortSignal.any([timeout, signal]) : timeout
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it cannot be reached'
}
