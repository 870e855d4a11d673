import type { Keyring } from '../encryption/keyring.ts'
import { subkey } from '../encryption/subkeys.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { destroyDataKeys } from '../metadata/tables/data-keys.ts'
import { DataKeyCache } from './data-key-cache.ts'
import type { ExportedKey } from './export-keys.ts'
import { exportKeys } from './export-keys.ts'
import { confirmKeyCheck, holdKeyCheck, installationId, verifyMasterKey } from './key-check.ts'
import type { KeyProvider } from './key-provider.ts'
import type { NewDataKey } from './new-data-key.ts'
import { dataKeyContext, insertNewDataKey, newDataKey } from './new-data-key.ts'
import { rewrapAll } from './rewrap.ts'
import { openSecret, sealSecret } from './sealed-secret.ts'

export interface KeysDeps {
  readonly metadata: MetadataStore
  readonly provider: KeyProvider
  /** Milliseconds; only bounds how long unwrapped keys are kept. */
  readonly now?: () => number
}

/** Every key there is, behind the one master key. All methods may be used unbound. */
export interface Keys extends Keyring {
  /** UUID of this installation; also what a blob store can be marked with. */
  readonly installation: string
  /** A data key for `insert`; before the transaction, because wrapping may ask a key service. */
  newDataKey(): Promise<NewDataKey>
  /** In the transaction that creates the registry; later again: its next version. @throws `unavailable` after a change of master key. */
  insert(sql: Transaction, registryId: number, fresh: NewDataKey): Promise<void>
  /** Makes everything the registry's keys encrypted unreadable for ever; no memory holds them a minute later. @returns how many. */
  destroyDataKey(sql: Transaction, registryId: number): Promise<number>
  /** Wraps a small secret for a row, bound to `purpose`. Insert it in a transaction that first calls `holdMasterKey`. */
  sealSecret(bytes: Uint8Array, purpose: string): Promise<Uint8Array>
  /** @throws IntegrityError when it was not sealed for `purpose` by this installation's master key. */
  openSecret(sealed: Uint8Array, purpose: string): Promise<Uint8Array>
  /** @throws `unavailable` when the master key was changed: what this process wrapped could never be opened again. */
  holdMasterKey(sql: Transaction): Promise<void>
  /** The same where nothing can be held: in a snapshot, which stands still. */
  confirmMasterKey(sql: Reader): Promise<void>
  /** Seals snapshots of the metadata, and nothing else. */
  readonly snapshotKey: Uint8Array
  /** 32 bytes for keyed hashes and the like, alike in every process; new ones after a change of master key. */
  deriveKey(purpose: string): Uint8Array
  /** Changes the master key. @returns how many keys were wrapped anew. */
  rewrapAll(to: KeyProvider): Promise<number>
  /** The registry's data keys in the clear, as Tink keysets; oldest version first, without destroyed ones. */
  exportKeys(registryId: number): Promise<ExportedKey[]>
}

/** @throws MasterKeyError when the provider's key is not the one that this database's keys are wrapped with. */
export async function createKeyring({ metadata, provider, now = Date.now }: KeysDeps): Promise<Keys> {
  const installation = await installationId(metadata)
  const check = await verifyMasterKey(metadata, provider, installation)
  const derivation = await provider.derive(installation)
  const unwrap = (wrapped: Uint8Array): Promise<Uint8Array> => provider.unwrap(wrapped, dataKeyContext(installation))
  const cache = new DataKeyCache({ metadata, unwrap, now })
  const sealing = { provider, installation }
  return {
    installation,
    current: (registryId) => cache.current(registryId),
    byId: (keyId) => cache.byId(keyId),
    newDataKey: () => newDataKey(sealing, check),
    insert: (sql, registryId, fresh) => insertNewDataKey(sql, registryId, fresh),
    destroyDataKey: (sql, registryId) => {
      cache.forget(registryId)
      return destroyDataKeys(sql, registryId)
    },
    sealSecret: (bytes, purpose) => sealSecret(sealing, bytes, purpose),
    openSecret: (sealed, purpose) => openSecret(sealing, sealed, purpose),
    holdMasterKey: (sql) => holdKeyCheck(sql, check),
    confirmMasterKey: (sql) => confirmKeyCheck(sql, check),
    snapshotKey: await snapshotKey(provider, installation),
    deriveKey: (purpose) => subkey(derivation, `entrepot/${purpose}`),
    rewrapAll: (to) => rewrapAll({ metadata, installation, from: provider, to }),
    exportKeys: (registryId) => exportKeys({ metadata, unwrap }, registryId),
  }
}

/** Also where the database is lost: the store's mark tells the installation. The text is a stored format. */
export async function snapshotKey(provider: KeyProvider, installation: string): Promise<Uint8Array> {
  return subkey(await provider.derive(installation), 'entrepot/snapshots/v1')
}
