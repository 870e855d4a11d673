import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Feed } from './feed-list.ts'

/** The way out, as `fetch` has it; the server hands in its own, which reaches only what the operator allows. */
export type Fetch = (
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Response>

export interface FeedOptions {
  readonly fetch: Fetch
  /** Where a file lies until it is taken in, and what has come of one that was cut off. */
  readonly folder: string
  /** Of one file, from asking to its last byte. What has come by then is kept, and the next time goes on from there. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

/** By which a publisher knows a state of a file again. Source: RFC 9110, 8.8. */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

export type FeedResult =
  | { readonly feed: Feed; readonly outcome: 'new'; readonly path: string; readonly validators: Validators }
  | { readonly feed: Feed; readonly outcome: 'unchanged' }
  | { readonly feed: Feed; readonly outcome: 'failed'; readonly reason: string }

interface FileState extends Validators {
  readonly url: string
}

/**
 * Fetches a file unless it is still as `known` says: that state was taken in already. One that came earlier and was not taken in is
 * new as well. Source: RFC 9110, 13 (conditional requests) and 14 (ranges).
 */
export async function fetchFeed(feed: Feed, known: Validators | null, options: FeedOptions): Promise<FeedResult> {
  const path = join(options.folder, feed.name)
  const signal = deadline(options)
  try {
    await mkdir(options.folder, { recursive: true, mode: 0o700 })
    const [waiting, begun] = [await stateOf(path, feed), await stateOf(`${path}.part`, feed)]
    const size = begun === null ? 0 : ((await sizeOf(`${path}.part`)) ?? 0)
    const ask = (headers: Record<string, string>) => options.fetch(feed.url, { headers, signal })
    let response = await ask(headersFor(waiting ?? known, begun, size))
    if (response.status === 416) {
      // It ended where we would go on, or is shorter by now.
      await forget(`${path}.part`)
      response = await ask(headersFor(waiting ?? known, null, 0))
    }
    if (response.status === 304 && waiting !== null) return { feed, path, outcome: 'new', validators: waiting }
    if (response.status === 304 && known !== null) return { feed, outcome: 'unchanged' }
    return { feed, path, outcome: 'new', validators: await take(response, { path, feed, size }, options) }
  } catch (error) {
    options.signal?.throwIfAborted()
    const had = (await sizeOf(`${path}.part`)) ?? 0
    const late = `it took more than ${options.timeoutMs / 1000} s; ${had} bytes have come, and the next time goes on from there`
    return { feed, outcome: 'failed', reason: signal.aborted ? late : wordsOf(error) }
  }
}

/** It was taken in, or is no use. */
export async function forgetFeed({ name }: Feed, folder: string): Promise<void> {
  await Promise.all([forget(join(folder, name)), forget(join(folder, `${name}.part`))])
}

function headersFor(known: Validators | null, begun: FileState | null, size: number): Record<string, string> {
  const validator = begun === null ? null : validatorOf(begun)
  if (validator !== null && size > 0) return { range: `bytes=${size}-`, 'if-range': validator }
  if (known === null) return {}
  return {
    ...(known.etag === null ? {} : { 'if-none-match': known.etag }),
    ...(known.lastModified === null ? {} : { 'if-modified-since': known.lastModified }),
  }
}

/** A weak one may stand for other bytes (RFC 9110, 13.1.5). */
function validatorOf({ etag, lastModified }: FileState): string | null {
  return etag !== null && !etag.startsWith('W/') ? etag : lastModified
}

/** Where in the file the answer begins. @throws Error for an answer that is none. */
function startOf({ status, headers }: Response, size: number): number {
  if (status === 200) return 0
  if (status === 206 && headers.get('content-range')?.startsWith(`bytes ${size}-`)) return size
  const place = headers.get('location')
  throw new Error(`the answer is ${status}${place === null ? '' : ` (${place.slice(0, 200)})`}`)
}

interface Target {
  readonly path: string
  readonly feed: Feed
  /** What has come of it earlier. */
  readonly size: number
}

async function take(response: Response, { path, feed, size }: Target, options: FeedOptions): Promise<Validators> {
  const { headers, body } = response
  const from = startOf(response, size)
  const part = `${path}.part`
  const validators = { etag: headers.get('etag'), lastModified: headers.get('last-modified') }
  const state = { url: feed.url, ...validators }
  if (from === 0) await keepState(part, state)
  const stated = headers.get('content-length')
  {
    await using file = await open(part, from === 0 ? 'w' : 'a', 0o600)
    const { maxBytes } = options
    const length = await append(file, body, { from, maxBytes }).catch(async (error: unknown) => {
      if (error instanceof TooLarge) await forget(part)
      throw error
    })
    if (stated !== null && headers.get('content-encoding') === null && length !== from + Number(stated))
      throw new Error('the answer was cut off')
    await file.sync()
  }
  await rename(part, path)
  await keepState(path, state)
  await rm(`${part}.state`, { force: true })
  return validators
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

async function forget(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(`${path}.state`, { force: true })])
}

/** Null: nothing is there, or it is of another address. */
async function stateOf(path: string, { url }: Feed): Promise<FileState | null> {
  const text = await readFile(`${path}.state`, 'utf8').catch(() => null)
  if (text === null || (await sizeOf(path)) === null) return null
  try {
    const state = JSON.parse(text) as FileState
    return state.url === url ? state : null
  } catch {
    return null
  }
}

async function keepState(path: string, state: FileState): Promise<void> {
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
