import { DomainError } from '../domain/error.ts'
import type { Keyring } from '../encryption/keyring.ts'
import { manifestAssociatedData, openManifest } from '../encryption/tink-aead.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { ManifestRow } from '../metadata/tables/manifests.ts'
import { manifestContent } from '../metadata/tables/manifests.ts'
import { Lru } from './lru.ts'

/** Decrypted manifests by row id (a row's content never changes). Whether a row is visible is asked of the database each time. */
export class ManifestCache {
  readonly #keyring: Keyring
  readonly #plain: Lru<number, Uint8Array>

  constructor(keyring: Keyring, capacityBytes: number) {
    this.#keyring = keyring
    this.#plain = new Lru(capacityBytes)
  }

  /** The plaintext if it is at hand: the hot path needs no second query. */
  peek(id: number): Uint8Array | undefined {
    return this.#plain.get(id)
  }

  async load(sql: Reader, registryId: number, row: ManifestRow): Promise<Uint8Array> {
    const cached = this.#plain.get(row.id)
    if (cached) return cached
    const sealed = await manifestContent(sql, row.id)
    if (!sealed) throw new DomainError('manifest_unknown', `manifest ${row.digest} was removed just now`)
    const key = await this.#keyring.byId(row.data_key_id)
    const plain = openManifest(key.manifests, sealed, manifestAssociatedData(registryId, row.digest))
    this.#plain.set(row.id, plain, plain.byteLength + 200)
    return plain
  }
}
