import type { BlobStore } from '../blobs/blob-store.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface GcDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** Open sessions idle for longer end (design.md 6). Milliseconds. */
  readonly uploadIdleMs: number
}
