import type { MetadataStore } from '../metadata/metadata-store.ts'
import { changesSince } from '../metadata/tables/advisory-snapshots.ts'
import { packagesOfSubjects } from '../metadata/tables/judged-packages.ts'
import type { SnapshotChanges } from './deps.ts'
import { subjectKey } from './packages.ts'
import { unpack } from './packed.ts'

/** Of which packages something else may be said. */
export interface Changed {
  /** Of `judged_packages`. */
  readonly packages: readonly number[]
  /** All of these. */
  readonly ecosystems: readonly string[]
}

/** Names in one statement. */
const NAMES = 500

/** By the ids of our packages. Those that are made later were judged by what was known then. */
async function changedBy(metadata: MetadataStore, all: readonly SnapshotChanges[]): Promise<Changed> {
  const named = all.flatMap(({ packages }) => packages)
  const ecosystems = named.filter(({ name }) => name === '*').map(({ ecosystem }) => ecosystem)
  const keys = new Set(
    named.filter(({ name }) => name !== '*').map(({ ecosystem, name }) => subjectKey(ecosystem, name)),
  )
  const ids: number[] = []
  for (const some of chunks([...keys], NAMES))
    ids.push(...(await metadata.read((sql) => packagesOfSubjects(sql, some))))
  return { packages: ids, ecosystems: [...new Set(ecosystems)] }
}

/** Since that one was active last. Null: everything may differ, or nobody remembers. */
export async function changedSince(metadata: MetadataStore, snapshot: string): Promise<Changed | null> {
  const rows = await metadata.read((sql) => changesSince(sql, snapshot))
  return rows.length === 0 ? null : await changedByPacked(metadata, rows)
}

/** Null: everything may differ. */
export async function changedByPacked(
  metadata: MetadataStore,
  rows: readonly (Uint8Array | null)[],
): Promise<Changed | null> {
  const changes = rows.map((packed) => packed && unpack<SnapshotChanges>(packed).value)
  const all = changes.filter((one) => one !== null)
  return all.length < rows.length ? null : await changedBy(metadata, all)
}

export function chunks<T>(all: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, at) => all.slice(at * length, (at + 1) * length))
}
