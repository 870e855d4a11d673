import type { Reference } from '../domain/reference.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import type { ManifestRow } from '../metadata/tables/manifests.ts'
import { findManifestByDigest, findManifestByTag } from '../metadata/tables/manifests.ts'
import type { Caller, Place } from './registry.ts'

/** Rows remembered per process; beyond that it begins anew. */
const MOST = 10_000

/**
 * Which row a reference means. Visibility is a question to the database, and it is asked for every request: "has anything
 * been committed since?" (`seenState`, asked with the auth epoch). As long as the answer is no, what was found under that
 * state is found again without three joins; any commit by anybody forgets all of it.
 */
export class SeenManifests {
  readonly #metadata: Pick<MetadataStore, 'seenState'>
  readonly #rows = new Map<string, ManifestRow>()
  #state: number | null = null

  constructor(metadata: Pick<MetadataStore, 'seenState'>) {
    this.#metadata = metadata
  }

  /** The visible manifest, or null. */
  find(
    sql: Reader,
    caller: Caller,
    place: Place,
    reference: Reference,
  ): ManifestRow | null | Promise<ManifestRow | null> {
    const state = caller.admittedNow === true ? this.#metadata.seenState() : null
    if (state === null) return look(sql, place, reference)
    if (state !== this.#state) {
      this.#rows.clear()
      this.#state = state
    }
    const what = reference.kind === 'tag' ? `:${reference.tag}` : `@${reference.digest}`
    const key = `${place.registryId}/${place.repository}${what}`
    return this.#rows.get(key) ?? this.#lookAndKeep(sql, place, reference, key)
  }

  async #lookAndKeep(sql: Reader, place: Place, reference: Reference, key: string): Promise<ManifestRow | null> {
    const state = this.#state
    const row = await look(sql, place, reference)
    // As of `state` or later: whoever is given it was admitted under `state`, so a later commit fell into their own time.
    if (row !== null && this.#state === state) {
      if (this.#rows.size >= MOST) this.#rows.clear()
      this.#rows.set(key, row)
    }
    return row
  }
}

async function look(sql: Reader, place: Place, reference: Reference): Promise<ManifestRow | null> {
  return reference.kind === 'tag'
    ? await findManifestByTag(sql, place.registryId, place.repository, reference.tag)
    : await findManifestByDigest(sql, place.registryId, place.repository, reference.digest)
}
