import type { BlobStore } from '../../src/blobs/blob-store.ts'
import type { Keyring } from '../../src/encryption/keyring.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { BlobReader } from '../../src/registry/blob-reader.ts'
import { DayCounts } from '../../src/registry/day-counts.ts'
import type { RegistryDeps } from '../../src/registry/deps.ts'
import { DEFAULT_LIMITS } from '../../src/registry/deps.ts'
import { ManifestCache } from '../../src/registry/manifest-cache.ts'
import { PullCounts } from '../../src/registry/pull-counts.ts'
import { RunningHashes } from '../../src/registry/running-hashes.ts'
import { SeenManifests } from '../../src/registry/seen-manifests.ts'

/** What the data plane's acts need, on these stores, with small caches and nobody who listens. */
export function registryDepsOn(
  stores: { readonly metadata: MetadataStore; readonly blobs: BlobStore; readonly keyring: Keyring },
  more: Partial<RegistryDeps> = {},
): RegistryDeps {
  const { metadata, blobs, keyring } = stores
  return {
    metadata,
    blobs,
    keyring,
    limits: DEFAULT_LIMITS,
    reader: new BlobReader(blobs, keyring, 1024 * 1024),
    manifests: new ManifestCache(keyring, 1024 * 1024),
    seen: new SeenManifests(metadata),
    pulls: new PullCounts(),
    days: new DayCounts(),
    hashes: new RunningHashes(),
    onEvent: async () => {},
    onUpload: () => {},
    refuseWhenFull: async () => {},
    roomIn: async () => null,
    ...more,
  }
}
