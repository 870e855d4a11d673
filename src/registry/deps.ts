import type { BlobStore } from '../blobs/blob-store.ts'
import type { RegistryEvent } from '../domain/event.ts'
import type { Keyring } from '../encryption/keyring.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { BlobReader } from './blob-reader.ts'
import type { DayCounts } from './day-counts.ts'
import type { ManifestCache } from './manifest-cache.ts'
import type { PullCounts } from './pull-counts.ts'
import type { Room } from './room.ts'
import type { RunningHashes } from './running-hashes.ts'
import type { SeenManifests } from './seen-manifests.ts'

export interface RegistryLimits {
  readonly maxManifestBytes: number
  /** A lease's length, and below how much remaining time it is renewed. Milliseconds. */
  readonly leaseMs: number
  readonly renewLeaseBelowMs: number
  readonly quarantineMs: number
  /** Plaintext bytes of one object. */
  readonly objectBytes: number
  /** An object older than this is closed, so that its writer's lease never has to be renewed. Milliseconds. */
  readonly objectAgeMs: number
  readonly objectLeaseMs: number
}

export const DEFAULT_LIMITS: RegistryLimits = {
  maxManifestBytes: 4 * 1024 * 1024,
  leaseMs: 48 * 3_600_000,
  renewLeaseBelowMs: 24 * 3_600_000,
  quarantineMs: 7 * 24 * 3_600_000,
  objectBytes: 64 * 1024 * 1024,
  objectAgeMs: 10 * 60_000,
  objectLeaseMs: 60 * 60_000,
}

export interface RegistryDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly keyring: Keyring
  readonly limits: RegistryLimits
  readonly reader: BlobReader
  readonly manifests: ManifestCache
  readonly seen: SeenManifests
  readonly pulls: PullCounts
  readonly days: DayCounts
  readonly hashes: RunningHashes
  /** Inside the transaction of what it tells. */
  readonly onEvent: (sql: Transaction, event: RegistryEvent) => Promise<void>
  /** Bytes of a blob begin to come. */
  readonly onUpload: (registryId: number) => void
  /** @throws `storage_full` when the volume is so full that a new upload would endanger the database. */
  readonly refuseWhenFull: () => Promise<void>
  /** Null: the registry has no limit, and nothing is asked for. */
  readonly roomIn: (registryId: number) => Promise<Room | null>
}
