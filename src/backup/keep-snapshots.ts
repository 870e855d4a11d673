import type { SnapshotKeepingBlobStore } from '../blobs/blob-store.ts'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { timeOfSnapshot } from '../blobs/snapshot-store.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { keyState } from '../metadata/tables/data-keys.ts'
import { findSetting, replaceSetting } from '../metadata/tables/settings.ts'
import type { SnapshotSource } from './write-snapshot.ts'
import { writeSnapshot } from './write-snapshot.ts'

export interface KeepSnapshotsDeps extends SnapshotSource {
  readonly blobs: SnapshotKeepingBlobStore
  /** @throws `storage_full` while the disk is nearly full: the database needs what is left. */
  readonly refuseWhenFull: () => Promise<void>
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Between two that only changed keys cause: a script may make a thousand registries. */
const KEYS_MS = MINUTE
const KEEP_MS = 7 * 24 * HOUR
/** Older than this, one of each hour is enough. */
const THIN_AFTER_MS = 2 * HOUR

/**
 * The world's advisories would make up most of each of two hundred snapshots. They are public: fetched or imported again, and each node
 * has them in its folder, from which they come into force again. `entrepot backup` has them: closed networks may have nothing else.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(['advisory_snapshot_parts'])

/** The newest one in the store, as the database remembers it. */
interface Kept {
  readonly name: SnapshotName
  readonly takenAt: number
  readonly keys: string
  readonly destroyedKeys: number
}

/**
 * A snapshot of the metadata into the store when it is time: hourly, and soon after keys were made, destroyed or wrapped
 * anew. Removes what is old: and, once keys were destroyed, every earlier snapshot, since those could still open what the
 * keys encrypted. For a leased schedule. @returns null when it was not time.
 */
export async function keepSnapshots(deps: KeepSnapshotsDeps, atOnce = false): Promise<SnapshotName | null> {
  const { metadata, blobs } = deps
  const { kept, isDue } = await metadata.read(async (sql) => {
    const known = await lastKept(sql)
    return { kept: known, isDue: known === null || isTime(known, sql.now(), (await keyState(sql)).fingerprint) }
  })
  if (!(isDue || atOnce)) return null
  await deps.refuseWhenFull()
  const written = await writeSnapshot(deps, { create: (name) => blobs.snapshots.create(name), leaveOut: LEFT_OUT })
  const { name, takenAt, keys, destroyedKeys } = written
  // Killed before the last line: the next run takes another one and removes the same again.
  const opensDestroyed = (kept?.destroyedKeys ?? 0) !== destroyedKeys
  await removeOld(blobs, written, opensDestroyed)
  const now: Kept = { name, takenAt, keys, destroyedKeys }
  await metadata.transact((sql) => replaceSetting(sql, 'metadata_snapshot', JSON.stringify(now)))
  return name
}

async function lastKept(sql: Reader): Promise<Kept | null> {
  const text = await findSetting(sql, 'metadata_snapshot')
  return text === null ? null : JSON.parse(text)
}

/** A clock that was set back must not stop them. */
function isTime({ takenAt, keys }: Kept, now: number, currentKeys: string): boolean {
  const age = Math.abs(now - takenAt)
  return age >= HOUR || (keys !== currentKeys && age >= KEYS_MS)
}

async function removeOld(
  { snapshots }: SnapshotKeepingBlobStore,
  newest: { readonly name: SnapshotName; readonly takenAt: number },
  removeAll: boolean,
): Promise<void> {
  const names = (await Array.fromAsync(snapshots.list())).map(({ name }) => name).sort()
  const others = names.filter((name) => name !== newest.name)
  const old = removeAll ? others : others.filter((name, index) => isOld(name, others[index + 1], newest.takenAt))
  for (const name of old) await snapshots.delete(name)
}

/** `next`: the one after it. */
function isOld(name: SnapshotName, next: SnapshotName | undefined, now: number): boolean {
  const at = timeOfSnapshot(name)
  if (now - at > KEEP_MS) return true
  const isLastOfItsHour = next === undefined || Math.floor(at / HOUR) !== Math.floor(timeOfSnapshot(next) / HOUR)
  return now - at > THIN_AFTER_MS && !isLastOfItsHour
}
