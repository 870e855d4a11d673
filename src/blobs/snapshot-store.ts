import type { ObjectWriter } from './blob-store.ts'

/** `<UTC time>-<random>`: `20261125T153129.123Z-0123456789abcdef`. In the order of time when sorted as text. */
export type SnapshotName = string & { readonly snapshotName: unique symbol }

const SHAPE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z-[0-9a-f]{16}$/

export function isSnapshotName(text: string): text is SnapshotName {
  return SHAPE.test(text)
}

/** @param at milliseconds UTC. @param random 16 lower-case hexadecimal digits. */
export function snapshotName(at: number, random: string): SnapshotName {
  const name = `${new Date(at).toISOString().replaceAll(/[-:]/g, '')}-${random}`
  assertSnapshotName(name)
  return name
}

/** Milliseconds UTC. */
export function timeOfSnapshot(name: SnapshotName): number {
  return Date.parse(name.replace(SHAPE, '$1-$2-$3T$4:$5:$6.$7Z'))
}

/** Names become file names and keys. @throws TypeError */
export function assertSnapshotName(name: string): asserts name is SnapshotName {
  if (!SHAPE.test(name)) throw new TypeError(`"${name.slice(0, 100)}" is not the name of a snapshot`)
}

/**
 * Copies of the metadata that lie beside the objects, so that the store alone can be started from. The same promises as
 * BlobStore's, over names of their own; what is not closed is not listed.
 */
export interface SnapshotStore {
  create(name: SnapshotName): Promise<ObjectWriter>
  read(name: SnapshotName, start: number, end: number, chunkBytes?: number): AsyncIterable<Uint8Array>
  delete(name: SnapshotName): Promise<void>
  /** In any order; what has another name is passed over. */
  list(): AsyncIterable<{ name: SnapshotName; size: number }>
}
