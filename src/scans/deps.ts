import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { FeedSettings } from './feed-sources.ts'
import type { LayerAnswer } from './run-child.ts'

/** Who asks, as far as these acts must know. That they may was decided before. */
export interface Actor {
  readonly contractId: number
  /** For audit rows. */
  readonly label: string
  readonly address: string | null
  /** Internal ids of the registries a key is limited to; null: all of the contract. */
  readonly registryIds: readonly number[] | null
}

/** What differs between two snapshots, as far as it may change a verdict. With the name `*`: all of the ecosystem. */
export interface SnapshotChanges {
  readonly packages: readonly { readonly ecosystem: string; readonly name: string }[]
}

export interface ScansDeps {
  readonly metadata: MetadataStore
  /** A blob as the repository may serve it, decrypted. A chunk may be kept until the next one is asked for. @throws `blob_unknown` */
  readonly openBlob: (
    registryId: number,
    repository: string,
    digest: string,
  ) => Promise<{ readonly size: number; readonly bytes: AsyncIterable<Uint8Array> }>
  /** A manifest's bytes, decrypted; nobody pulls it. @throws `manifest_unknown` */
  readonly readManifest: (registryId: number, repository: string, digest: string) => Promise<Uint8Array>
  /** In a process of its own. @throws `ChildError` */
  readonly readLayer: (
    bytes: AsyncIterable<Uint8Array>,
    aliases: LayerAnswer['unreadLinks'],
    signal: AbortSignal,
  ) => Promise<LayerAnswer>
  /** There may be a layer to read in a moment. */
  readonly prepareToRead: () => void
  /** Requests leave no room for a second layer at a time. */
  readonly isBusy: () => boolean
  /** A file that holds a snapshot. */
  readonly openSnapshot: (path: string) => AdvisoryIndex & Partial<Disposable>
  /** Of two such files. */
  readonly diffSnapshots: (before: string, after: string) => SnapshotChanges
  /** What is fetched, and what is old. */
  readonly feedSettings: FeedSettings
  /** Where this node unpacks snapshots; made when it is needed. */
  readonly cacheDirectory: string
}
