import { rmSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { SnapshotInfo } from './advisory-index.ts'
import { remarkOn, whyNotBelieved } from './believed.ts'
import { diffSnapshots } from './diff-snapshots.ts'
import type { Fetch } from './feeds.ts'
import type { AskedSource, Fetched, SourceOutcome } from './fetch-sources.ts'
import { fetchSources } from './fetch-sources.ts'
import { importAdvisories } from './import-advisories.ts'
import { openSnapshot } from './open-snapshot.ts'

/** What is asked of a process that brings the advisories up to date. Plain data. */
export interface RefreshRequest {
  /** For what is fetched, and for the new snapshot. */
  readonly folder: string
  /** The snapshot in force, to build upon; null: none. */
  readonly base: string | null
  readonly mirror: string | null
  readonly sources: readonly AskedSource[]
  /** Milliseconds UTC. */
  readonly now: number
  /** Of one file, from asking to its last byte. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Nothing is begun while less is free on the disk. */
  readonly minFreeBytes: number
}

export interface RefreshResult {
  /** By their names. */
  readonly sources: Readonly<Record<string, SourceOutcome>>
  /** Null: nothing new is known. */
  readonly snapshot: { readonly path: string; readonly info: SnapshotInfo } | null
  /** Against the base; null: there is none, or no snapshot. */
  readonly changed: readonly { readonly ecosystem: string; readonly name: string }[] | null
}

/**
 * Asks each source for what is new, and makes one snapshot of what came and can be believed. What fails is told, source by source, and
 * keeps back nobody else.
 */
export async function refreshAdvisories(
  request: RefreshRequest,
  { fetch, signal }: { readonly fetch: Fetch; readonly signal?: AbortSignal },
): Promise<RefreshResult> {
  const { folder, timeoutMs, maxBytes } = request
  await requireRoom(request)
  const options = { fetch, folder: join(folder, 'feeds'), timeoutMs, maxBytes, ...(signal ? { signal } : {}) }
  const fetched = await fetchSources(request, options)
  const built = await build(request, fetched, signal)
  for (const { files, isFolder } of fetched) if (!isFolder) for (const path of files) forgetPath(path)
  const outcomes = fetched.map(({ asked: { name }, outcome }) => [name, told(name, outcome, built)] as const)
  return { sources: Object.fromEntries(outcomes), snapshot: built.snapshot, changed: built.changed }
}

function told(name: string, outcome: SourceOutcome, { refused, remarks }: Built): SourceOutcome {
  const remark = remarks.get(name) ?? ''
  return refused.get(name) ?? (outcome.outcome === 'new' && remark !== '' ? { ...outcome, remark } : outcome)
}

/** @throws Error */
async function requireRoom({ folder, minFreeBytes }: RefreshRequest): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < minFreeBytes)
    throw new Error(`the disk is nearly full: ${bavail * bsize} bytes are free, ${minFreeBytes} are kept so`)
}

interface Built {
  readonly snapshot: RefreshResult['snapshot']
  readonly changed: RefreshResult['changed']
  /** Of sources of which something came. */
  readonly refused: ReadonlyMap<string, SourceOutcome>
  /** On what was taken in in part; empty: none. */
  readonly remarks: ReadonlyMap<string, string>
}

/** What cannot be believed is left out, and it is done again without it, until all that is left can. */
async function build(request: RefreshRequest, fetched: readonly Fetched[], signal?: AbortSignal): Promise<Built> {
  const before = request.base === null ? null : infoOf(request.base)
  const refused = new Map<string, SourceOutcome>()
  for (let left = fetched.filter(({ files }) => files.length > 0); left.length > 0; ) {
    const { snapshot, files } = await importOf(request, left, signal)
    const believed = left.filter((one) => {
      const reason = whyNotBelieved(one, files, { before, after: snapshot?.info ?? before })
      if (reason !== null) refused.set(one.asked.name, { outcome: 'failed', reason })
      return reason === null
    })
    const isNew = snapshot !== null && snapshot.info.id !== before?.id
    if (believed.length === left.length) {
      const remarks = new Map(left.map((one) => [one.asked.name, remarkOn(one, files) ?? '']))
      return { ...(isNew ? finished(request, snapshot) : NOTHING), refused, remarks }
    }
    if (isNew) rmSync(snapshot.path, { force: true })
    left = believed
  }
  return { ...NOTHING, refused, remarks: new Map() }
}

function finished({ base }: RefreshRequest, snapshot: NonNullable<RefreshResult['snapshot']>) {
  return { snapshot, changed: base === null ? null : diffSnapshots(base, snapshot.path).packages }
}

const NOTHING = { snapshot: null, changed: null }

async function importOf({ base, folder, now }: RefreshRequest, left: readonly Fetched[], signal?: AbortSignal) {
  const paths = left.flatMap(({ files }) => files)
  return await importAdvisories({ paths, base, folder, now, keepGoing: true, ...(signal ? { signal } : {}) })
}

function infoOf(path: string): SnapshotInfo {
  using index = openSnapshot(path)
  return index.info
}

/** Taken in or refused: the next time it comes anew. */
function forgetPath(path: string): void {
  for (const one of [path, `${path}.state`]) rmSync(one, { force: true })
}
